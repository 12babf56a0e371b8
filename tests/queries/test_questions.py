"""Every worked question has its known answer, for a login that may read the views and no more."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import pytest

from aggregator.redact import mask_object
from aggregator.resources.endpoint import endpoint_of
from benchmarks.views.seed import seed
from benchmarks.views.sizes import Sizes
from tests.queries.asking import FILES, FOLDER, Asking, asking
from tests.queries.fleet import (
    HEALTHY,
    HUBSPOT,
    POSTGRES,
    Teller,
    Version,
    gone,
    healthy,
    tell_fleet,
    unhealthy,
    without_status,
)
from tests.simulator.catalogue import TYPES
from tests.stored import DEPLOYMENT, READ, Row, Stored
from tools.dictionary import index, question_of

DAY = timedelta(days=1)
ALL = sorted(READ)


@dataclass(frozen=True, slots=True)
class World:
    teller: Teller
    asking: Asking

    async def ask(self, name: str, *columns: str, **replaced: str) -> list[Any]:
        """The answer, of these columns: as tuples, or as values where it is one."""
        rows = await self.asking.ask(name, **replaced)
        found = [tuple(row[column] for column in columns) for row in rows]
        return [row[0] for row in found] if len(columns) == 1 else found

    async def execute(self, statement: str, *arguments: object) -> None:
        await self.teller.stored.connection.execute(statement, *arguments)

    def ago(self, days: float) -> datetime:
        return self.teller.ago(days)


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def world(connection: asyncpg.Connection[asyncpg.Record]) -> AsyncIterator[World]:
    async with asking(connection) as asker:
        yield World(await tell_fleet(Stored(connection)), asker)


# How far it can be trusted


async def test_not_read(world: World) -> None:
    answer = await world.ask(
        "not-read", "organization", "status", "last_error", "resources", "last_complete_at"
    )
    assert answer == [
        ("globex", "stale", "the key is dead", ALL, world.ago(2)),
        ("hooli", "no_key", None, ALL, None),
        ("umbrella", "failed", "too few rights", ALL, None),
    ]


async def test_what_was_put_off_for_days_is_not_read_either(world: World) -> None:
    for resource, days in (("models", 3), ("bulk_syncs", 2), ("model_syncs", 1)):
        await world.execute(
            "update ledger.scopes set last_attempt_at = $2, last_read_at = $2,"
            " last_complete_at = $2 where organization = 'initech' and resource = $1",
            resource,
            world.ago(days),
        )
    answer = await world.ask(
        "not-read", "organization", "status", "last_outcome", "resources", "last_complete_at"
    )
    assert [row for row in answer if row[0] == "initech"] == [
        ("initech", "complete", "complete", ["bulk_syncs", "models"], world.ago(3))
    ]
    assert {row[0] for row in answer} == {"globex", "hooli", "initech", "umbrella"}


async def test_older_than_a_day(world: World) -> None:
    answer = await world.ask("older-than-a-day", "organization", "age", "connections")
    assert answer == [("hooli", None, None), ("umbrella", None, None), ("globex", 2 * DAY, 3)]


async def test_no_key(world: World) -> None:
    answer = await world.ask("no-key", "organization", "status", "gone_upstream_since")
    assert answer == [("hooli", "no_key", None), ("wayne", "complete", world.ago(12))]


async def test_too_few_rights(world: World) -> None:
    answer = await world.ask(
        "too-few-rights", "organization", "last_outcome", "resources", "last_complete_at"
    )
    assert answer == [
        ("globex", "unauthorized", ALL, world.ago(2)),
        ("umbrella", "forbidden", ALL, None),
    ]


async def test_withheld(world: World) -> None:
    answer = await world.ask("withheld", "organization", "id", "withheld_since", "withheld_reason")
    assert answer == [("acme", "ghost", world.ago(1), "rights")]


async def test_rejected(world: World) -> None:
    for days, rejected in ((10, ["a"]), (2, ["a", "b", None, ""]), (1, ["b", None, None, ""])):
        run_id = await attempt(world, "acme", days, "partial")
        for record_id in rejected:
            reason = "too long" if record_id == "a" else "too deep" if record_id else "no id"
            await reject(world, run_id, "acme", record_id, reason)

    answer = await world.ask(
        "rejected", "reason", "records", "example_id", "last_rejected_at", "is_current"
    )

    assert answer == [
        ("no id", 5, None, world.ago(1), True),  # each counts, also where the id is empty
        ("too deep", 1, "b", world.ago(1), True),  # b, twice
        ("too long", 1, "a", world.ago(2), False),  # which the last run did not meet any more
    ]


async def test_rejected_says_nothing_of_now_where_the_last_attempt_failed(world: World) -> None:
    for organization, *outcomes in (
        ("acme", "partial", "unauthorized"),  # nobody has looked since
        ("globex", "partial", "deferred", "cancelled"),  # nor here, but nothing failed
        ("initech", "partial", "complete", "deferred"),
        ("umbrella", "partial", "timeout", "complete"),
    ):
        [run_id, *_] = [
            await attempt(world, organization, 5 - number, outcome)
            for number, outcome in enumerate(outcomes)
        ]
        await reject(world, run_id, organization, "a", "too long")

    answer = await world.ask("rejected", "organization", "is_current", "last_read_at")

    assert answer == [
        ("acme", None, world.ago(5)),
        ("globex", True, world.ago(5)),
        ("initech", False, world.ago(4)),
        ("umbrella", False, world.ago(3)),
    ]


async def attempt(world: World, organization: str, days: float, outcome: str) -> str:
    """A run that tried the organization's connections; its id."""
    run_id = await world.teller.run(days)
    await world.execute(
        "insert into ledger.run_organizations (run_id, organization, resource, outcome,"
        " started_at, recorded_at) values ($1, $2, 'connections', $3, $4, $4)",
        run_id,
        organization,
        outcome,
        world.ago(days),
    )
    return run_id


