"""``kill -9`` at random moments: what a rerun leaves behind, and what a reader sees meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from benchmarks.figures import Figure, exactly
from benchmarks.trust.stand import Stand
from tests.acceptance.world import World
from tests.simulator import Fault, Fleet, Simulator

ORGANIZATIONS = 50
CONNECTIONS = 8
SPREAD_SECONDS = 0.8
"""Answers come over so long a time, so that there are several transactions to be killed in."""

Rows = frozenset[tuple[str, str]]
"""Id and digest of each row of one organization."""
Picture = dict[str, Rows]

_WHEN_WRITTEN = """
'{first_seen_at,last_changed_at,last_seen_at,status_since,withheld_since,withheld_reason,
valid_from,valid_to}'::text[]
"""
"""Columns that say when we looked and not what was there."""
_PICTURE = f"""
select organization, connection_id, md5((to_jsonb(c) - {_WHEN_WRITTEN})::text) as digest
from reporting.connections c
"""  # noqa: S608 - constants
_HISTORY = f"""
select (to_jsonb(h) - {_WHEN_WRITTEN})::text || (valid_to is null)::text as row
from reporting.connection_history h order by row
"""  # noqa: S608 - constants


async def measure_kill(stand: Stand, rounds: int) -> tuple[list[Figure], dict[str, Any]]:
    random = Random(stand.seed)  # noqa: S311 - repeatable
    fleet = Fleet(ORGANIZATIONS, CONNECTIONS, seed=stand.seed)
    databases = stand.databases
    async with Simulator(fleet) as simulator, databases.copy(databases.template) as loaded:
        await _sync(World(simulator, loaded, stand.folder))
        templates = [databases.template, urlsplit(loaded).path[1:]]
        _edit(fleet, random)
        for organization in fleet:
            late = random.random() * SPREAD_SECONDS
            organization.faults = [Fault(path="/api/connections", latency=late)]
        tally = Tally()
        clean = [await _clean(stand, simulator, template) for template in templates]
        again = await _clean(stand, simulator, templates[1])
        if (again.new, again.history) != (clean[1].new, clean[1].history):
            raise SystemExit("two clean runs differ: name the column that says when it was written")
        for number in range(rounds):
            kind = number % 2
            async with databases.copy(templates[kind]) as url:
                world = World(simulator, url, stand.folder)
                await _round(world, clean[kind], random, tally)
    name = f"kill -9 in {rounds} runs"
    return [
        exactly(f"{name}: tables not equal to a clean run's after the rerun", tally.unequal, 0),
        exactly(f"{name}: torn organizations in {tally.looks:,} looks of a reader", tally.torn, 0),
    ], {**tally.moments, "looks": tally.looks, "seconds of a clean run": [c.seconds for c in clean]}


@dataclass(slots=True)
class Tally:
    """What all rounds came to."""

    unequal: int = 0
    torn: int = 0
    looks: int = 0
    moments: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Clean:
    """A run that nobody disturbs: what was there before and after it, and how long it took."""

    old: Picture
    new: Picture
    history: list[str]
    seconds: float

    def is_whole(self, organization: str, seen: Rows) -> bool:
        return is_whole(seen, self.old.get(organization), self.new.get(organization))


def is_whole(seen: Rows, old: Rows | None, new: Rows | None) -> bool:
    """Whether these are an organization's rows before a run, or after it, with or without those
    that are kept until it is proven that they are gone.
    """
    old, new = old or frozenset(), new or frozenset()
    ids = {key for key, _ in new}
    kept = {row for row in old if row[0] not in ids}
    return seen in (old, new, new | kept)


def _edit(fleet: Fleet, random: Random) -> None:
    """One row changed, one gone, one new in each organization."""
    for organization in fleet:
        connections = organization.connections
        connections[0]["name"] = f"renamed {random.random()}"
        connections.append(dict(connections[1], id=f"new-{organization.name}"))
        del connections[2]


async def _sync(world: World) -> float:
    began = time.monotonic()
    result = await world.sync()
    if result.exit_code != 0:
        raise SystemExit(f"an undisturbed run ended with {result.exit_code}:\n{result.stderr}")
    return time.monotonic() - began


async def _clean(stand: Stand, simulator: Simulator, template: str) -> Clean:
    async with stand.databases.copy(template) as url:
        world = World(simulator, url, stand.folder)
        async with world.connection() as connection:
            old = await _picture(connection)
        seconds = await _sync(world)
        async with world.connection() as connection:
            return Clean(old, await _picture(connection), await _history(connection), seconds)


async def _round(world: World, clean: Clean, random: Random, tally: Tally) -> None:
    async with _reader(world, clean, tally):
        async with world.started("sync") as process:
            await asyncio.sleep(random.random() * clean.seconds)
            with suppress(ProcessLookupError):  # it may be done already
                process.kill()
            await process.wait()
        async with world.connection() as connection:
            stored = await _picture(connection)
        written = sum(stored.get(name) != clean.old.get(name) for name in clean.new)
        tally.moments[_moment(written, len(clean.new))] += 1
        await _sync(world)
    async with world.connection() as connection:
        is_equal = await _picture(connection) == clean.new
        tally.unequal += not (is_equal and await _history(connection) == clean.history)


def _moment(written: int, organizations: int) -> str:
    if written == 0:
        return "killed before anything was stored"
    return "killed when all was stored" if written == organizations else "killed on the way"


@asynccontextmanager
async def _reader(world: World, clean: Clean, tally: Tally) -> AsyncIterator[None]:
    """Looks again and again at all organizations, and counts those that are torn."""

    async def look() -> None:
        async with world.connection() as connection:
            while True:
                seen = await _picture(connection)
                tally.looks += 1
                tally.torn += sum(
                    not clean.is_whole(name, seen.get(name, frozenset()))
                    for name in {*clean.old, *clean.new, *seen}
                )
                await asyncio.sleep(0.01)

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking


async def _picture(connection: asyncpg.Connection[asyncpg.Record]) -> Picture:
    rows: dict[str, set[tuple[str, str]]] = {}
    for organization, key, digest in await connection.fetch(_PICTURE):
        rows.setdefault(organization, set()).add((key, digest))
    return _frozen(rows)


def _frozen(rows: Mapping[str, set[tuple[str, str]]]) -> Picture:
    return {organization: frozenset(found) for organization, found in rows.items()}


async def _history(connection: asyncpg.Connection[asyncpg.Record]) -> list[str]:
    return [row["row"] for row in await connection.fetch(_HISTORY)]
