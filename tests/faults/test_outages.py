"""The database goes away, hangs, turns read-only or is full of others, in the middle of a run."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import signal
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from aggregator import database as module
from aggregator import runs
from aggregator.agenda import Work
from aggregator.commands import job
from aggregator.database import open_database
from aggregator.errors import DatabaseError, OutageError, TransientDatabaseError
from aggregator.patience import Patience
from tests.acceptance.hanging import silent_server
from tests.acceptance.world import World, until
from tests.command import finished
from tests.faults.outages import Waits
from tests.faults.servers import Cluster, administer, proxied
from tests.simulator import Fault, Fleet, Simulator
from tests.syncing import Syncing, syncing

LATE = ("acme-03", "acme-04")
AT_ONCE = 4
"""Seconds; less than any orderly end that has to wait, and enough for a busy machine."""


@pytest.fixture
async def own_url(cluster: Cluster) -> AsyncIterator[str]:
    """A migrated database on the server that may be stopped."""
    async with cluster.databases.copy(cluster.databases.template) as dsn:
        # A crash is to lose nothing that was committed.
        await administer(dsn, f"alter database {await name_of(dsn)} set synchronous_commit = on")
        yield dsn


async def name_of(dsn: str) -> str:
    async with open_database(dsn) as database:
        rows = await database.fetch("select quote_ident(current_database()) as name")
        return str(rows[0]["name"])


@pytest.fixture
async def half(own_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """The command, two organizations that answer at once, and two that do a second later."""
    async with Simulator(Fleet(4, 4)) as simulator:
        for name in LATE:
            simulator.fleet[name].faults = [Fault(latency=1.5, path="/api/connections", times=1)]
        yield World(simulator, own_url, tmp_path)


@asynccontextmanager
async def half_way(world: World) -> AsyncIterator[Process]:
    """A run of which half is stored."""

    async def stored() -> bool:
        return await world.connections() == 8

    async with world.started("sync", "--json", LOG_FORMAT="json") as process:
        await until(stored)
        yield process


def events(stderr: str) -> list[str]:
    return [json.loads(line)["event"] for line in stderr.splitlines()]


# It is away


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_a_restart_in_the_middle_of_a_run_is_survived(
    half: World, cluster: Cluster, mode: str
) -> None:
    """Faults G1, H12: what is away is told once, and nothing is told by others."""
    async with half_way(half) as process:
        await asyncio.to_thread(cluster.stop, mode)
        await asyncio.sleep(1.5)  # the answers come while it is away
        await asyncio.to_thread(cluster.start)
        result = await finished(process)
    assert (result.exit_code, result.document["outcomes"]) == (0, {"complete": 4})
    assert await half.connections() == 16
    assert set(await half.outcomes()) == {"acme-01", "acme-02", *LATE}
    told = events(result.stderr)
    assert 1 <= told.count("database.retry") <= 3
    assert told.count("lease.renewed") == 1
    assert set(told) <= {
        *("database.used", "run.started", "run.finished"),
        *("database.retry", "database.works_again", "lease.renewed"),
    }


async def test_an_outage_that_lasts_ends_the_run_and_the_next_one_closes_its_books(
    own_url: str, cluster: Cluster
) -> None:
    """Faults G1, G9: committed scopes stay."""
    patience = Patience(seconds=0.5, clock=time.monotonic, sleep=asyncio.sleep, random=lambda: 0.0)
    async with syncing(own_url, Fleet(4, 4), patience) as world:
        for name in LATE:
            world.fleet[name].faults = [Fault(latency=0.6, path="/api/connections", times=1)]

        async def stored() -> bool:
            return len(await world.connections("acme-01")) == 4

        running = asyncio.create_task(world.sync())
        await until(stored)
        await asyncio.to_thread(cluster.stop)
        with pytest.raises(OutageError, match=r"cannot be reached.*tried again for"):
            await running
        await asyncio.to_thread(cluster.start)
        assert len(await world.connections("acme-01")) == 4
        assert (await world.sync())["outcomes"] == {"complete": 4}
        statuses = await world.column("select status from reporting.runs order by started_at")
        assert statuses == ["abandoned", "complete"]


@pytest.mark.parametrize("signals", [1, 2])
async def test_a_signal_in_an_outage_ends_the_run_soon(
    half: World, cluster: Cluster, signals: int
) -> None:
    """Faults G1, H1, H3."""
    async with half_way(half) as process:
        await asyncio.to_thread(cluster.stop)
        try:
            assert process.stderr is not None
            while b"database.retry" not in await process.stderr.readline():
                pass
            for _ in range(signals - 1):
                process.send_signal(signal.SIGTERM)
                while b"run.stopping" not in await process.stderr.readline():
                    pass
            result, seconds = await half.stopped(process, signal.SIGTERM)
        finally:
            await asyncio.to_thread(cluster.start)
    assert (result.exit_code, result.stdout) == (143, "")
    assert seconds < (10 if signals == 1 else AT_ONCE)
    assert "Traceback" not in result.stderr
    assert await half.connections() == 8


async def test_a_network_that_parts_us_from_the_database_for_a_while_is_survived(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Faults G9, H12: few lines, and no traceback of the driver's."""
    async with proxied(database_url) as (proxy, dsn):

        async def heal() -> None:
            proxy.refusing = False

        waits = Waits(heal)
        async with syncing(dsn, Fleet(4, 4), waits.patience) as world:
            record = runs.record

            async def parted(*arguments: Any) -> None:  # noqa: ANN401 (as runs.record)
                if not waits.count:
                    proxy.refuse()
                await record(*arguments)

            with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.WARNING):
                patch.setattr(runs, "record", parted)
                account = await world.sync()
            assert account["outcomes"] == {"complete": 4}
            assert account["resources"]["connections"]["created"] == 16
    assert waits.count >= 2
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert set(told) <= {"database.retry", "lease.renewed"}
    assert len(told) <= 3