async def reject(
    world: World, run_id: str, organization: str, record_id: str | None, reason: str
) -> None:
    await world.execute(
        "insert into ledger.rejected_records (run_id, organization, resource, record_id, reason,"
        " rejected_at) select $1, $2, 'connections', $3, $4, started_at from ledger.runs"
        " where run_id = $1",
        run_id,
        organization,
        record_id,
        reason,
    )


async def test_api_drift(world: World) -> None:
    for organization, path, last_seen_at in (
        ("acme", "new_field", None),
        ("globex", "new_field", None),
        ("acme", "other_field", None),
        ("acme", "old_field", world.ago(5)),
    ):
        await world.execute(
            "insert into ledger.drift (organization, resource, kind, path, first_seen_at,"
            " last_seen_at) values ($1, 'connections', 'unknown_field', $2, $3, $4)",
            organization,
            path,
            world.ago(9),
            last_seen_at,
        )
    answer = await world.ask("api-drift", "path", "organizations", "first_seen_at", "last_seen_at")
    assert answer == [
        ("new_field", 2, world.ago(9), world.ago(1 / 24)),
        ("other_field", 1, world.ago(9), world.ago(1 / 24)),
    ]


async def test_runs(world: World) -> None:
    noon = (world.ago(2)).replace(hour=12)
    for number, seconds, requests, retries, status in (
        (1, 10.0, 100, 1, "complete"),
        (2, 30.0, 100, 3, "complete"),
        (3, 20.0, 200, 0, "partial"),
    ):
        run_id = await world.teller.run(
            0,
            started_at=noon + timedelta(hours=number),
            duration_seconds=seconds,
            requests=requests,
            retries=retries,
            status=status,
            organizations_total=5,
            organizations_complete=5 if status == "complete" else 4,
        )
        await world.execute(
            "insert into ledger.run_organizations (run_id, organization, resource, outcome,"
            " waited_seconds) values ($1, 'acme', 'models', 'complete', 1.5)",
            run_id,
        )
    await world.teller.run(15)  # too long ago

    [row] = await world.asking.ask("runs")

    assert row["day"] == noon.date()
    assert (row["runs"], row["complete_runs"], row["requests"]) == (3, 2, 400)
    assert (row["median_seconds"], row["longest_seconds"]) == (20, 30)
    assert (row["retry_percent"], row["waited_seconds"]) == (1, 4.5)
    assert (row["least_organizations_complete"], row["organizations"]) == (4, 5)


# How healthy it is


