"""Documents of pages, as the database would give them: what tests of pages stand on."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

from aggregator.page.document import Document, Rows

MOMENT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
AGES = ("less than 2 hours ago", "longer ago", "never")
SUMMARY = {
    "organizations_expected": 0,
    "organizations_complete": 0,
    "oldest_observed_at": None,
    "is_complete": False,
    "connections": None,
    "distinct_connections": None,
    "healthy_connections": None,
    "unhealthy_connections": None,
    "connections_without_status": None,
    "withheld_connections": None,
    "unhealthy_organizations": None,
    "organizations_disabled": 0,
    "organizations_gone_upstream": 0,
}


def document(**given: Rows) -> Document:
    """An empty database's document, but for these rows; ``total`` is their number if not given."""
    rows: dict[str, Rows] = {field.name: () for field in fields(Document)}
    rows |= {
        "moment": [{"as_of": MOMENT, "role": "reader"}],
        "summary": [SUMMARY],
        "ages": [{"age": age, "is_never": age == "never", "organizations": 0} for age in AGES],
    }
    rows |= {
        name: [{"total": len(of_name), **row} for row in of_name] for name, of_name in given.items()
    }
    return Document(**rows)


def full(name: str = "acme", error: str = "it is down", organizations: int = 1) -> Document:
    """Every section with rows, and ``name`` and ``error`` wherever the outside has a say."""
    ago = MOMENT - timedelta(hours=3)
    today = MOMENT.date()
    return document(
        summary=[
            {
                **SUMMARY,
                "organizations_expected": organizations,
                "organizations_complete": organizations - 1,
                "connections": 100 * organizations,
                "distinct_connections": 90 * organizations,
                "healthy_connections": 80 * organizations,
                "unhealthy_connections": 15 * organizations,
                "connections_without_status": 5 * organizations,
                "withheld_connections": 2,
                "unhealthy_organizations": organizations,
            }
        ],
        statuses=[{"status": "failed", "organizations": organizations}],
        ages=[{"age": "longer ago", "is_never": False, "organizations": organizations}],
        resources=[
            {
                "resource": name,
                **dict.fromkeys(("complete", "stale", "failed", "never", "no_key"), 1),
                "records": 5,
                "withheld": None,
                "oldest_complete_at": ago,
            }
        ],
        not_complete=many(
            min(organizations, 300),
            organization=name,
            status="failed",
            last_outcome="unauthorized",
            last_error=error,
            last_complete_at=None,
            last_attempt_at=ago,
            resources=[name, "bulk_syncs"],
            is_all=False,
        ),
        organizations=[
            {
                "organization": f"{name}-{number:05}",
                "status": "complete",
                "last_complete_at": ago,
                "connections": number % 100,
                "healthy_connections": number % 90,
                "unhealthy_connections": number % 10,
                "withheld_connections": 0,
                "tags": [[name, name], ["region", "eu"]],
            }
            for number in range(organizations)
        ],
        unhealthy_ages=[{"age": "less than a day", "connections": 15}],
        unhealthy=many(
            min(organizations, 500),
            name=name,
            organization=name,
            type_id="postgresql",
            type_name=name,
            status=name,
            status_error=error,
            unhealthy_since=ago,
            is_since_exact=False,
            is_shared=True,
        ),
        days=[{"day": today}],
        changes_daily=[
            {"day": today, "resource": name, "change": change, "is_first_load": first, "changes": 7}
            for change, first in (("created", True), ("updated", False))
        ],
        changes=many(
            min(organizations, 200),
            changed_at=ago,
            organization=name,
            resource=name,
            name=name,
            change="updated",
            field=name,
        ),
        usage_daily=[
            {
                "day": today - timedelta(days=back),
                "api_calls": 9,
                "connections": 2,
                "organizations": 1,
            }
            for back in range(60)
        ],
        usage_top=many(20, organization=name, api_calls=5, days=3),
        types=many(
            30,
            type_id=name,
            type_name=None,
            organizations=1,
            connections=3,
            distinct_connections=3,
            healthy_connections=1,
            unhealthy_connections=1,
            connections_without_status=1,
            withheld_connections=0,
        ),
        blast_radius=many(
            50,
            connection_name=name,
            organization=name,
            type_id=name,
            status_since=ago,
            affected_organizations=None,
            copies=3,
            affected_bulk_syncs=2,
            affected_model_syncs=None,
            affected_models=0,
            is_certain=False,
        ),
        drift=many(
            50,
            path=name,
            resource=name,
            kind="changed_type",
            found_type=name,
            is_current=True,
            organizations=3,
            first_seen_at=ago,
            last_seen_at=ago,
        ),
        runs=many(
            50,
            started_at=ago,
            status="partial",
            duration_seconds=None,
            **dict.fromkeys(
                (
                    *(f"organizations_{word}" for word in ("total", "complete", "partial")),
                    *("organizations_failed", "organizations_deferred", "requests", "retries"),
                    *("created", "updated", "removed"),
                )
            ),
            headline=error,
        ),
    )


def many(count: int, **columns: Any) -> Rows:  # noqa: ANN401 (what columns hold)
    return [dict(columns) for _ in range(count)]
