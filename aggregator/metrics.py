"""What Prometheus is told of a run: its account, and how the inventory stands after it.

Every metric is a gauge of the last run or of the whole; times are seconds since 1970, so that what
nobody renews is seen to age. What is not known is left out, never told as 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from aggregator import __version__
from aggregator.model import Outcome

RUN_STATUSES = ("complete", "partial", "failed", "cancelled")
ORGANIZATION_STATUSES = ("complete", "stale", "failed", "never", "no_key", "disabled")
CHANGES = ("created", "updated", "unchanged", "removed", "restored", "rejected")
MOST_ORGANIZATIONS = 1000
"""That get series of their own, where that is asked for at all (fault I5)."""


class _Gauges:
    """Gauges in a registry of their own; a value that is None makes none."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

    def add(self, name: str, help_text: str, value: float | None) -> None:
        if value is not None:
            self._gauge(name, help_text, ()).set(value)

    def add_each(
        self,
        name: str,
        help_text: str,
        labels: Sequence[str],
        values: Iterable[tuple[Sequence[str], float | None]],
    ) -> None:
        gauge = self._gauge(name, help_text, labels)
        for label_values, value in values:
            if value is not None:
                gauge.labels(*label_values).set(value)

    def _gauge(self, name: str, help_text: str, labels: Sequence[str]) -> Gauge:
        return Gauge(f"aggregator_{name}", help_text, labels, registry=self.registry)


def exposition(
    account: Mapping[str, Any],
    measures: Mapping[str, Any] | None,
    organizations: Sequence[Mapping[str, Any]] | None,
    *,
    finished_at: float,
) -> bytes:
    """The metrics in Prometheus's text format.

    ``account`` is the document of ``sync --json``, or what is known of it of a run that failed.
    ``measures`` is None where the database could not be asked, ``organizations`` where series of
    single organizations are not wanted; of these the first ``MOST_ORGANIZATIONS`` are told.
    """
    gauges = _Gauges()
    started_at = finished_at - account["duration_seconds"]
    gauges.add_each(
        "build_info", "Version of the program; always 1.", ["version"], [([__version__], 1)]
    )
    gauges.add("run_started_timestamp_seconds", "When the last run started.", started_at)
    gauges.add("run_finished_timestamp_seconds", "When the last run ended.", finished_at)
    _add_account(gauges, account)
    if measures:
        _add_measures(gauges, measures)
    if organizations is not None:
        _add_organizations(gauges, organizations)
    return generate_latest(gauges.registry)


def _add_account(gauges: _Gauges, account: Mapping[str, Any]) -> None:
    gauges.add(
        "run_exit_code", "Exit code of the last run, as in docs/commands.md.", account["exit_code"]
    )
    gauges.add_each(
        "run_status",
        "1 for the status of the last run, 0 for the others.",
        ["status"],
        [([status], status == account["status"]) for status in RUN_STATUSES],
    )
    gauges.add("run_duration_seconds", "How long the last run took.", account["duration_seconds"])
    gauges.add("run_requests", "Requests of the last run.", account.get("requests"))
    gauges.add("run_retries", "Of its requests those sent again.", account.get("retries"))
    if "organizations" in account:
        gauges.add_each(
            "run_organizations",
            "Organizations of the last run by how they ended, each by its worst resource.",
            ["result"],
            [([name], n) for name, n in account["organizations"].items() if name != "total"],
        )
    if "outcomes" in account:
        gauges.add_each(
            "run_outcomes",
            "Organizations of the last run, once for each resource, by outcome.",
            ["outcome"],
            [([outcome], account["outcomes"].get(outcome, 0)) for outcome in Outcome],
        )
    if "resources" in account:
        gauges.add_each(
            "run_rows",
            "Rows of the last run by resource and by what became of them.",
            ["resource", "change"],
            [
                ([resource, change], counts[change])
                for resource, counts in account["resources"].items()
                for change in CHANGES
            ],
        )


def _add_measures(gauges: _Gauges, measures: Mapping[str, Any]) -> None:
    gauges.add(
        "run_limit_wait_seconds",
        "Seconds that all requests of the last run together waited for rate limits.",
        measures["limit_wait_seconds"],
    )
    gauges.add(
        "last_complete_run_timestamp_seconds",
        "When a run last ended with every organization complete (exit code 0 or 5).",
        measures["last_complete_run_at"],
    )
    gauges.add(
        "oldest_organization_timestamp_seconds",
        "The earliest of the last complete reads of all organizations that are to be read.",
        measures["oldest_complete_at"],
    )
    gauges.add(
        "organizations_never_complete",
        "Organizations that are to be read and never were completely.",
        measures["never_complete"],
    )
    gauges.add_each(
        "organizations",
        "Organizations by status, as in reporting.organizations.",
        ["status"],
        [([status], measures["organizations"].get(status, 0)) for status in ORGANIZATION_STATUSES],
    )
    healthy, unhealthy = measures["healthy_connections"], measures["unhealthy_connections"]
    gauges.add_each(
        "connections",
        "Connections by health, as far as known.",
        ["health"],
        [
            (["healthy"], healthy),
            (["unhealthy"], unhealthy),
            (["unknown"], measures["connections"] - healthy - unhealthy),
        ],
    )
    gauges.add_each(
        "withheld_rows",
        "Rows that answers did not contain and that are kept, by resource.",
        ["resource"],
        [([resource], rows) for resource, rows in sorted(measures["withheld"].items())],
    )


def _add_organizations(gauges: _Gauges, organizations: Sequence[Mapping[str, Any]]) -> None:
    told = organizations[:MOST_ORGANIZATIONS]
    gauges.add_each(
        "organization_last_complete_timestamp_seconds",
        "When the organization was last read completely.",
        ["organization"],
        [([row["organization"]], row["last_complete_at"]) for row in told],
    )
    gauges.add_each(
        "organization_is_complete",
        "Whether the last attempt at the organization was complete.",
        ["organization"],
        [([row["organization"]], row["status"] == "complete") for row in told],
    )
    gauges.add_each(
        "organization_connections",
        "Connections of the organization, as far as known.",
        ["organization"],
        [([row["organization"]], row["connections"]) for row in told],
    )
    gauges.add_each(
        "organization_unhealthy_connections",
        "Of its connections those that are unhealthy.",
        ["organization"],
        [([row["organization"]], row["unhealthy_connections"]) for row in told],
    )
    gauges.add(
        "organizations_are_cut",
        "1 where more organizations are known than get series of their own.",
        len(organizations) > MOST_ORGANIZATIONS,
    )