async def test_fleet_health(world: World) -> None:
    silent = HUBSPOT | {"status": None}
    await world.teller.tell("connections", "acme", "silent", Version(9, silent))

    [row] = await world.asking.ask("fleet-health")

    assert (row["organizations_complete"], row["organizations_expected"]) == (2, 5)
    assert (row["is_complete"], row["oldest_observed_at"]) == (False, None)
    assert (row["connections"], row["distinct_connections"]) == (13, 11)  # two are copies
    assert (row["healthy_connections"], row["unhealthy_connections"]) == (8, 4)
    assert (row["connections_without_status"], row["healthy_percent_of_known"]) == (
        1,
        Decimal("66.7"),  # 8 of 12, not of 13
    )
    assert (row["withheld_connections"], row["strict_connections"]) == (1, None)


async def test_turned_unhealthy(world: World) -> None:
    answer = await world.ask(
        "turned-unhealthy", "organization", "name", "turned_unhealthy_at", "now", "last_seen_at"
    )
    assert answer == [
        ("globex", "sales", world.ago(3), "unhealthy", world.ago(2)),  # nobody has looked since
        ("acme", "billing", world.ago(5), "healthy", world.ago(1 / 24)),
        ("acme", "crm", world.ago(6), "unhealthy", world.ago(1 / 24)),
    ]
    edited = {"'Salesforce' as": "'Snowflake' as", "7 days": "10 days"}
    answer = await world.ask("turned-unhealthy", "name", "turned_unhealthy_at", "now", **edited)
    assert answer == [("lake", world.ago(9), "healthy")]


async def test_longest_unhealthy(world: World) -> None:
    answer = await world.ask(
        "longest-unhealthy", "organization", "name", "unhealthy_for", "is_since_exact"
    )
    assert answer == [
        ("initech", "notes", 10 * DAY, False),  # it was when we first saw it
        ("acme", "crm", 6 * DAY, True),
        ("globex", "sales", 3 * DAY, True),
    ]


async def test_longest_unhealthy_has_a_copy_where_no_original_is_unhealthy(world: World) -> None:
    tell, since = world.teller.tell, world.ago
    lake = {"parent_connection_id": "lake", "status": "unhealthy"}  # lake itself is healthy
    await tell("connections", "initech", "lake_copy", Version(9, HEALTHY | lake))
    elsewhere = {"parent_connection_id": "elsewhere", "status": "unhealthy"}
    await tell("connections", "initech", "of_unknown", Version(8, elsewhere))
    itself = {"parent_connection_id": "itself", "status": "unhealthy"}
    await tell("connections", "initech", "itself", Version(7, itself))
    below = {"parent_connection_id": "crm_copy", "status": "unhealthy"}
    await tell("connections", "globex", "crm_copy_copy", Version(9, below))

    answer = await world.ask("longest-unhealthy", "name", "unhealthy_since", "is_shared")

    assert answer == [
        ("notes", since(10), False),
        ("lake_copy", since(9), True),
        ("of_unknown", since(8), True),
        ("itself", since(7), True),  # as in the API's own example
        ("crm", since(6), False),  # for both of its copies
        ("sales", since(3), False),
    ]


async def test_flapping(world: World) -> None:
    answer = await world.ask("flapping", "organization", "name", "changes", "is_healthy")
    assert answer == [("acme", "lake", 4, True)]


async def test_flapping_sees_through_no_status_and_removals(world: World) -> None:
    first = Version(60, HUBSPOT | HEALTHY)
    for key, versions in (
        ("quiet", (without_status(12), unhealthy(11, "down"), without_status(10), healthy(9))),
        ("silent", (without_status(12), healthy(11), without_status(10), healthy(9))),
        ("removed", (gone(12), unhealthy(11, "down"), gone(10), healthy(9))),
        ("moved", (unhealthy(12, "down"), healthy(11), unhealthy(10, "down"), gone(9))),
    ):
        await world.teller.tell("connections", "acme", key, first, *versions)

    answer = await world.ask("flapping", "name", "changes", "is_healthy", **{"4 as": "2 as"})

    assert answer == [
        ("lake", 4, True),
        ("moved", 3, None),  # it is not there any more
        ("billing", 2, True),
        ("quiet", 2, True),
        ("removed", 2, True),
    ]
    answer = await world.ask("flapping", "name", "first_at", "last_at", **{"4 as": "2 as"})
    assert answer[3] == ("quiet", world.ago(11), world.ago(9))


async def test_time_to_recovery(world: World) -> None:
    answer = await world.ask(
        "time-to-recovery", "type_name", "times_unhealthy", "not_recovered", "median_time"
    )
    assert answer == [("Salesforce", 3, 2, 2 * DAY), ("Snowflake", 2, 0, DAY)]


