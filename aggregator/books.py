"""What a run has accounted for: what is written, what was read whole, what awaits proof."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from aggregator.model import Organization, Outcome
from aggregator.resource import Resource
from aggregator.scope import ScopeResult
from aggregator.summary import Summary
from aggregator.visit import Scope


class Books:
    """The scopes of one run, one for each organization and planned resource.

    ``summary`` counts what was recorded.
    """

    def __init__(self, organizations: Sequence[Organization], planned: Sequence[Resource]) -> None:
        self._organizations = organizations
        self._planned = planned
        self.summary = Summary(
            organizations=len(organizations), scopes=len(organizations) * len(planned)
        )
        self._open = {
            resource.name: {organization.name for organization in organizations}
            for resource in planned
        }
        self._complete: dict[str, dict[str, str | None]] = defaultdict(dict)
        self._with_absence: dict[tuple[str, str], Scope] = {}
        self.unproven: list[tuple[Scope, ScopeResult]] = []
        """Written results, without their records, whose absent rows are to be judged."""

    def complete(self, resource: str) -> Mapping[str, str | None]:
        """The organizations of which this run read the resource completely, with their ids."""
        return self._complete[resource]

    def works(self, organization: str) -> bool:
        """Whether anything of it was read completely, or nothing was planned that would tell."""
        return not self._open or any(organization in names for names in self._complete.values())

    def id_of(self, organization: str) -> str | None:
        """Whose the key is, where this run has proven it."""
        ids = (names.get(organization) for names in self._complete.values())
        return next((known for known in ids if known), None)

    def rest(self) -> Iterator[tuple[Organization, Resource]]:
        """What was planned and not recorded yet."""
        for organization in self._organizations:
            for resource in self._planned:
                if organization.name in self._open[resource.name]:
                    yield organization, resource

    def await_proof(self, scope: Scope) -> None:
        """Rows that its answer did not contain are to be judged, once its result is written."""
        self._with_absence[scope.organization.name, scope.resource.name] = scope

    def record(self, results: Sequence[ScopeResult]) -> None:
        """Notes results as written and frees the bytes that they hold."""
        for result in results:
            result.release()
            resource, organization = result.resource.name, result.organization.name
            self._open.get(resource, set()).discard(organization)
            if result.outcome is Outcome.COMPLETE:
                self._complete[resource][organization] = result.organization_id
            self._note_absence(result)
        self.summary.add(results)

    def _note_absence(self, result: ScopeResult) -> None:
        scope = self._with_absence.pop((result.organization.name, result.resource.name), None)
        absence = result.absence
        if scope and absence and (absence.candidates or absence.counts_as_agreement):
            slim = replace(result, change=None, identity=None, rejections=(), shape=None)
            self.unproven.append((scope, slim))
