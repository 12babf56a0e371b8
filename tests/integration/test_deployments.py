"""What a deployment has in common is read with one organization's key, whosever that is today."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from aggregator.resources import RESOURCES
from tests.simulator import Fault, Fleet
from tests.syncing import Syncing, syncing

TYPES = "/api/connection_types"


@pytest.fixture
async def host(database_url: str) -> AsyncIterator[Syncing]:
    async with syncing(database_url, Fleet(2, 3)) as world:
        world.resources = (RESOURCES["connections"], RESOURCES["connection_types"])
        yield world


async def name_of(host: Syncing, kind: str) -> str | None:
    name: str | None = await host.value(
        "select name from inventory.connection_types where id = $1", kind
    )
    return name


async def test_what_another_key_has_written_meanwhile_is_not_taken_for_ones_own(
    host: Syncing,
) -> None:
    kind = host.fleet.connection_types[0]
    first, second = host.fleet["acme-01"], host.fleet["acme-02"]
    was = kind["name"]
    second.faults = [Fault(path=TYPES, status=500)]
    await host.sync()
    first.faults, second.faults = [Fault(path=TYPES, status=500)], []
    kind["name"] = "Renamed"
    await host.sync()
    assert await name_of(host, kind["id"]) == "Renamed"
    first.faults, second.faults = [], [Fault(path=TYPES, status=500)]
    kind["name"] = was

    await host.sync()

    assert await name_of(host, kind["id"]) == was


async def test_it_is_covered_once_by_whoever_was_asked_last(host: Syncing) -> None:
    first, second = host.fleet["acme-01"], host.fleet["acme-02"]
    second.faults = [Fault(path=TYPES, status=500)]
    await host.sync()
    first.faults, second.faults = [Fault(path=TYPES, status=500)], []
    await host.sync()

    rows = await host.query(
        "select organization, status, records from reporting.coverage"
        " where resource = 'connection_types'"
    )

    assert rows == [
        {
            "organization": "acme-02",
            "status": "complete",
            "records": len(host.fleet.connection_types),
        }
    ]


async def test_a_type_that_the_list_lacks_was_last_seen_when_it_was_there(host: Syncing) -> None:
    gone = next(
        each
        for each in host.fleet.connection_types
        if each["id"] not in {c["type"]["id"] for o in host.fleet for c in o.connections}
    )
    await host.sync()
    await host.pass_time(timedelta(hours=3))
    host.fleet.connection_types.remove(gone)

    await host.sync()

    [row] = await host.query(
        "select withheld_since, now() - last_seen_at as age from reporting.connection_types"
        " where type_id = $1",
        gone["id"],
    )
    assert row["withheld_since"] is not None
    assert row["age"] > timedelta(hours=2)


async def test_nothing_that_a_list_calls_a_schema_is_kept(host: Syncing) -> None:
    host.fleet.connection_types.append(
        {"id": 4711, "name": "Odd", "schema": {"note": {"default": "canary-in-a-default"}}}
    )

    await host.sync()

    stored = await host.column("select to_jsonb(t)::text from inventory.connection_types t")
    assert any('"4711"' in row for row in stored)
    assert "canary-in-a-default" not in json.dumps(stored)
