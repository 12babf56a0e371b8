"""What dashboards ask, as a person clicks through them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import asyncpg

GOAL_MILLISECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Question:
    """One query; ``names`` are the parameters it takes of ``Subjects``."""

    name: str
    sql: str
    names: tuple[str, ...] = ()


async def subjects(connection: asyncpg.Connection) -> dict[str, Any]:
    """Of whom questions about one thing ask: from the middle of the fleet."""
    row = await connection.fetchrow(
        "select c.organization, u.id as connection_id, u.deployment, u.organization_id"
        " from (select * from inventory.connections offset (select count(*) / 2"
        " from inventory.connections) limit 1) u"
        " join ledger.organizations c using (deployment, organization_id)"
    )
    if row is None:
        raise SystemExit("there is no connection to ask about")
    return dict(row)


_USAGE = "organization_api_usage_daily"
_DAYS = "select day, change, sum(changes) from reporting.changes_daily where not is_first_load"

QUESTIONS = (
    Question("fleet_summary", "select * from reporting.fleet_summary"),
    Question("organization_health", "select * from reporting.organization_health"),
    Question("organizations, all", "select * from reporting.organizations"),
    Question(
        "organizations, one",
        "select * from reporting.organizations where organization = $1",
        ("organization",),
    ),
    Question(
        "coverage, what is not complete",
        "select * from reporting.coverage where status <> 'complete'"
        " order by last_complete_at nulls first limit 500",
    ),
    Question(
        "coverage, counts by status",
        "select resource, status, count(*) from reporting.coverage group by 1, 2",
    ),
    Question("connection_types_in_use", "select * from reporting.connection_types_in_use"),
    Question(
        "unhealthy_connections, newest 500",
        "select * from reporting.unhealthy_connections order by unhealthy_since desc limit 500",
    ),
    Question(
        "unhealthy_connections, count", "select count(*) from reporting.unhealthy_connections"
    ),
    Question(
        "changes_daily, 7 days",
        f"{_DAYS} and day > (now() at time zone 'UTC')::date - 7 group by 1, 2",
    ),
    Question(
        "changes_daily, 30 days",
        f"{_DAYS} and day > (now() at time zone 'UTC')::date - 30 group by 1, 2",
    ),
    Question(
        "changes_daily, 365 days",
        f"{_DAYS} and day > (now() at time zone 'UTC')::date - 365 group by 1, 2",
    ),
    Question(
        "changes, newest 200 of 7 days",
        "select * from reporting.changes where changed_at > now() - interval '7 days'"
        " order by changed_at desc limit 200",
    ),
    Question(
        "usage, 30 days",
        f"select day, sum(api_calls), sum(connections) from reporting.{_USAGE}"  # noqa: S608 - a name of ours
        " where day > (now() at time zone 'UTC')::date - 30 group by day",
    ),
    Question(
        "usage, one organization, a year",
        f"select day, api_calls from reporting.{_USAGE}"  # noqa: S608 - as above
        " where organization = $1 and day > (now() at time zone 'UTC')::date - 365",
        ("organization",),
    ),
    Question(
        "usage, top organizations",
        f"select organization, sum(api_calls) from reporting.{_USAGE}"  # noqa: S608 - as above
        " where day > (now() at time zone 'UTC')::date - 7"
        " group by organization order by 2 desc limit 20",
    ),
    Question(
        "connections, one organization",
        "select * from reporting.connections where organization = $1",
        ("organization",),
    ),
    Question(
        "unhealthy_connections, one type",
        "select * from reporting.unhealthy_connections where type_id = 'salesforce'"
        " order by unhealthy_since desc limit 500",
    ),
    Question(
        "connections, one type, unhealthy",
        "select organization, name, status_error, last_seen_at from reporting.connections"
        " where type_id = 'salesforce' and is_healthy = false limit 500",
    ),
    Question(
        "connections, search in names",
        "select organization, connection_id, name from reporting.connections"
        " where name ilike '%77777 of team%' limit 50",
    ),
    Question(
        "connection_history, one connection",
        "select * from reporting.connection_history where organization = $1 and connection_id = $2",
        ("organization", "connection_id"),
    ),
    Question(
        "connection_history, by id alone",
        "select * from reporting.connection_history where connection_id = $1",
        ("connection_id",),
    ),
    Question(
        "connection_changes, one organization, 30 days",
        "select * from reporting.connection_changes"
        " where organization = $1 and changed_at > now() - interval '30 days'"
        " order by changed_at desc",
        ("organization",),
    ),
    Question(
        "blast_radius, 50 broadest",
        "select * from reporting.blast_radius where copies > 0"
        " order by copies desc, affected_organizations desc nulls last limit 50",
    ),
    Question(
        "blast_radius, 50 widest originals",
        "select * from reporting.blast_radius where root_connection_id is null"
        " order by affected_organizations desc nulls last limit 50",
    ),
    Question("same_endpoint", "select * from reporting.same_endpoint"),
    Question("api_drift", "select * from reporting.api_drift"),
    Question("runs, newest 50", "select * from reporting.runs order by started_at desc limit 50"),
    Question(
        "run_organizations, newest, not complete",
        "select * from reporting.run_organizations where outcome <> 'complete' and run_id ="
        " (select run_id from reporting.runs order by started_at desc limit 1)",
    ),
)