async def test_recovery_is_the_first_time_that_it_is_there_and_healthy(world: World) -> None:
    tell, first = world.teller.tell, Version(60, HUBSPOT | HEALTHY)
    back = (gone(15), healthy(13), unhealthy(10, "down"))
    await tell("connections", "acme", "back", first, unhealthy(17, "down"), *back)
    silence = without_status(9)
    await tell("connections", "acme", "silent", first, unhealthy(12, "down"), silence, healthy(6))
    first = Version(60, POSTGRES | HEALTHY)
    await tell("connections", "acme", "unheard", first, silence, unhealthy(8, "down"))
    first = Version(60, POSTGRES | {"status": "unhealthy"})
    await tell("connections", "acme", "at_first", first, healthy(7))
    first = Version(60, POSTGRES | HEALTHY)
    await tell("connections", "acme", "broken_back", first, gone(9), unhealthy(8, "down"))

    answer = await world.ask(
        "time-to-recovery", "type_name", "times_unhealthy", "not_recovered", "longest_time"
    )

    assert answer == [
        ("HubSpot", 3, 1, 6 * DAY),  # back after 4 days, and not again; silent after 6
        ("Salesforce", 3, 2, 2 * DAY),
        ("Snowflake", 2, 0, DAY),
        ("PostgreSQL", 1, 1, None),  # unheard; nobody saw the others turn
    ]
    answer = await world.ask("time-to-recovery", "type_name", "mean_time")
    assert answer[0] == ("HubSpot", 5 * DAY)


async def test_blast_radius(world: World) -> None:
    answer = await world.ask(
        "blast-radius",
        "organization",
        "connection_name",
        "affected_bulk_syncs",
        "affected_model_syncs",
        "schedules",
        "not_looked",
    )
    lately = ["globex: bulk_syncs", "globex: model_syncs", "globex: models"]
    assert answer == [
        ("acme", "crm", 1, 1, ["daily", "hourly"], ["acme: shared_connections"]),
        ("globex", "sales", None, None, [], [*lately, "globex: shared_connections"]),
        ("initech", "notes", None, None, [], ["initech: shared_connections"]),
    ]


async def test_health_by_team(world: World) -> None:
    silent = HUBSPOT | {"status": None}
    await world.teller.tell("connections", "acme", "silent", Version(9, silent))

    answer = await world.ask(
        "health-by-team",
        "team",
        "organizations_complete",
        "organizations",
        "connections",
        "unhealthy_connections",
        "connections_without_status",
        "healthy_percent_of_known",
        "oldest_observed_at",
    )
    assert answer == [
        ("data", 1, 2, 3, 2, 0, Decimal("33.3"), None),
        ("growth", 1, 2, 10, 2, 1, Decimal("77.8"), world.ago(2)),  # 7 of 9
        (None, 0, 1, None, None, None, None, None),  # hooli
    ]


# What changed


async def test_who_changed_this_host(world: World) -> None:
    answer = await world.ask(
        "who-changed-this-host", "changed_at", "name", "old_host", "new_host", "updated_by_name"
    )
    assert answer == [(world.ago(3), "warehouse", "old.example", "pg.example", "Jane")]
    assert await world.ask("who-changed-this-host", "name", **{"'%' as": "'%.net' as"}) == []
    assert await world.ask("who-changed-this-host", "name", **{"90 days": "2 days"}) == []


async def test_a_host_can_change_between_removal_and_restoration(world: World) -> None:
    first = Version(95, POSTGRES | HEALTHY | {"endpoint": "old.example", "updated_by_name": "Joe"})
    moved = {"endpoint": "new.example", "updated_by_name": "Ann"}
    for key, versions in (
        ("moved", (gone(94), Version(8, moved))),
        ("back", (gone(94), Version(8, {"updated_by_name": "Ann"}))),
        ("lost", (Version(9, {"endpoint": None}), Version(8, {"name": "lost"}))),
        ("found", (Version(94, {"endpoint": None}), gone(9), Version(7, moved))),
    ):
        await world.teller.tell("connections", "acme", key, first, *versions)

    answer = await world.ask(
        "who-changed-this-host",
        *("changed_at", "name", "change", "old_host", "new_host", "updated_by_name"),
    )

    assert answer == [
        (world.ago(3), "warehouse", "updated", "old.example", "pg.example", "Jane"),
        (world.ago(7), "found", "restored", None, "new.example", "Ann"),
        (world.ago(8), "moved", "restored", "old.example", "new.example", "Ann"),
        (world.ago(9), "lost", "updated", "old.example", None, "Joe"),
    ]
    old = {"'%' as": "'old.%' as"}
    assert len(await world.ask("who-changed-this-host", "name", **old)) == 3


