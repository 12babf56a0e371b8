"""The run lock as a lease: who lost it writes nothing more, whoever has it writes what is true."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from aggregator import database as module
from aggregator import runs
from aggregator.database import Database, open_database
from aggregator.errors import LeaseLostError, TransientDatabaseError
from aggregator.lease import LEASE_SECONDS, Lease
from tests.acceptance.world import World, until
from tests.command import finished
from tests.faults.servers import END_THE_LOCK, administer
from tests.simulator import Fault, Fleet, Simulator
from tests.syncing import Syncing, syncing

MARK = "update ledger.installation set pepper = 'written'"


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Holder:
    """A process with a pool of its own that holds the lock and writes."""

    def __init__(self, database: Database, lease: Lease, clock: Clock) -> None:
        self.database = database
        self.lease = lease
        self.clock = clock

    async def write(self) -> None:
        async with self.database.transaction() as connection:
            await connection.execute(MARK)

    async def written(self) -> bool:
        rows = await self.database.fetch("select pepper = 'written' as it from ledger.installation")
        return bool(rows[0]["it"])


@asynccontextmanager
async def holding(
    dsn: str, run_id: UUID | None = None, seconds: float = LEASE_SECONDS
) -> AsyncIterator[Holder]:
    clock = Clock()
    async with open_database(dsn) as database:
        lease = Lease(database, run_id or uuid4(), seconds=seconds, clock=clock)
        assert await lease.take()
        with database.fenced(lease.check):
            yield Holder(database, lease, clock)
        await lease.release()


async def test_a_lock_that_is_lost_for_less_than_the_lease_is_taken_again(
    database_url: str,
) -> None:
    """Fault F10: nobody else ran meanwhile."""
    async with holding(database_url) as holder:
        await administer(database_url, END_THE_LOCK)
        holder.clock.now += LEASE_SECONDS
        await holder.write()
        assert await holder.written()
        async with open_database(database_url) as other:
            assert not await Lease(other, uuid4()).take(), "it is held again"


async def test_who_stood_still_for_longer_than_the_lease_writes_nothing(database_url: str) -> None:
    """Faults F10, H9: also where nobody else ran meanwhile."""
    async with holding(database_url) as holder:
        await administer(database_url, END_THE_LOCK)
        holder.clock.now += LEASE_SECONDS + 1
        for _ in range(2):
            with pytest.raises(LeaseLostError, match="another run may have taken over"):
                await holder.write()
        assert not await holder.written()
        async with open_database(database_url) as other:
            assert await Lease(other, uuid4()).take(), "it is free"


async def test_who_stood_still_and_still_has_the_lock_goes_on(database_url: str) -> None:
    """Fault H9: where database and program were suspended together."""
    async with holding(database_url) as holder:
        holder.clock.now += 600
        await holder.write()
        assert await holder.written()


async def test_a_lock_that_somebody_else_has_by_now_is_not_taken_again(database_url: str) -> None:
    """Fault F10."""
    async with holding(database_url) as holder:
        await administer(database_url, END_THE_LOCK)
        async with holding(database_url):
            with pytest.raises(LeaseLostError, match="another run has it"):
                await holder.write()
        assert not await holder.written()


async def test_a_run_that_a_newer_one_declared_dead_writes_nothing_though_it_has_the_lock(
    database_url: str,
) -> None:
    """Fault F9: the lock defeated."""
    run_id = uuid4()
    async with holding(database_url, run_id) as holder, open_database(database_url) as newer:
        async with holder.database.transaction() as connection:
            await runs.begin(connection, run_id, "test", {})
        async with newer.transaction() as connection:
            assert await runs.close_abandoned(connection, uuid4()) == [run_id]
        with pytest.raises(LeaseLostError, match="another run has taken over"):
            await holder.write()


async def test_a_run_that_the_database_has_lost_writes_nothing(database_url: str) -> None:
    """Fault G3: a failover to a node that had not heard of it yet."""
    run_id = uuid4()
    async with holding(database_url, run_id) as holder:
        async with holder.database.transaction() as connection:
            await runs.begin(connection, run_id, "test", {})
        await holder.write()
        await administer(database_url, "delete from ledger.runs")
        with pytest.raises(LeaseLostError, match="has lost this run"):
            await holder.write()


async def test_the_server_frees_the_lock_of_who_does_not_say_a_word(database_url: str) -> None:
    """Fault F10: idle_in_transaction_session_timeout."""
    async with (
        holding(database_url, seconds=0.3) as frozen,
        open_database(database_url) as database,
    ):
        other = Lease(database, uuid4())
        await until(other.take)
        with pytest.raises(LeaseLostError):
            await frozen.write()
        await other.release()


async def test_the_heartbeat_takes_a_lost_lock_again(database_url: str) -> None:
    """Fault G1: while nothing is written, nobody else may slip in."""
    beats = 0
    async with open_database(database_url) as database:

        async def sleep(_: float) -> None:
            nonlocal beats
            beats += 1
            if beats == 2:
                await administer(database_url, END_THE_LOCK)
            if beats == 4:
                raise asyncio.CancelledError

        lease = Lease(database, uuid4(), sleep=sleep)
        assert await lease.take()
        with pytest.raises(asyncio.CancelledError):
            await lease.beat()
        async with open_database(database_url) as other:
            assert not await Lease(other, uuid4()).take()
        await lease.release()


async def test_a_new_run_waits_for_what_the_old_one_is_writing_until_the_server_gives_that_up(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault F10: frozen in the middle of a transaction."""
    settings = module.LOCAL_SETTINGS.replace("'30s'", "'700ms'").replace("'5s'", "'300ms'")
    monkeypatch.setattr(module, "LOCAL_SETTINGS", settings)
    run_id = uuid4()
    async with holding(database_url, run_id) as frozen, open_database(database_url) as newer:
        async with frozen.database.transaction() as connection:
            await runs.begin(connection, run_id, "test", {})

        async def take_over() -> list[UUID]:
            async with newer.transaction() as connection:
                return await runs.close_abandoned(connection, uuid4())

        async def write_late() -> None:
            async with frozen.database.transaction() as connection:
                await connection.execute(MARK)
                assert await newer.patiently(take_over) == [run_id]
                # The frozen one wakes here, and its commit comes to nothing.

        with pytest.raises(TransientDatabaseError):
            await write_late()
        assert not await frozen.written()