@pytest.mark.parametrize("lost", [1, 2], ids=["the answers", "the verdicts"])
async def test_a_commit_whose_end_is_not_seen_is_counted_and_written_once(
    database_url: str, lost: int
) -> None:
    """Fault G2: the ledger row in the same transaction tells."""
    async with proxied(database_url) as (proxy, dsn), syncing(dsn, Fleet(2, 6)) as world:
        assert (await world.sync())["exit_code"] == 0
        changed, partial = world.fleet["acme-01"], world.fleet["acme-02"]
        del changed.connections[0]
        changed.connections[0]["name"] = "renamed"
        changed.connections.append({"id": "new", "name": "new", "organization_id": changed.id})
        partial.connections.append({"name": "without an id", "organization_id": partial.id})
        record, times = runs.record, 0

        async def losing(*arguments: Any) -> None:  # noqa: ANN401 (as runs.record)
            nonlocal times
            times += 1
            await record(*arguments)
            if times == lost:
                proxy.lost_answer = b"COMMIT"

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(runs, "record", losing)
            account = await world.sync()

        assert times > lost
        assert proxy.lost_answer is None, "a commit was lost"
        counted = ("created", "updated", "removed", "rejected", "withheld")
        counts = account["resources"]["connections"]
        assert [counts[name] for name in counted] == [1, 1, 1, 1, 0]
        scopes = (await world.scopes(account)).values()
        assert [sum(row[name] for row in scopes) for name in counted] == [1, 1, 1, 1, 0]
        assert account["outcomes"] == {"complete": 1, "partial": 1}
        assert await world.value("select count(*) from ledger.rejected_records") == 1


async def test_after_a_failover_the_run_goes_on_as_soon_as_the_other_node_may_be_written(
    database_url: str,
) -> None:
    """Fault G3: read-only for a while, and for ever on the connections that began then."""
    alter = f"alter database {await name_of(database_url)} set default_transaction_read_only ="

    async def heal() -> None:
        may_write = "set default_transaction_read_only = off"
        await administer(database_url, may_write, f"{alter} off")

    waits = Waits(heal)
    async with syncing(database_url, Fleet(3, 4), waits.patience) as world:
        record = runs.record

        async def failing_over(*arguments: Any) -> None:  # noqa: ANN401 (as runs.record)
            if not waits.count:
                await administer(
                    database_url,
                    f"{alter} on",
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where datname = current_database() and pid <> pg_backend_pid()",
                )
            await record(*arguments)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(runs, "record", failing_over)
            account = await world.sync()
    assert waits.count >= 2
    assert account["outcomes"] == {"complete": 3}


# It is full of others


@pytest.fixture
async def limited(own_url: str) -> AsyncIterator[tuple[str, str]]:
    """A login that may write everything, and its DSN."""
    role = f"limited_{secrets.token_hex(4)}"
    await administer(own_url, f"create role {role} login in role inventory_writer")
    yield role, own_url.replace("aggregator@", f"{role}@", 1)
    await administer(own_url, f"drop owned by {role}", f"drop role {role}")


async def test_a_login_with_two_connections_makes_do_with_them(limited: tuple[str, str]) -> None:
    """Fault G5: one holds the run lock, all else shares the other."""
    role, dsn = limited
    async with syncing(dsn, Fleet(12, 4)) as world:
        await administer(dsn.replace(role, "aggregator"), f"alter role {role} connection limit 2")
        assert (await world.sync())["outcomes"] == {"complete": 12}
        for organization in world.fleet:
            organization.connections[0]["name"] = "renamed"
        assert (await world.sync())["outcomes"] == {"complete": 12}