def test_it_says_of_which_types_no_host_is_known() -> None:
    without = [
        kind.name
        for kind in TYPES
        if endpoint_of(mask_object(kind.configuration(Random(1), "a"))) is None  # noqa: S311 - repeatable
    ]
    text = (FOLDER / "16-who-changed-this-host.sql").read_text().replace("\n-- ", " ")
    assert f"of these types: {', '.join(sorted(without))};" in text


async def test_changes_by_day(world: World) -> None:
    await world.teller.run(3)
    await world.teller.run(3)
    await world.teller.tell("roles", "acme", "found", Version(5))  # its first load
    await world.teller.settle()

    rows = await world.asking.ask("changes-by-day")

    assert [row["day"] for row in rows] == [
        (world.ago(0).astimezone(UTC) - number * DAY).date() for number in range(7)
    ]
    counts = [tuple(row.values())[1:] for row in rows]
    assert counts == [  # runs, created, updated, removed, restored, organizations
        (0, 0, 0, 0, 0, 0),
        (0, 1, 1, 0, 1, 2),  # wiki; warehouse; events
        (0, 0, 0, 1, 0, 1),  # legacy
        (2, 0, 3, 0, 0, 2),  # billing, warehouse; globex's sales
        (0, 0, 1, 1, 0, 1),  # crm; events
        (0, 0, 1, 0, 0, 1),  # billing
        (0, 0, 1, 0, 0, 1),  # crm
    ]


async def test_most_changed(world: World) -> None:
    answer = await world.ask("most-changed", "organization", "name", "changes", "fields")
    fields = ["endpoint", "name", "updated_by_name"]
    assert answer == [("acme", "main warehouse", 2, fields)]


async def test_removed_and_restored(world: World) -> None:
    answer = await world.ask("removed-and-restored", "changed_at", "id", "change", "is_back")
    assert answer == [
        (world.ago(1), "events", "restored", False),
        (world.ago(2), "legacy", "removed", False),
        (world.ago(4), "events", "removed", True),
    ]


async def test_what_hangs_on_a_connection_is_not_removed_beside_it(world: World) -> None:
    for resource in (
        "connection_proxy",
        "connection_schemas",
        "connection_sources",
        "connection_usage",
    ):
        await world.teller.tell(resource, "acme", "legacy", Version(60), gone(2))
    await world.teller.tell("roles", "acme", "intern", Version(60), gone(2))

    answer = await world.ask("removed-and-restored", "changed_at", "resource", "id")

    assert [row[1:] for row in answer if row[0] == world.ago(2)] == [
        ("connections", "legacy"),
        ("roles", "intern"),
    ]


async def test_as_of(world: World) -> None:
    columns = ("organization", "was_looked_at", "present", "unhealthy", "unknown")
    elsewhere = [(name, False, 0, 0, 0) for name in ("hooli", "umbrella", "vandelay")]

    assert await world.ask("as-of", *columns) == [
        *elsewhere,
        ("wayne", False, 0, 0, 0),  # its last look was 13 days ago
        ("acme", True, 7, 0, 0),
        ("globex", True, 3, 0, 0),
        ("initech", True, 2, 2, 0),
    ]
    assert await world.ask("as-of", *columns, **{"7 days": "1 hour"}) == [
        ("globex", False, 0, 0, 3),  # its key is refused since 2 days
        *elsewhere,
        ("wayne", False, 0, 0, 0),
        ("acme", True, 5, 1, 1),  # ghost is withheld
        ("initech", True, 3, 2, 0),
    ]


