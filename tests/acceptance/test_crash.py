"""Fault H4 and invariants I3, I4: after kill -9 the next run repairs everything."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from tests.acceptance.conftest import NewWorld
from tests.acceptance.world import WAITING, World, until
from tests.simulator import Fault, Fleet

WRITTEN_AT = (
    "'{valid_from,valid_to,withheld_since,first_seen_at,read_at,identity_checked_at}'::text[]"
)
OF_THIS_DATABASE = "'{generation,key_digest}'::text[]"
INVENTORY = (
    "inventory.connections",
    "inventory.history",
    "inventory.connections_readings",
    "ledger.organizations",
)


async def inventory(world: World) -> list[list[str]]:
    """Everything about the inventory but when it was written."""
    tables = []
    for table in INVENTORY:
        rows = await world.query(
            f"select to_jsonb(t) - {WRITTEN_AT} - {OF_THIS_DATABASE} as row"  # noqa: S608 (names of ours)
            f" from {table} t order by 1"
        )
        tables.append([row["row"] for row in rows])
    return tables


async def at_once(world: World) -> None:
    """The run is in the ledger and has asked somebody."""

    async def asking() -> bool:
        running = await world.query("select 1 from ledger.runs where status = 'running'")
        return bool(running and world.simulator.observed.requests())

    await until(asking)


async def half_way(world: World) -> None:
    """Two of four organizations are in the ledger of this run."""

    async def stored() -> bool:
        rows = await world.query(
            "select 1 from ledger.run_organizations join ledger.runs using (run_id)"
            " where status = 'running'"
        )
        return len(rows) == 2

    await until(stored)


@asynccontextmanager
async def nothing_held(_: World) -> AsyncIterator[None]:
    yield


@asynccontextmanager
async def ledger_held(world: World) -> AsyncIterator[None]:
    """Holds up whoever writes, once all inventory of the transaction is written."""
    async with world.connection() as connection, connection.transaction():
        await connection.execute("lock table ledger.scope_days in share mode")
        yield


async def in_a_transaction(world: World) -> None:
    async def waiting() -> bool:
        return bool(await world.query(WAITING))

    await until(waiting)


MOMENTS = {
    "at the beginning of the first run": (0, at_once, nothing_held),
    "half way": (0, half_way, nothing_held),
    "in a transaction": (1, in_a_transaction, ledger_held),
}
"""Complete runs before the one that dies, when it dies, and what makes it wait there."""


@pytest.mark.parametrize("moment", MOMENTS)
async def test_after_kill_9_the_next_run_ends_as_if_nothing_had_happened(
    new_world: NewWorld, empty_database_url: str, moment: str
) -> None:
    earlier, reached, holding = MOMENTS[moment]
    crashed = await new_world(Fleet(4, 6))
    clean = World(crashed.simulator, empty_database_url, crashed.folder)
    for _ in range(earlier):
        assert (await crashed.sync()).exit_code == (await clean.sync()).exit_code == 0
    for organization in crashed.fleet:
        organization.connections[0]["name"] = "renamed"
        del organization.connections[1]
    for name in ("acme-03", "acme-04"):
        crashed.fleet[name].faults = [Fault(latency=60)]
    crashed.simulator.observed.reset()

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(holding(crashed))
        process = await stack.enter_async_context(crashed.started("sync"))
        await reached(crashed)
        process.kill()
        await process.wait()
    for organization in crashed.fleet:
        organization.faults = []
    after_crash = await crashed.sync()
    undisturbed = await clean.sync()

    assert after_crash.exit_code == undisturbed.exit_code == 0
    assert "run.abandoned" in after_crash.stderr
    assert await inventory(crashed) == await inventory(clean)
    runs = await crashed.query("select * from reporting.runs order by started_at")
    assert [run["status"] for run in runs] == ["complete"] * earlier + ["abandoned", "complete"]
    dead = runs[earlier]
    assert dead["organizations_total"] == 4
    assert dead["finished_at"] is not None
    accounted = await crashed.query(
        "select organization, outcome from reporting.run_organizations where run_id = $1",
        dead["run_id"],
    )
    assert len(accounted) == 4
    outcomes = {row["organization"]: row["outcome"] for row in accounted}
    finished = {"acme-01", "acme-02"} if moment == "half way" else set()
    assert {name for name, outcome in outcomes.items() if outcome == "complete"} == finished
    assert set(outcomes.values()) <= {"complete", "cancelled"}


async def test_a_run_that_fails_is_closed_with_every_scope_accounted_for(
    new_world: NewWorld,
) -> None:
    """Invariant I3 on exit 1: what was not reached is no success."""
    world = await new_world(Fleet(4, 6))
    world.fleet["acme-03"].faults = [Fault(latency=0.7)]
    world.fleet["acme-04"].faults = [Fault(latency=60)]

    async def stored() -> bool:
        return await world.connections() == 12

    async with world.started("sync", "--json") as process:
        await until(stored)
        await world.execute("alter table ledger.scope_days rename to hidden")
        stdout, stderr = await process.communicate()
    assert (process.returncode, json.loads(stdout)["exit_code"]) == (1, 1)
    assert b"scope_days" in stderr
    (run,) = await world.query("select * from reporting.runs")
    assert (run["status"], run["exit_code"]) == ("failed", 1)
    assert (run["organizations_complete"], run["organizations_failed"]) == (2, 2)
    assert await world.outcomes() == {
        "acme-01": "complete",
        "acme-02": "complete",
        "acme-03": "cancelled",
        "acme-04": "cancelled",
    }
