"""Unchanged costs nothing: what is not different is not written, what is volatile is no history."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aggregator.model import Record, Rejection
from aggregator.resource import Resource
from aggregator.resources import RESOURCES
from tests.syncing import Syncing

CONNECTIONS = RESOURCES["connections"]


async def test_an_unchanged_fleet_writes_no_row_of_inventory(world: Syncing) -> None:
    await world.sync()
    before = await world.inventory_writes()

    account = await world.sync()

    assert account["resources"]["connections"]["unchanged"] == 12
    assert await world.inventory_writes() == before


async def test_another_order_of_keys_lists_and_rows_is_no_change(world: Syncing) -> None:
    acme = world.fleet["acme-01"]
    acme.connections[0]["policies"] = ["a", "b"]
    await world.sync()
    before = await world.inventory_writes()
    acme.connections = [dict(reversed(each.items())) for each in reversed(acme.connections)]
    acme.connections[-1]["policies"] = ["b", "a"]
    acme.connections[-1]["configuration"] = dict(
        reversed(acme.connections[-1]["configuration"].items())
    )

    account = await world.sync()

    assert account["resources"]["connections"]["unchanged"] == 12
    assert await world.inventory_writes() == before


async def test_volatile_values_are_written_without_touching_a_connection(world: Syncing) -> None:
    """Fault D13: API calls and rate limits change on every run and are no history."""
    first, second = world.fleet["acme-01"].connections[:2]
    first |= {"api_calls_last_24_hours": 1, "rate_limit": {"currently_limited": False}}
    second.pop("rate_limit", None)
    second["api_calls_last_24_hours"] = 5
    await world.sync()
    before = await world.inventory_writes()
    first |= {
        "api_calls_last_24_hours": 2,
        "rate_limit": {"currently_limited": True, "limited_since": "2026-11-23T10:00:00Z"},
    }
    second["api_calls_last_24_hours"] = None  # no longer reported

    account = await world.sync()

    assert account["resources"]["connections"]["updated"] == 0
    after = await world.inventory_writes()
    assert after["connections"] == before["connections"]
    assert after["history"] == before["history"]
    stored = await world.connections("acme-01")
    assert stored[first["id"]]["api_calls_last_24_hours"] == 2
    assert stored[first["id"]]["rate_limited"] is True
    assert stored[first["id"]]["rate_limited_since"].hour == 10
    assert stored[second["id"]]["api_calls_last_24_hours"] is None
    assert stored[second["id"]]["rate_limit_reported"] is False


async def test_only_the_reading_that_changed_is_written(world: Syncing) -> None:
    for connection in world.fleet["acme-01"].connections:
        connection["api_calls_last_24_hours"] = 7
    await world.sync()
    inserted, updated, deleted = (await world.inventory_writes())["connections_readings"]
    world.fleet["acme-01"].connections[3]["api_calls_last_24_hours"] = 8

    await world.sync()

    assert (await world.inventory_writes())["connections_readings"] == (
        inserted,
        updated + 1,
        deleted,
    )


# Digests


class _Counting:
    """The resource, counting how many records are normalized."""

    def __init__(self, version: int = CONNECTIONS.version) -> None:
        self.normalized = 0
        self.resource = replace(CONNECTIONS, version=version, normalize=self._normalize)

    def _normalize(self, record: Any, *more: Any) -> Record | Rejection:  # noqa: ANN401 - the interface of Resource
        self.normalized += 1
        return CONNECTIONS.normalize(record, *more)


async def test_the_same_bytes_are_not_parsed_again(
    world: Syncing, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.sync()
    counting = _Counting()
    world.resources = [counting.resource]
    monkeypatch.setattr("aggregator.api.content.parse", _forbidden)

    account = await world.sync()

    assert counting.normalized == 0
    assert account["resources"]["connections"]["seen"] == 12


async def test_a_changed_byte_is_parsed(world: Syncing) -> None:
    await world.sync()
    counting = _Counting()
    world.resources = [counting.resource]
    world.fleet["acme-02"].connections[0]["name"] = "renamed"

    await world.sync()

    assert counting.normalized == 6


async def test_a_new_version_of_the_normalizer_reads_everything_again(world: Syncing) -> None:
    await world.sync()
    before = await world.inventory_writes()
    counting = _Counting(version=CONNECTIONS.version + 1)
    world.resources = [counting.resource]

    await world.sync()
    assert counting.normalized == 12
    assert await world.inventory_writes() == before

    await world.sync()
    assert counting.normalized == 12


async def test_what_a_new_version_reads_otherwise_is_stored_of_the_same_answer(
    world: Syncing,
) -> None:
    """An endpoint that the normalizer did not find before appears without any change upstream."""
    acme = world.fleet["acme-01"]
    acme.connections[0]["configuration"] = {"ssh_host": "sftp.acme.example"}
    key = acme.connections[0]["id"]
    world.resources = [_without_endpoints(CONNECTIONS)]
    await world.sync()
    assert (await world.connections("acme-01"))[key]["endpoint"] is None

    world.resources = [CONNECTIONS]
    await world.sync()

    assert (await world.connections("acme-01"))[key]["endpoint"] == "sftp.acme.example"
    assert [row["field"] for row in await world.changes(key)] == [None, "endpoint"]


def _without_endpoints(resource: Resource) -> Resource:
    """As the version before read it."""
    position = resource.columns.index("endpoint")

    def normalize(record: Any, *more: Any) -> Record | Rejection:  # noqa: ANN401 - the interface of Resource
        found = resource.normalize(record, *more)
        if isinstance(found, Rejection):
            return found
        values = (*found.values[:position], None, *found.values[position + 1 :])
        return found._replace(values=values)

    return replace(resource, version=resource.version - 1, normalize=normalize)


def _forbidden(_: bytes) -> object:
    raise AssertionError("the same bytes were parsed again")


# API usage by day


async def _days(world: Syncing, connection_id: str) -> list[tuple[str, int, int]]:
    rows = await world.query(
        "select * from reporting.api_usage_daily where connection_id = $1 order by day",
        connection_id,
    )
    return [
        (
            str(row["day"]),
            row["api_calls_last_24_hours"],
            row["max_api_calls_last_24_hours"],
        )
        for row in rows
    ]


async def _a_day_passes(world: Syncing) -> None:
    """Everything that was noted with a day is a day older now."""
    for table in ("inventory.api_usage_days", "ledger.scope_days"):
        await world.query(f"update {table} set day = day - 1000")  # noqa: S608 - names of ours
        await world.query(f"update {table} set day = day + 999")  # noqa: S608 - names of ours


async def _day(world: Syncing, days_ago: int) -> str:
    today = await world.value("select (now() at time zone 'UTC')::date - $1::integer", days_ago)
    return str(today)


async def test_an_unchanged_reading_counts_on_each_day_on_which_it_was_read(
    world: Syncing,
) -> None:
    connection = world.fleet["acme-01"].connections[0]
    connection["api_calls_last_24_hours"] = 10
    await world.sync()
    await _a_day_passes(world)
    await _a_day_passes(world)  # no run on that day
    before = await world.inventory_writes()
    await world.sync()

    assert await _days(world, connection["id"]) == [
        (await _day(world, 2), 10, 10),
        (await _day(world, 0), 10, 10),
    ]
    assert await world.inventory_writes() == before


async def test_a_day_has_its_last_and_its_highest_reading(world: Syncing) -> None:
    connection = world.fleet["acme-01"].connections[0]
    for calls in (5, 9, 7):
        connection["api_calls_last_24_hours"] = calls
        await world.sync()
    await _a_day_passes(world)
    connection["api_calls_last_24_hours"] = 3
    await world.sync()

    assert await _days(world, connection["id"]) == [
        (await _day(world, 1), 7, 9),
        (await _day(world, 0), 3, 3),
    ]


async def test_a_carried_reading_counts_for_the_day_before_it_changes(world: Syncing) -> None:
    connection = world.fleet["acme-01"].connections[0]
    connection["api_calls_last_24_hours"] = 8
    await world.sync()
    await _a_day_passes(world)
    await world.sync()
    connection["api_calls_last_24_hours"] = 2
    await world.sync()

    assert (await _days(world, connection["id"]))[-1] == (await _day(world, 0), 2, 8)


@pytest.mark.parametrize("how", ["removed", "not reported"])
async def test_a_series_ends_with_its_connection_or_its_report(world: Syncing, how: str) -> None:
    acme = world.fleet["acme-01"]
    connection = acme.connections[0]
    connection.pop("rate_limit", None)
    connection["api_calls_last_24_hours"] = 8
    await world.sync()
    await _a_day_passes(world)
    await world.sync()  # still there this morning
    if how == "removed":
        acme.connections.remove(connection)
    else:
        connection["api_calls_last_24_hours"] = None
    await world.sync()
    assert await _days(world, connection["id"]) == [
        (await _day(world, 1), 8, 8),
        (await _day(world, 0), 8, 8),
    ]
    await _a_day_passes(world)
    await world.sync()

    assert await _days(world, connection["id"]) == [
        (await _day(world, 2), 8, 8),
        (await _day(world, 1), 8, 8),
    ]
    types = await world.query(
        "select distinct name, type_id from reporting.api_usage_daily where connection_id = $1",
        connection["id"],
    )
    assert types == [{"name": connection["name"], "type_id": connection["type"]["id"]}], (
        "the calls of a removed connection are still those of its type"
    )