# Whole runs


@pytest.fixture
async def outside(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """The command, three organizations, of which two do not answer at once."""
    async with Simulator(Fleet(3, 4)) as simulator:
        for name in ("acme-02", "acme-03"):
            simulator.fleet[name].faults = [Fault(latency=2.5, path="/api/connections", times=1)]
        yield World(simulator, database_url, tmp_path)


async def ours(world: World) -> dict[str, str]:
    """Every table of ours as text."""
    tables = await world.dump()
    return {name: text for name, text in tables.items() if not name.startswith("reporting.")}


async def test_a_worker_frozen_past_its_lease_and_woken_writes_nothing(outside: World) -> None:
    """Fault F10: SIGSTOP, another run to its end, SIGCONT."""

    async def one_is_stored() -> bool:
        return await outside.connections() == 4

    async with outside.started("sync", "--json") as process:
        await until(one_is_stored)
        process.send_signal(signal.SIGSTOP)
        await outside.execute(END_THE_LOCK)
        second = await outside.sync()
        assert (second.exit_code, second.document["status"]) == (0, "complete")
        before = await ours(outside)
        process.send_signal(signal.SIGCONT)
        result = await finished(process)
    assert await ours(outside) == before
    assert result.failed_with(1)
    assert "another run" in result.stderr
    assert "Traceback" not in result.stderr


async def test_two_overlapping_runs_with_the_lock_defeated_leave_what_is_true(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Fault F9: no row of the older run survives, and neither waits for the other in a circle."""
    async with (
        syncing(database_url, Fleet(30, 4)) as older,
        open_database(database_url) as database,
    ):
        newer = Syncing(older.simulator, database, database_url, older.organizations)
        for organization in older.fleet:
            organization.faults = [Fault(latency=0.3, path="/api/connections", times=1)]
        first = asyncio.create_task(older.sync())
        while not older.simulator.observed.requests():  # noqa: ASYNC110 (the server counts them)
            await asyncio.sleep(0.005)
        await administer(database_url, END_THE_LOCK)
        for organization in older.fleet:
            organization.connections[0]["name"] = "newest"
        account = await newer.sync()
        with suppress(LeaseLostError):
            await first

        assert account["outcomes"] == {"complete": 30}
        stored = await newer.query("select id, name from inventory.connections order by id")
        told = sorted((c["id"], c["name"]) for o in older.fleet for c in o.connections)
        assert [(row["id"], row["name"]) for row in stored] == told
        assert "deadlock" not in caplog.text
        statuses = await newer.column("select status from reporting.runs order by started_at")
        assert statuses == ["abandoned", "complete"]
        generations = await newer.column("select distinct generation from ledger.scopes")
        assert len(generations) == 1


async def test_a_plan_holds_the_lock_and_loses_it_as_a_run_does(database_url: str) -> None:
    """Fault F8: it begins no run, and yet no other one starts beside it."""
    async with syncing(database_url, Fleet(2, 4)) as world:
        planned = await world.sync(plan=True)
        assert planned["outcomes"] == {"complete": 2}
        assert await world.value("select count(*) from ledger.runs") == 0
        async with holding(database_url):
            with pytest.raises(Exception, match="another run is active"):
                await world.sync(plan=True)
