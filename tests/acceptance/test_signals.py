"""Faults H1 to H3: a run that is told to stop stops in order, soon, and says so."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.acceptance.conftest import NewWorld
from tests.acceptance.hanging import freezing_proxy, silent_server
from tests.acceptance.world import WAITING, World, until
from tests.command import finished
from tests.simulator import Fault, Fleet

SIGNALS = pytest.mark.parametrize(
    ("number", "exit_code"),
    [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)],
    ids=["TERM", "INT", "HUP"],
)
SECONDS_TO_STOP = 10
AT_ONCE = 4
"""Seconds; less than any orderly end that has to wait, and enough for a busy machine."""


@pytest.fixture
async def half(new_world: NewWorld) -> World:
    """Two organizations answer at once, two never."""
    world = await new_world(Fleet(4, 4))
    for name in ("acme-03", "acme-04"):
        world.fleet[name].faults = [Fault(latency=60)]
    return world


async def until_half_is_stored(world: World) -> None:
    async def stored() -> bool:
        return await world.connections() == 8

    await until(stored)


@asynccontextmanager
async def stuck_while_writing(world: World) -> AsyncIterator[Process]:
    """A run whose first result waits for a lock on the ledger that somebody else holds."""
    world.fleet["acme-01"].faults = [Fault(latency=0.5, path="/api/connections")]

    async def listing() -> bool:
        return bool(world.simulator.observed.counts("acme-01").get(("/api/connections", 200)))

    async def waiting() -> bool:
        return bool(await world.query(WAITING))

    chosen = ("--organization", "acme-01", "--organization", "acme-03")
    async with world.started("sync", "--json", *chosen) as process:
        await until(listing)
        async with world.connection() as connection, connection.transaction():
            await connection.execute("lock table ledger.run_organizations")
            await until(waiting)
            yield process


async def next_run_closes_the_books(world: World) -> None:
    """The first run shows as abandoned with every scope accounted for; the next one is complete."""
    for organization in world.fleet:
        organization.faults = []
    chosen = ("--organization", "acme-01", "--organization", "acme-03")
    assert (await world.sync(*chosen)).exit_code == 0
    runs = await world.query("select run_id, status from reporting.runs order by started_at")
    assert [run["status"] for run in runs] == ["abandoned", "complete"]
    rows = await world.query(
        "select organization from reporting.run_organizations where run_id = $1 order by 1",
        runs[0]["run_id"],
    )
    assert [row["organization"] for row in rows] == ["acme-01", "acme-03"]


@SIGNALS
async def test_a_signal_in_the_middle_keeps_what_is_finished_and_accounts_for_the_rest(
    half: World, number: int, exit_code: int
) -> None:
    """Fault H1."""
    async with half.started("sync", "--json") as process:
        await until_half_is_stored(half)
        result, seconds = await half.stopped(process, number)
    assert seconds < SECONDS_TO_STOP
    assert result.exit_code == exit_code
    assert (result.document["status"], result.document["exit_code"]) == ("cancelled", exit_code)
    assert result.document["outcomes"] == {"complete": 2, "cancelled": 2}
    (run,) = await half.query("select * from reporting.runs")
    assert (run["status"], run["exit_code"]) == ("cancelled", exit_code)
    assert run["finished_at"] is not None
    assert await half.outcomes() == {
        "acme-01": "complete",
        "acme-02": "complete",
        "acme-03": "cancelled",
        "acme-04": "cancelled",
    }
    assert await half.connections() == 8
    # Nobody was asked anything after the signal, and "we did not look" says nothing about anyone.
    assert half.simulator.observed.max_in_flight("acme-03") == 1
    assert (await half.statuses())["acme-03"] == "never"


async def test_the_run_after_a_stopped_one_reads_the_rest(half: World) -> None:
    async with half.started("sync") as process:
        await until_half_is_stored(half)
        await half.stopped(process, signal.SIGTERM)
    for organization in half.fleet:
        organization.faults = []
    result = await half.sync()
    assert result.exit_code == 0
    assert await half.connections() == 16
    statuses = await half.query("select status from reporting.runs order by started_at")
    assert [row["status"] for row in statuses] == ["cancelled", "complete"]


async def test_a_stuck_database_does_not_hold_up_the_end(half: World) -> None:
    """Fault H1: at any moment."""
    async with stuck_while_writing(half) as process:
        result, seconds = await half.stopped(process, signal.SIGTERM)
    assert (result.exit_code, result.stdout) == (143, "")
    assert seconds < SECONDS_TO_STOP
    assert "Traceback" not in result.stderr
    await next_run_closes_the_books(half)


async def test_a_silent_database_does_not_hold_up_the_end(half: World) -> None:
    """Fault H1: at any moment, also when nothing is answered any more."""
    async with (
        freezing_proxy(half.database_url) as (url, frozen),
        half.started("sync", "--json", DATABASE_URL=url) as process,
    ):
        await until_half_is_stored(half)
        frozen.set()
        result, seconds = await half.stopped(process, signal.SIGTERM)
    assert (result.exit_code, result.stdout) == (143, "")
    assert seconds < SECONDS_TO_STOP
    assert "Traceback" not in result.stderr
    assert await half.connections() == 8


async def test_a_second_signal_ends_it_at_once(half: World) -> None:
    """Fault H3."""
    async with stuck_while_writing(half) as process:
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        while b"run.stopping" not in await process.stderr.readline():
            pass
        result, seconds = await half.stopped(process, signal.SIGTERM)
    assert (result.exit_code, result.stdout) == (143, "")
    assert seconds < AT_ONCE
    assert await half.connections() == 0
    await next_run_closes_the_books(half)


@pytest.mark.parametrize(
    ("command", "number", "exit_code"),
    [
        ("sync", signal.SIGTERM, 143),
        ("sync", signal.SIGINT, 130),
        ("check", signal.SIGTERM, 143),
        ("migrate", signal.SIGINT, 130),
        ("status", signal.SIGTERM, 143),
        ("status", signal.SIGHUP, 129),
    ],
)
async def test_a_signal_before_the_run_has_started_ends_it_without_a_trace(
    world: World, command: str, number: int, exit_code: int
) -> None:
    async with silent_server() as (url, asked), world.started(command, DATABASE_URL=url) as process:
        async with asyncio.timeout(15):
            await asked.wait()
        result, seconds = await world.stopped(process, number)
    assert seconds < AT_ONCE
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert "Traceback" not in result.stderr
    assert world.simulator.observed.requests() == []


async def test_a_signal_during_discovery_leaves_no_run_behind(world: World) -> None:
    world.fleet.faults = [Fault(latency=60)]

    async def discovering() -> bool:
        return bool(world.simulator.observed.requests())

    partner_key = world.fleet.partner_key
    async with world.started("sync", "--json", API_KEYS=None, PARTNER_KEY=partner_key) as process:
        await until(discovering)
        result, seconds = await world.stopped(process, signal.SIGTERM)
    assert seconds < AT_ONCE
    assert (result.exit_code, result.stdout) == (143, "")
    assert await world.query("select * from reporting.runs") == []


def _cannot_unshare() -> bool:
    unshare = shutil.which("unshare")
    if unshare is None:
        return True
    command = [unshare, "--pid", "--fork", "--kill-child", "true"]
    return subprocess.run(command, check=False, capture_output=True).returncode != 0


needs_namespaces = pytest.mark.skipif(
    _cannot_unshare(), reason="this machine does not let us make a process-id namespace"
)
FIRST_PROCESS = ("unshare", "--pid", "--fork", "--kill-child")


def child_of(process: Process) -> int:
    """The first process of the namespace, by its number outside."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return int(children.split()[0])


@needs_namespaces
async def test_the_first_process_of_a_container_hears_sigterm(half: World) -> None:
    """Fault H2, trap T18."""
    async with half.started("sync", "--json", wrapper=FIRST_PROCESS) as process:
        await until_half_is_stored(half)
        os.kill(child_of(process), signal.SIGTERM)
        result = await finished(process, SECONDS_TO_STOP)
    assert result.exit_code == 143
    assert result.document["status"] == "cancelled"


@needs_namespaces
async def test_the_first_process_of_a_container_hears_sigterm_in_every_command(
    world: World,
) -> None:
    """Fault H2: where nothing but the start of the program has set a handler."""
    async with (
        silent_server() as (url, asked),
        world.started("check", wrapper=FIRST_PROCESS, DATABASE_URL=url) as process,
    ):
        async with asyncio.timeout(15):
            await asked.wait()
        os.kill(child_of(process), signal.SIGTERM)
        result = await finished(process, AT_ONCE)
    assert result.exit_code == 143