async def test_a_server_without_a_free_connection_is_waited_for(limited: tuple[str, str]) -> None:
    """Fault G5."""
    role, dsn = limited
    owner = dsn.replace(role, "aggregator")
    await administer(owner, f"alter role {role} connection limit 0")

    async def heal() -> None:
        await administer(owner, f"alter role {role} connection limit 10")

    waits = Waits(heal)
    async with open_database(dsn, waits.patience):
        assert waits.count == 2

    await administer(owner, f"alter role {role} connection limit 0")
    with pytest.raises(OutageError, match=r"no connection left for us; tried again for 6\d"):
        async with open_database(dsn, Waits().patience):
            pass


# It hangs


async def test_a_server_that_accepts_and_never_answers_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fault G7."""
    monkeypatch.setattr(module, "CONNECT_TIMEOUT_SECONDS", 0.2)
    async with silent_server() as (dsn, _):
        began = time.monotonic()
        with pytest.raises(DatabaseError, match=r"127\.0\.0\.1:\d+: .*cannot be reached in"):
            async with open_database(dsn):
                pass
    assert time.monotonic() - began < AT_ONCE


async def test_a_database_that_falls_silent_in_the_middle_ends_the_run(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faults G7, G9: packets vanish in both directions."""
    monkeypatch.setattr(module, "COMMAND_TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(module, "SECONDS_TO_LET_GO", 0.2)
    async with proxied(database_url) as (proxy, dsn), syncing(dsn, Fleet(2, 4)) as world:
        world.fleet["acme-02"].faults = [Fault(latency=0.3, path="/api/connections")]
        record = runs.record

        async def falling_silent(*arguments: Any) -> None:  # noqa: ANN401 (as runs.record)
            await record(*arguments)
            proxy.silent = True

        began = time.monotonic()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(runs, "record", falling_silent)
            with pytest.raises(DatabaseError, match="has not answered for"):
                await world.sync()
        assert time.monotonic() - began < 12


async def test_a_statement_that_hangs_is_cancelled_in_the_server_too(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault G7."""
    monkeypatch.setattr(module, "COMMAND_TIMEOUT_SECONDS", 0.3)
    async with open_database(database_url) as database:
        with pytest.raises(DatabaseError, match="has not answered"):
            await database.fetch("select pg_sleep(30)")
        task = asyncio.create_task(database.fetch("select pg_sleep(30)"))
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.wait({task})

        async def nothing_is_active() -> bool:
            rows = await database.fetch(
                "select from pg_stat_activity where datname = current_database()"
                " and state = 'active' and pid <> pg_backend_pid()"
            )
            return not rows

        await until(nothing_is_active)


async def test_a_slow_database_slows_the_fetching_down(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault G8: what is fetched and not yet written is bounded, and so is memory."""
    admitted, room = 3, 20_000
    monkeypatch.setattr(job, "BYTES_IN_FLIGHT", room)
    monkeypatch.setattr(job, "Work", lambda **fields: Work(**{**fields, "most_admitted": admitted}))
    async with proxied(database_url) as (proxy, dsn), syncing(dsn, Fleet(14, 20)) as world:
        size = len(json.dumps(world.fleet["acme-01"].connections))
        proxy.delay = 0.005
        ahead = 0
        running = asyncio.create_task(world.sync())
        async with open_database(database_url) as beside:
            watching = Syncing(world.simulator, beside, database_url, {})
            while not running.done():
                written = await watching.value("select count(*) from ledger.run_organizations")
                asked = world.simulator.observed.requests()
                lists = sum(each.path == "/api/connections" for each in asked)
                ahead = max(ahead, lists - written)
                await asyncio.sleep(0.01)
        assert (await running)["outcomes"] == {"complete": 14}
    assert 1 < ahead <= room // size + 1 + admitted


async def test_a_session_that_ended_while_it_was_idle_is_only_a_lost_connection(
    database_url: str,
) -> None:
    """Fault G1: whatever the driver makes of it, from its last word to the end of the stream."""
    async with open_database(database_url) as database:
        for delay in range(20):
            async with database.connection() as connection:
                pid = connection.get_server_pid()
                await administer(database_url, f"select pg_terminate_backend({pid})")
                for _ in range(delay):
                    await asyncio.sleep(0)
            await database.fetch("select 1")


async def test_a_lost_connection_is_no_outage_yet(database_url: str) -> None:
    """Fault G1: the next attempt has a new connection."""
    waits = Waits()
    async with open_database(database_url, waits.patience) as database:
        times = 0

        async def die_once() -> None:
            nonlocal times
            times += 1
            async with database.transaction() as connection:
                if times == 1:
                    await connection.execute("select pg_terminate_backend(pg_backend_pid())")

        await database.patiently(die_once)
        assert (times, waits.count) == (2, 1)
        with pytest.raises(TransientDatabaseError):
            async with database.connection() as connection:
                await connection.execute("select pg_terminate_backend(pg_backend_pid())")