async def test_between_two_dates(world: World) -> None:
    answer = await world.ask(
        "between-two-dates", "organization", "name", "state_before", "state_after", "status_after"
    )
    there = ("present", "present")
    assert answer == [
        ("acme", "billing", *there, "healthy"),
        ("acme", "crm", *there, "unhealthy"),
        ("acme", "events", *there, "healthy"),  # it was gone in between
        ("acme", "ghost", "present", "unknown", None),  # withheld
        ("acme", "lake", *there, "healthy"),
        ("acme", "legacy", "present", "absent", None),
        ("acme", "main warehouse", *there, "healthy"),
        ("globex", "copy", "present", "unknown", None),  # nobody looked since
        ("globex", "mart", "present", "unknown", None),
        ("globex", "sales", "present", "unknown", None),
        ("initech", "crm_copy", "unknown", "present", "unhealthy"),  # nobody had looked yet
        ("initech", "notes", "unknown", "present", "unhealthy"),
        ("initech", "wiki", "unknown", "present", "healthy"),
    ]


async def test_new_types(world: World) -> None:
    await world.execute("update inventory.connections set created_at = '2020-01-01'")
    new = {"type_id": "gsheets", "type_name": "Google Sheets"} | HEALTHY
    await world.teller.tell("connections", "acme", "sheet", Version(0, new))

    answer = await world.ask("new-types", "type_id", "in_use_since", "connections")

    assert answer == [("gsheets", world.ago(0), 1)]


