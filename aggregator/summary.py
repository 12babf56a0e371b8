"""What a run came to: counts by outcome and resource, organizations, and the exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from aggregator.model import Counts, Outcome
from aggregator.scope import MOST_NAMED, NONE_COUNTED, UNPROVEN, Planned, ScopeResult

EXIT_COMPLETE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_PARTIAL = 3
EXIT_NONE_COMPLETE = 4
EXIT_WITHHELD = 5
EXIT_ACTIVE = 6

_NOT_FAILED = {Outcome.COMPLETE, Outcome.PARTIAL, Outcome.DEFERRED}
EXAMPLES = 3
MOST_GROUPS = 40
"""Groups of organizations that ended alike, in the document; ``outcomes`` counts them all."""
CHANGES = ("created", "updated", "removed", "restored", "withheld", "rejected")


@dataclass(slots=True)
class Group:
    """Organizations that ended alike, with whichever of their resources."""

    outcome: Outcome
    error: str
    organizations: dict[str, None] = field(default_factory=dict)
    resources: set[str] = field(default_factory=set)

    @property
    def count(self) -> int:
        return len(self.organizations)

    @property
    def examples(self) -> list[str]:
        return list(islice(self.organizations, EXAMPLES))


@dataclass(slots=True)
class Plan:
    """What one scope would change."""

    counts: Counts = NONE_COUNTED
    fields: Counter[str] = field(default_factory=Counter)
    """How many updates would change a field."""
    changes: list[Planned] = field(default_factory=list)
    """The first ``MOST_NAMED`` of each kind."""

    def as_dict(self) -> dict[str, Any]:
        counts = self.counts.as_dict()
        return {
            **{name: counts[name] for name in CHANGES},
            "fields": dict(sorted(self.fields.items())),
            "changes": [
                {name: value for name, value in each._asdict().items() if value}
                for each in self.changes
            ],
        }


class Summary:
    """Grows with every result; memory depends on what went wrong, not on the fleet."""

    def __init__(self, *, organizations: int, scopes: int) -> None:
        self.organizations = organizations
        self.scopes = scopes
        self.done = 0
        self.requests = 0
        self.retries = 0
        self.headlines: list[str] = []
        self.notes: list[str] = []
        """What a person should know, though nothing went wrong; it is in no document."""
        self.knows_everyone = True
        """False where organizations could not be discovered: then the run is not complete."""
        self.walk_races = 0
        self.withheld_by_complete = 0
        """Rows missing from complete answers that a person may want to look at; those missing from
        partial ones, or only until the next run agrees, are not for a person to accept."""
        self.planned: dict[tuple[str, str], Plan] | None = None
        """What would change by organization and resource, where the run is only a plan."""
        self.outcomes: Counter[Outcome] = Counter()
        self.resources: dict[str, Counts] = {}
        self._unread: set[tuple[str, str]] = set()
        """Deployments and resources of which no key could read what is common to all; nobody's
        organization is to blame for that."""
        self._troubled: dict[str, set[Outcome]] = {}
        self._groups: dict[tuple[Outcome, str], Group] = {}

    def add(self, results: Sequence[ScopeResult]) -> None:
        for result in results:
            name = result.resource.name
            self.requests += result.requests
            self.retries += result.retries
            self.resources[name] = self.resources.get(name, Counts()) + result.counts
            self.walk_races += result.walk_races
            if result.outcome is Outcome.COMPLETE:
                self.withheld_by_complete += result.counts.withheld - _waiting(result)
            if self.planned is not None:
                self._plan(result)
            if not result.is_verdict:
                self.done += 1
                self.outcomes[result.outcome] += 1
                if result.resource.per == "deployment":
                    self._note_common(result)
                elif result.outcome is not Outcome.COMPLETE:
                    self._trouble(result)

    def _plan(self, result: ScopeResult) -> None:
        """Notes what a scope would change; its verdict says at last what stays withheld."""
        if self.planned is None:
            return
        key = (result.organization.name, result.resource.name)
        planned = self.planned.setdefault(key, Plan())
        planned.counts += result.counts
        if result.is_verdict:
            planned.changes = [each for each in planned.changes if each.change != "withheld"]
        for each in result.planned:
            planned.fields.update(each.fields)
            kept = sum(other.change == each.change for other in planned.changes)
            if kept < MOST_NAMED:
                planned.changes.append(each)

    def _note_common(self, result: ScopeResult) -> None:
        """Of several keys the last one tried tells how it ended."""
        key = (result.organization.deployment, result.resource.name)
        if result.outcome is Outcome.COMPLETE:
            self._unread.discard(key)
        else:
            self._unread.add(key)
            self._group(result)

    def _trouble(self, result: ScopeResult) -> None:
        self._troubled.setdefault(result.organization.name, set()).add(result.outcome)
        self._group(result)

    def _group(self, result: ScopeResult) -> None:
        key = (result.outcome, result.error or "")
        group = self._groups.setdefault(key, Group(*key))
        group.organizations[result.organization.name] = None
        group.resources.add(result.resource.name)

    @property
    def groups(self) -> list[Group]:
        """What did not end complete, the most frequent first."""
        return sorted(self._groups.values(), key=lambda group: (-group.count, group.outcome))

    @property
    def failed(self) -> int:
        return sum(1 for outcomes in self._troubled.values() if outcomes - _NOT_FAILED)

    def organization_counts(self) -> dict[str, int]:
        """Organizations by how they ended; each is counted once, by its worst scope."""
        failed = self.failed
        deferred = sum(
            1
            for outcomes in self._troubled.values()
            if not outcomes - _NOT_FAILED and Outcome.DEFERRED in outcomes
        )
        return {
            "total": self.organizations,
            "complete": self.organizations - len(self._troubled),
            "partial": len(self._troubled) - failed - deferred,
            "failed": failed,
            "deferred": deferred,
        }

    @property
    def exit_code(self) -> int:
        complete = self.organizations - len(self._troubled)
        if self._troubled or self._unread or not self.knows_everyone:
            is_any = complete and (self.outcomes[Outcome.COMPLETE] or not self.outcomes)
            return EXIT_PARTIAL if is_any else EXIT_NONE_COMPLETE
        if self.withheld_by_complete:
            return EXIT_WITHHELD
        return EXIT_COMPLETE

    def as_json(
        self, *, run_id: str, status: str, exit_code: int, duration_seconds: float
    ) -> dict[str, Any]:
        """The document of ``sync --json``."""
        document = {
            "run_id": run_id,
            "status": status,
            "exit_code": exit_code,
            "duration_seconds": round(duration_seconds, 3),
            "requests": self.requests,
            "retries": self.retries,
            "organizations": self.organization_counts(),
            "outcomes": {str(outcome): count for outcome, count in sorted(self.outcomes.items())},
            "resources": {
                name: counts.as_dict() for name, counts in sorted(self.resources.items())
            },
        }
        if self.walk_races:
            document["walk_races"] = self.walk_races
        if self.planned is not None:
            document["plan"] = [
                {"organization": organization, "resource": resource, **plan.as_dict()}
                for (organization, resource), plan in sorted(self.planned.items())
                if any(getattr(plan.counts, name) for name in CHANGES)
            ]
        if self.headlines:
            document["headline"] = "; ".join(self.headlines)
        return document


def _waiting(result: ScopeResult) -> int:
    """How many rows the result keeps only until another run agrees: they have no address."""
    if result.is_verdict or result.absence is None:
        return 0

    reasons = result.absence.withheld.values()
    return sum(reason == UNPROVEN for reason in reasons)


STATUS_OF_EXIT = {
    EXIT_COMPLETE: "complete",
    EXIT_WITHHELD: "complete",
    EXIT_PARTIAL: "partial",
    EXIT_NONE_COMPLETE: "failed",
    EXIT_FAILED: "failed",
}
