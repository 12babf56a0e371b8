"""What dashboards ask first: coverage, what is broken since when, changes and usage by day."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.simulator.fault import Fault
from tests.stored import Stored, by, stored
from tests.syncing import Row, Syncing

FAR_EAST, FAR_WEST = "Pacific/Kiritimati", "Etc/GMT+12"  # it is never the same day in both


async def test_coverage_lists_each_enabled_resource_of_each_expected_organization(
    database_url: str,
) -> None:
    async with stored(database_url) as world:
        await world.connection.execute(
            "insert into ledger.resources (resource, per, is_enabled) values"
            " ('connections', 'organization', true), ('models', 'organization', true),"
            " ('roles', 'organization', false), ('connection_types', 'deployment', true)"
        )
        await world.organization("acme", "connections", "connection_types", organization_name="A")
        await world.organization("new", organization_id=None)
        await world.organization("keyless", configured=False, is_listed=True)
        await world.organization("disabled", enabled=False)
        await world.connection.execute(
            "update ledger.scopes set records = 7, withheld = 2 where resource = 'connections';"
            "insert into ledger.scopes (organization, resource, last_attempt_at, last_outcome,"
            " last_error) values ('acme', 'models', now(), 'timeout', 'too slow')"
        )

        rows = by(await world.read("coverage"), "organization", "resource")

    assert {key: row["status"] for key, row in rows.items()} == {
        ("acme", "connections"): "complete",
        ("acme", "connection_types"): "complete",
        ("acme", "models"): "failed",
        ("new", "connections"): "never",
        ("new", "models"): "never",
        ("keyless", "connections"): "no_key",
        ("keyless", "models"): "no_key",
    }
    read = rows["acme", "connections"]
    assert (read["records"], read["withheld"], read["organization_name"]) == (7, 2, "A")
    failed = rows["acme", "models"]
    assert (failed["records"], failed["withheld"]) == (None, None)  # never read is not zero
    assert (failed["last_outcome"], failed["last_error"]) == ("timeout", "too slow")
    assert (failed["last_complete_at"], rows["new", "models"]["last_attempt_at"]) == (None, None)


async def test_coverage_tells_what_was_complete_once_from_what_never_was(
    database_url: str,
) -> None:
    async with stored(database_url) as world:
        await world.organization("acme", "connections", "models")  # no run said yet which it reads
        await world.connection.execute(
            "update ledger.scopes set last_outcome = 'network' where resource = 'models'"
        )

        rows = by(await world.read("coverage"), "resource")

    assert {key: row["status"] for key, row in rows.items()} == {
        "connections": "complete",
        "models": "stale",
    }


async def test_a_renamed_organization_keeps_how_many_records_are_known(whole: Syncing) -> None:
    await whole.sync()
    counted = "select resource, records from reporting.coverage where organization = $1 order by 1"
    before = await whole.query(counted, "acme-01")
    whole.organizations["renamed"] = replace(whole.organizations.pop("acme-01"), name="renamed")
    whole.fleet["acme-01"].faults = [Fault(path="/api/models", status=500)]

    await whole.sync()

    assert await whole.query(counted, "renamed") == before


async def test_a_connection_is_unhealthy_since_a_run_saw_it_turn(world: Syncing) -> None:
    turned, always, fine = world.fleet["acme-01"].connections[:3]
    turned |= {"status": "healthy"}
    always |= {"status": "UNHEALTHY"}
    fine |= {"status": "Healthy"}
    for each in (*world.fleet["acme-01"].connections[3:], *world.fleet["acme-02"].connections):
        each["status"] = None
    await world.sync()
    turned |= {"status": "unhealthy", "status_error": "down"}
    await world.sync()
    turned |= {"status": "error", "name": "another name"}
    await world.sync()

    rows = by(await world.query("select * from reporting.unhealthy_connections"), "connection_id")

    assert rows.keys() == {turned["id"], always["id"]}
    _, second, _ = await world.history(turned["id"])
    assert rows[turned["id"]]["unhealthy_since"] == second["valid_from"]
    assert rows[turned["id"]]["is_since_exact"]
    assert rows[turned["id"]]["name"] == "another name"
    [first] = await world.history(always["id"])
    assert rows[always["id"]]["unhealthy_since"] == first["valid_from"]
    assert not rows[always["id"]]["is_since_exact"]


async def test_a_connection_that_recovers_is_not_listed(world: Syncing) -> None:
    connection = world.fleet["acme-01"].connections[0]
    for status in ("unhealthy", "healthy"):
        connection["status"] = status
        await world.sync()

    listed = await world.column("select connection_id from reporting.unhealthy_connections")

    assert connection["id"] not in listed


async def test_what_came_back_unhealthy_after_a_removal_is_not_known_exactly(
    world: Syncing,
) -> None:
    acme = world.fleet["acme-01"]
    connection = acme.connections[0] | {"status": "healthy"}
    acme.connections[0] = connection
    await world.sync()
    acme.connections.remove(connection)
    await world.sync()
    acme.connections.append(connection | {"status": "unhealthy"})
    await world.sync()

    rows = await world.query(
        "select * from reporting.unhealthy_connections where connection_id = $1", connection["id"]
    )

    assert [row["is_since_exact"] for row in rows] == [False]


async def test_changes_of_every_resource_but_people_are_in_one_view(everything: Syncing) -> None:
    acme = everything.fleet["acme-01"]
    await everything.sync()
    acme.connections[0]["name"] = "renamed connection"
    acme.bulk_syncs[0]["name"] = "renamed sync"
    acme.users[0]["email"] = "other@example.com"

    await everything.sync()

    updates = await everything.query(
        "select resource, id, organization, name, field, new_value::text as new_value,"
        " is_first_load from reporting.changes where change = 'updated'"
    )
    assert by(updates, "resource") == {
        resource: {
            "resource": resource,
            "id": identifier,
            "organization": "acme-01",
            "name": name,
            "field": "name",
            "new_value": f'"{name}"',
            "is_first_load": False,
        }
        for resource, identifier, name in (
            ("connections", acme.connections[0]["id"], "renamed connection"),
            ("bulk_syncs", acme.bulk_syncs[0]["id"], "renamed sync"),
        )
    }
    resources = await everything.column("select distinct resource from reporting.changes")
    assert "users" not in resources
    assert {"connections", "bulk_syncs", "models", "connection_types"} <= set(resources)


async def test_a_first_load_is_told_from_what_was_created_later(world: Syncing) -> None:
    world.fleet["acme-02"].connections, later = [], world.fleet["acme-02"].connections
    await world.sync()  # acme-02 was read, and had none
    world.fleet["acme-02"].connections = later
    acme = world.fleet["acme-01"]
    acme.connections.append(acme.connections[0] | {"id": "one-more"})
    await world.sync()

    loads = await world.query("select organization, is_first_load from reporting.changes")
    days = await world.query(
        "select organization, is_first_load, changes from reporting.changes_daily"
        " where change = 'created'"
    )

    expected = {("acme-01", True): 6, ("acme-01", False): 1, ("acme-02", False): 6}
    assert Counter((row["organization"], row["is_first_load"]) for row in loads) == expected
    assert {(row["organization"], row["is_first_load"]): row["changes"] for row in days} == expected


async def test_a_day_counts_versions_and_not_fields(world: Syncing) -> None:
    acme = world.fleet["acme-01"]
    connection = acme.connections[0]
    await world.sync()
    connection |= {"name": "other", "status": "unhealthy", "saved": False}
    await world.sync()
    acme.connections.remove(connection)
    await world.sync()
    acme.connections.append(connection)
    await world.sync()

    assert await _days(world, "acme-01") == {
        "created": 6,
        "updated": 1,
        "removed": 1,
        "restored": 1,
    }


async def _days(world: Syncing, organization: str) -> Row:
    rows = await world.query(
        "select change, changes from reporting.changes_daily"
        " where organization = $1 and resource = 'connections'",
        organization,
    )
    return {change: row["changes"] for change, row in by(rows, "change").items()}


@pytest.mark.parametrize("zone", [FAR_EAST, FAR_WEST])
async def test_a_day_is_that_of_utc_whatever_the_time_zone_of_writer_and_reader(
    database_url: str, zone: str
) -> None:
    async with stored(database_url) as world:
        await world.connection.execute(f"set timezone = '{zone}'")
        await world.organization("acme", "connections")
        await world.connection_of("acme", "crm")
        await world.reading(
            "connections", "acme", "crm", api_calls_last_24_hours=3, rate_limit_reported=False
        )
        await _read_today(world)

        [change] = await world.read("changes_daily")
        [usage] = await world.read("organization_api_usage_daily")

    today = datetime.now(UTC).date()
    assert (change["day"], usage["day"]) == (today, today)


async def _read_today(world: Stored) -> None:
    await world.connection.execute(
        "insert into ledger.scope_days (organization, resource, day)"
        " values ('acme', 'connections', (now() at time zone 'UTC')::date);"
        "select inventory.recount_summaries()"
    )


async def _a_day_passes(world: Syncing) -> None:
    """Everything that was noted with a day is a day older now."""
    for table in ("inventory.api_usage_days", "ledger.scope_days"):
        await world.query(f"update {table} set day = day - 1000")  # noqa: S608 - names of ours
        await world.query(f"update {table} set day = day + 999")  # noqa: S608 - names of ours


async def _usage(world: Syncing) -> dict[Any, tuple[int, int]]:
    """API calls and connections of acme-01 by how many days ago; the same as by connection."""
    rows = by(
        await world.query(
            "select day, api_calls, connections from reporting.organization_api_usage_daily"
            " where organization = 'acme-01'"
        ),
        "day",
    )
    recount = await world.query(
        "select day, sum(api_calls_last_24_hours)::bigint as api_calls, count(*) as connections"
        " from reporting.api_usage_daily where organization = 'acme-01' group by day"
    )
    assert rows == by(recount, "day")
    today: date = await world.value("select (now() at time zone 'UTC')::date")
    return {
        (today - day) // timedelta(days=1): (row["api_calls"], row["connections"])
        for day, row in rows.items()
    }


async def test_usage_of_a_day_adds_up_last_readings_and_carries_unchanged_ones(
    world: Syncing,
) -> None:
    for each in world.fleet["acme-01"].connections:
        each["api_calls_last_24_hours"] = None
    first, second, third = world.fleet["acme-01"].connections[:3]
    first["api_calls_last_24_hours"] = 10
    second["api_calls_last_24_hours"] = 5
    await world.sync()
    await _a_day_passes(world)
    await _a_day_passes(world)  # no run on that day
    second["api_calls_last_24_hours"] = 7
    await world.sync()
    second["api_calls_last_24_hours"] = 6
    third["api_calls_last_24_hours"] = 0
    await world.sync()

    assert await _usage(world) == {2: (15, 2), 0: (16, 3)}


async def test_what_ends_during_a_day_counts_for_that_day_and_not_for_the_next(
    world: Syncing,
) -> None:
    acme = world.fleet["acme-01"]
    for each in acme.connections:
        each |= {"api_calls_last_24_hours": None, "rate_limit": None}
    removed, silent, other = acme.connections[:3]
    for each in (removed, silent, other):
        each["api_calls_last_24_hours"] = 4
    await world.sync()
    acme.connections.remove(removed)
    silent["api_calls_last_24_hours"] = None
    await world.sync()
    silent["api_calls_last_24_hours"] = 3
    await world.sync()
    assert await _usage(world) == {0: (11, 3)}
    await _a_day_passes(world)
    silent["api_calls_last_24_hours"] = None

    await world.sync()

    assert await _usage(world) == {1: (11, 3), 0: (4, 1)}


async def test_an_organization_that_reports_no_usage_has_no_days(world: Syncing) -> None:
    for each in world.fleet["acme-01"].connections:
        each["api_calls_last_24_hours"] = None
    await world.sync()

    assert await _usage(world) == {}


async def test_no_view_keeps_its_questions_from_parallel_workers(database_url: str) -> None:
    """One function that is not declared safe does so, even where nobody asks for its column."""
    async with stored(database_url) as ready:
        unsafe = await ready.column(
            """
            with recursive used as (
                select oid as view from pg_class
                where relnamespace = 'reporting'::regnamespace and relkind = 'v'
                union
                select d.refobjid
                from used u
                join pg_rewrite r on r.ev_class = u.view
                join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
                where d.refclassid = 'pg_class'::regclass
            )
            select distinct p.oid::regproc::text
            from used u
            join pg_rewrite r on r.ev_class = u.view
            join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
            join pg_proc p on d.refclassid = 'pg_proc'::regclass and d.refobjid = p.oid
            where p.proparallel <> 's'
            """
        )
    assert unsafe == ["inventory.blast_radius"], "which sets how it is planned"