async def test_growth(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    stored = Stored(connection)
    teller = Teller(stored, datetime(2026, 4, 1, tzinfo=UTC))

    def days_to(month: int, day: int) -> Version:
        return Version((teller.now - datetime(2026, month, day, tzinfo=UTC)) / DAY)

    await stored.organization("acme")
    await stored.organization("globex")
    gone = Version(days_to(3, 5).days, is_gone=True)
    await teller.tell("connections", "acme", "a", days_to(1, 10))
    await teller.tell("connections", "acme", "b", days_to(1, 10), gone, days_to(3, 20))
    await teller.tell("connections", "acme", "c", days_to(1, 20))
    await teller.tell("connections", "acme", "d", days_to(3, 1), gone)
    await teller.tell("connections", "globex", "e", days_to(2, 1))
    await teller.settle()

    async with asking(connection) as asker:
        rows = await asker.ask("growth")

    assert [tuple(row.values()) for row in rows] == [
        # month, found, created, restored, removed, connections, organizations
        (date(2026, 1, 1), 2, 1, 0, 0, 3, 1),
        (date(2026, 2, 1), 1, 0, 0, 0, 4, 2),
        (date(2026, 3, 1), 0, 1, 1, 2, 4, 2),
    ]


# How much it is used


async def test_api_calls_by_type_and_month(world: World) -> None:
    for day, organization, key, calls in (
        ("2026-01-30", "acme", "crm", 10),
        ("2026-01-31", "acme", "crm", 20),
        ("2026-01-31", "globex", "sales", 5),
        ("2026-02-01", "acme", "lake", 7),
        ("2026-02-01", "acme", "billing", 1),
    ):
        await world.execute(
            "insert into inventory.api_usage_days values ($1, $2, $3, $4::text::date, $5, $5)",
            DEPLOYMENT,
            organization,
            key,
            day,
            calls,
        )
        await world.execute(
            "insert into ledger.scope_days values ($1, 'connections', $2::text::date)"
            " on conflict do nothing",
            organization,
            day,
        )
    await world.teller.settle()

    answer = await world.ask(
        "api-calls-by-type-and-month",
        *("month", "type_id", "api_calls", "days_read", "readings", "connections", "organizations"),
    )

    february, january = date(2026, 2, 1), date(2026, 1, 1)
    # On February 1 acme's crm was read, too, and still said 20. On January 30 globex was not read.
    assert answer == [
        (february, "salesforce", 21, 1, 2, 2, 1),
        (february, "snowflake", 7, 1, 1, 1, 1),
        (january, "salesforce", 35, 2, 3, 2, 2),
    ]


async def test_biggest_consumers(world: World) -> None:
    for organization, key, calls, limited in (
        ("acme", "crm", 300, None),
        ("acme", "billing", 100, False),
        ("globex", "sales", 200, True),
    ):
        await world.teller.stored.reading(
            "connections",
            organization,
            key,
            api_calls_last_24_hours=calls,
            rate_limit_reported=limited is not None,
            rate_limited=limited,
        )
    answer = await world.ask(
        "biggest-consumers",
        "organization",
        "name",
        "api_calls_last_24_hours",
        "percent_of_organization",
        "rate_limited",
        "last_seen_at",
    )
    assert answer == [
        ("globex", "sales", 200, 100, True, world.ago(2)),
        ("acme", "billing", 100, 25, False, world.ago(1 / 24)),
        ("acme", "crm", 300, 75, None, world.ago(1 / 24)),
    ]
    await world.execute("update ledger.organizations set enabled = organization <> 'globex'")
    assert await world.ask("biggest-consumers", "name") == ["billing", "crm"], "nobody asks globex"


# What exists


@pytest.mark.parametrize("question", ["longest-unhealthy", "blast-radius", "unused"])
async def test_who_is_not_expected_is_in_no_list_of_what_is_to_be_done(
    world: World, question: str
) -> None:
    """Its rows are as old as its last reading, and no total counts them."""
    [name, *_] = await world.ask(question, "organization")
    await world.execute("update ledger.organizations set enabled = organization <> $1", name)

    assert name not in await world.ask(question, "organization")


async def test_unused(world: World) -> None:
    answer = await world.ask("unused", "organization", "connection_name", "is_certain")
    assert answer == [
        ("initech", "crm_copy", True),  # the others may have copies where nobody looked
        ("acme", "events", False),
        ("acme", "ghost", False),
        ("globex", "sales", False),
        ("initech", "notes", False),
        ("initech", "wiki", False),
    ]


async def test_orphan_syncs(world: World) -> None:
    answer = await world.ask("orphan-syncs", "sync_name", "missing", "via", "reason", "removed_at")
    assert answer == [("old", "legacy", "source", "removed", world.ago(2))]


async def test_models_without_syncs(world: World) -> None:
    answer = await world.ask("models-without-syncs", "organization", "name", "syncs_read_at")
    assert answer == [("acme", "spare", world.ago(1 / 24))]


async def test_idle_syncs(world: World) -> None:
    answer = await world.ask("idle-syncs", "kind", "name", "why", "status_message")
    assert answer == [
        ("bulk_sync", "loads", "failing", "no such table"),
        ("model_sync", "paused", "switched off", None),
    ]


async def test_a_sync_fails_by_its_state_too_and_more_than_it_is_run_by_hand(world: World) -> None:
    for key, status, schemas_failed, fields in (
        ("failed", "Failed", 0, {}),
        ("with_errors", "errors", None, {"schedule": "manual"}),
        ("by_hand", "completed", 0, {"schedule": "manual"}),
        ("off", "failed", 1, {"active": False}),
        ("done", "completed", 0, {}),
        ("never_ran", "created", None, {}),
    ):
        told = {"active": True, "schedule": "daily"} | fields
        await world.teller.tell("bulk_syncs", "initech", key, Version(9, told))
        await world.teller.stored.reading(
            "bulk_syncs", "initech", key, current_status=status, schemas_failed=schemas_failed
        )
    answer = await world.ask("idle-syncs", "organization", "name", "why")
    assert [row[1:] for row in answer if row[0] == "initech"] == [
        ("by_hand", "by hand"),
        ("failed", "failing"),
        ("with_errors", "failing"),
        ("off", "switched off"),
    ]


async def test_shared_copies(world: World) -> None:
    answer = await world.ask(
        "shared-copies",
        "organization",
        "parent_name",
        "child_organization",
        "name",
        "child_has_key",
    )
    assert answer == [
        ("acme", "crm", "initech", "crm_copy", True),  # the original is unhealthy
        ("acme", "main warehouse", "globex", "copy", True),
    ]


async def test_same_warehouse(world: World) -> None:
    answer = await world.ask(
        "same-warehouse", "endpoint", "organizations", "connections", "distinct_connections"
    )
    assert answer == [("pg.example", ["acme", "globex"], 3, 2)]


# Who may do what


async def test_policies_and_roles(world: World) -> None:
    allowed = json.dumps(
        [
            {"action": "query", "role_ids": ["analyst", "nobody-read"]},
            {"action": "delete", "role_ids": None},
        ]
    )
    await world.teller.tell("policies", "acme", "finance", Version(9, {"policy_actions": allowed}))
    await world.teller.tell("roles", "acme", "analyst", Version(9, {"name": "Analyst"}))
    await world.execute(
        "update inventory.connections set policies = '{finance}'"
        " where organization_id = 'acme' and id in ('crm', 'billing')"
    )
    answer = await world.ask(
        "policies-and-roles", "organization", "policy", "action", "role", "role_id", "connections"
    )
    assert answer == [
        ("acme", "finance", "delete", None, None, 2),
        ("acme", "finance", "query", "Analyst", "analyst", 2),
        ("acme", "finance", "query", None, "nobody-read", 2),
        ("acme", None, None, None, None, 4),
        ("globex", None, None, None, None, 3),
        ("initech", None, None, None, None, 3),
    ]


# All of them


async def test_no_answer_depends_on_the_time_zone_of_the_session(world: World) -> None:
    connection = world.asking.connection
    moment = "date_trunc('month', now(), 'UTC') + $1::text::interval"
    for key, offset in (("last_month", "-1 hour"), ("this_month", "1 hour")):
        fields = HEALTHY | {"type_id": key, "type_name": key}
        await world.teller.tell("connections", "acme", key, Version(9, fields))
        await world.execute(
            f"update inventory.connections set created_at = {moment} where id = $2",  # noqa: S608 - ours
            offset,
            key,
        )
    await world.teller.run(2)
    await world.execute(
        "insert into inventory.api_usage_days"
        " select deployment, organization_id, id, day, 5, 5 from inventory.connections"
        " cross join unnest(array['2026-01-31', '2026-02-01']::date[]) as d (day)"
    )
    await world.execute(
        "insert into ledger.scope_days values ('acme', 'connections', '2026-02-01')"
    )
    await world.teller.settle()

    answers = []
    for zone in ("UTC", "Pacific/Auckland", "Pacific/Pago_Pago"):
        async with connection.transaction():  # in which now() is one moment
            await connection.execute(f"set local time zone '{zone}'")
            answers.append({file.stem: await world.asking.ask(file.stem[3:]) for file in FILES})

    differing = [
        name
        for name, rows in answers[0].items()
        if not (rows == answers[1][name] == answers[2][name])
    ]
    assert differing == []
    types = [row["type_id"] for row in answers[0]["22-new-types"]]
    assert "this_month" in types
    assert "last_month" not in types


async def test_a_day_without_a_midnight_is_a_day(world: World) -> None:
    edited = {"(now() at time zone 'UTC')::date - 6": "date '2026-04-22'"}
    await world.execute("set time zone 'Africa/Cairo'")  # April 24 began at 1:00 there
    days = await world.ask("changes-by-day", "day", **edited)
    assert days == [date(2026, 4, 28 - number) for number in range(7)]


def test_there_are_at_least_25_and_each_is_a_question_that_is_tested() -> None:
    assert len(FILES) >= 25
    assert [file.name[:3] for file in FILES] == [f"{n:02}-" for n in range(1, len(FILES) + 1)]
    assert [file.name for file in FILES if not question_of(file).endswith("?")] == []
    assert [file.name for file in FILES if name_of_test(file) not in globals()] == []


def name_of_test(file: Path) -> str:
    return "test_" + file.stem[3:].replace("-", "_")


def test_the_index_has_every_question() -> None:
    assert (FOLDER / "README.md").read_text() == index(FILES), "stale: make docs"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_is_one_statement_over_reporting_that_runs_as_it_stands(file: Path) -> None:
    text = file.read_text()
    statement = re.sub(r"--.*", "", text)
    assert statement.count(";") == 1
    assert set(re.findall(r"\b(\w+)\.\w+\(|(?:from|join)\s+(\w+)\.", statement)) <= {
        ("", "reporting"),
        ("reporting", ""),
    }
    assert not re.search(r"\s:\w|[^:]:'|\\|\$\d", statement), "a variable of psql"
    assert max(map(len, text.splitlines())) <= 105


async def test_without_data_each_has_an_answer(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    async with asking(connection) as asker:
        answers: dict[str, list[Row]] = {
            file.stem[3:]: await asker.ask(file.stem[3:]) for file in FILES
        }
    assert {name for name, rows in answers.items() if rows} == {"fleet-health", "changes-by-day"}
    assert answers["fleet-health"][0]["connections"] is None


async def test_none_takes_long_over_a_larger_fleet(empty_database_url: str) -> None:
    await seed(empty_database_url, Sizes(organizations=50, connections=5_000, days=60))
    connection = await asyncpg.connect(empty_database_url)
    try:
        await connection.execute("set statement_timeout = '10s'")
        async with asking(connection) as asker:
            answers = {file.stem[3:]: await asker.ask(file.stem[3:]) for file in FILES}
    finally:
        await connection.close()
    assert len(answers["between-two-dates"]) > 500
