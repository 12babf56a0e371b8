"""What is counted as it is written equals what counting anew finds, whatever happened."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.syncing import Syncing

TABLES = {
    "inventory.connection_counts": "*",
    "inventory.unhealthy_connections": "*",
    "inventory.change_days": "*",
    "ledger.scope_days": "organization, resource, day, api_calls, connections",
}
STATUSES = ("healthy", "HEALTHY", "unhealthy", "error", "", None)
TYPES = (("salesforce", "Salesforce"), ("salesforce", "Sales force"), ("postgresql", "PostgreSQL"))
STEPS = 12


async def _counted(world: Syncing) -> dict[str, list[str]]:
    return {
        table: await world.column(
            f"select r::text from (select {columns} from {table}) r order by 1"  # noqa: S608 - names of ours
        )
        for table, columns in TABLES.items()
    }


async def _assert_counts_hold(world: Syncing) -> None:
    kept = await _counted(world)
    await world.query("select inventory.recount_summaries()")
    assert kept == await _counted(world)
    [total] = await world.column("select sum(connections) from inventory.connection_counts")
    assert total == await world.stored("connections")


@pytest.mark.parametrize("seed", range(4))
async def test_counts_equal_a_recount_after_whatever_happens_to_a_fleet(
    whole: Syncing, seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311 - no secret
    removed: list[tuple[Any, Any]] = []
    await whole.sync()
    await _assert_counts_hold(whole)
    for step in range(STEPS):
        for _ in range(rng.randrange(4)):
            _happen(whole, rng, removed)
        if step == STEPS // 2:
            await _a_day_passes(whole)
            name = f"renamed-{seed}"
            whole.organizations[name] = replace(whole.organizations.pop("acme-01"), name=name)
        await whole.sync(accept_removals=True)

    await _assert_counts_hold(whole)


def _happen(world: Syncing, rng: random.Random, removed: list[tuple[Any, Any]]) -> None:
    organization = world.fleet[rng.choice(["acme-01", "acme-02", "acme-03"])]
    connections = organization.connections
    one = rng.choice(connections)

    def remove() -> None:
        if len(connections) > 3:
            connections.remove(one)
            removed.append((connections, one))

    def restore() -> None:
        if removed:
            there, gone = removed.pop()
            there.append(gone)

    def set_type() -> None:
        type_id, name = rng.choice(TYPES)
        one["type"] = {"id": type_id, "name": name}

    happenings: list[Callable[[], object]] = [
        lambda: one.update(name=f"name {rng.random()}"),
        lambda: one.update(status=rng.choice(STATUSES)),
        lambda: one.update(api_calls_last_24_hours=rng.choice([None, 0, 3, 7])),
        lambda: rng.choice(organization.bulk_syncs).update(name=f"name {rng.random()}"),
        lambda: connections.append(one | {"id": f"new-{rng.random()}"}),
        set_type,
        remove,
        restore,
    ]
    rng.choice(happenings)()


async def _a_day_passes(world: Syncing) -> None:
    for table in ("inventory.api_usage_days", "ledger.scope_days"):
        await world.query(f"update {table} set day = day - 1000")  # noqa: S608 - names of ours
        await world.query(f"update {table} set day = day + 999")  # noqa: S608 - names of ours


async def test_versions_that_are_deleted_from_the_history_lose_their_count(world: Syncing) -> None:
    connection = world.fleet["acme-01"].connections[0]
    await world.sync()
    for name in ("one", "two"):
        connection["name"] = name
        await world.sync()

    await world.query("delete from inventory.history")

    await _assert_counts_hold(world)
    assert await world.column(
        "select sum(changes) from inventory.change_days where resource = 'connections'"
    ) == [12]


async def test_a_run_that_plans_counts_nothing(world: Syncing) -> None:
    await world.sync()
    before = await _counted(world)
    world.fleet["acme-01"].connections[0]["status"] = "broken"

    await world.sync(plan=True)

    assert await _counted(world) == before
