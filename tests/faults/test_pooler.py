"""Behind PgBouncer in transaction mode: every transaction may have another session."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from aggregator.database import open_database
from aggregator.errors import ActiveRunError
from tests.acceptance.world import World, until
from tests.command import finished
from tests.faults.servers import END_THE_LOCK, Cluster, Pooler, needs_pgbouncer, pooler
from tests.simulator import Fault, Fleet, Simulator
from tests.syncing import Syncing

pytestmark = needs_pgbouncer

SESSION = """
select
    pg_backend_pid() as session,
    (select count(*) from pg_prepared_statements) as prepared,
    array(select name from pg_settings where source = 'session') as settings,
    (select count(*) from pg_class where relpersistence = 't') as temporary
"""
KEPT_BY_THE_POOLER = {"application_name", "client_encoding"}


@pytest.fixture
async def pooled(cluster: Cluster, tmp_path: Path) -> AsyncIterator[tuple[World, Pooler]]:
    """The command behind a pooler that shares few sessions among all clients."""
    async with (
        cluster.databases.copy(cluster.databases.template) as dsn,
        pooler(cluster, tmp_path, {"default_pool_size": 5}) as before,
        Simulator(Fleet(6, 5)) as simulator,
    ):
        yield World(simulator, before.dsn(dsn), tmp_path), before


async def until_half_is_stored(world: World) -> None:
    async def stored() -> bool:
        return await world.connections() == 15

    await until(stored)


@asynccontextmanager
async def syncing_again(world: World) -> AsyncIterator[Syncing]:
    """The same work in the test's own process, where no Python has to start first."""
    async with open_database(world.database_url) as database:
        again = Syncing(world.simulator, database, world.database_url, {})
        for name, key in world.fleet.api_keys.items():
            again.add(name, key)
        yield again


async def test_a_sync_behind_a_pooler_is_complete_and_leaves_no_trace_in_its_sessions(
    pooled: tuple[World, Pooler],
) -> None:
    """Fault F11, traps T10 and T11."""
    world, before = pooled
    for names in ("a", "b", "b"):
        for organization in world.fleet:
            organization.connections[0]["name"] = names
        result = await world.sync()
        assert (result.exit_code, result.document["outcomes"]) == (0, {"complete": 6})
    for _ in range(5):  # a pooler hands them out in turn
        connection = await asyncpg.connect(world.database_url, statement_cache_size=0)
        row = await connection.fetchrow(SESSION)
        await connection.close()
        assert row is not None
        assert set(row["settings"]) <= KEPT_BY_THE_POOLER
        assert (row["prepared"], row["temporary"]) == (0, 0)
    assert await world.connections() == 30
    assert "prepared statement" not in before.log.read_text()


async def test_the_second_run_behind_a_pooler_is_refused_at_once_and_the_next_one_is_not(
    pooled: tuple[World, Pooler],
) -> None:
    """Faults F8, F11."""
    world, _ = pooled
    for name in ("acme-04", "acme-05", "acme-06"):
        world.fleet[name].faults = [Fault(latency=2, path="/api/connections", times=1)]
    async with world.started("sync", "--json") as process:
        await until_half_is_stored(world)
        async with syncing_again(world) as second:
            began = time.monotonic()
            with pytest.raises(ActiveRunError, match="is active since"):
                await second.sync()
            assert time.monotonic() - began < 2
        assert (await world.sync()).failed_with(6)
        result = await finished(process)
    assert result.exit_code == 0
    assert (await world.sync()).exit_code == 0


async def test_a_run_behind_a_pooler_takes_its_lock_again(pooled: tuple[World, Pooler]) -> None:
    """Faults F10, F11: an idle timeout of the pooler or the server has freed it."""
    world, _ = pooled
    for name in ("acme-04", "acme-05", "acme-06"):
        world.fleet[name].faults = [Fault(latency=1, path="/api/connections", times=1)]
    async with world.started("sync", "--json") as process:
        await until_half_is_stored(world)
        await world.execute(END_THE_LOCK)
        result = await finished(process)
    assert (result.exit_code, result.document["outcomes"]) == (0, {"complete": 6})
    assert "lease.renewed" in result.stderr


async def test_two_runs_behind_a_pooler_that_defeats_the_lock_leave_what_is_true(
    pooled: tuple[World, Pooler],
) -> None:
    """Fault F9: the older one stops, and nothing of it overwrites the newer one."""
    world, _ = pooled
    for organization in world.fleet:
        organization.faults = [Fault(latency=4, path="/api/connections", times=1)]

    async def asking() -> bool:
        return len(world.simulator.observed.requests()) >= 6

    async with world.started("sync", "--json") as process:
        await until(asking)
        await world.execute(END_THE_LOCK)
        for organization in world.fleet:
            organization.connections[0]["name"] = "newest"
        async with syncing_again(world) as newer:
            assert (await newer.sync())["outcomes"] == {"complete": 6}
        older = await finished(process)
    assert older.failed_with(1)
    assert "another run has taken over" in older.stderr
    named = await world.query(
        "select count(*) as rows from reporting.connections where name = 'newest'"
    )
    assert named == [{"rows": 6}]
