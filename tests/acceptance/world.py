"""A simulated host, a database and the command between them: all that an acceptance test needs."""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from tests.command import Finished, finished, run_in, started_in
from tests.simulator import Fleet, Simulator

Row = dict[str, Any]

UNPACED = {
    "REQUESTS_PER_SECOND": "0",
    "REQUESTS_PER_SECOND_PER_ORGANIZATION": "0",
}
"""Tests that are not about pace do not wait for it."""

WAITING = """
select 1
from pg_stat_activity
where wait_event_type = 'Lock' and datname = current_database()
"""
"""Who waits for a lock in this database."""

_RELATIONS = """
select format('%I.%I', n.nspname, c.relname) as name
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'v', 'm', 'p')
    and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
order by name
"""

DEAD_DATABASE = "postgresql://nobody@127.0.0.1:9/nothing"
"""Nobody listens there."""


@dataclass(frozen=True, slots=True)
class World:
    """Settings are named without their prefix; None leaves one out."""

    simulator: Simulator
    database_url: str
    folder: Path

    @property
    def fleet(self) -> Fleet:
        return self.simulator.fleet

    def environment(self, **settings: str | None) -> dict[str, str]:
        """The fleet's own keys, host and database, unless ``settings`` say otherwise."""
        chosen: dict[str, str | None] = {
            "BASE_URL": self.simulator.base_url,
            "DATABASE_URL": self.database_url,
            "API_KEYS": json.dumps(self.fleet.api_keys),
            "RESOURCES": "connections",
            **UNPACED,
            **settings,
        }
        return {f"AGGREGATOR_{name}": value for name, value in chosen.items() if value is not None}

    async def run(self, *arguments: str, **settings: str | None) -> Finished:
        return await run_in(self.folder, *arguments, env=self.environment(**settings))

    async def sync(self, *options: str, **settings: str | None) -> Finished:
        """``sync --json``; its account is the result's ``document``."""
        return await self.run("sync", "--json", *options, **settings)

    @asynccontextmanager
    async def started(
        self,
        *arguments: str,
        wrapper: Sequence[str] = (),
        stderr: int = PIPE,
        **settings: str | None,
    ) -> AsyncIterator[Process]:
        async with started_in(
            self.folder,
            *arguments,
            env=self.environment(**settings),
            wrapper=wrapper,
            stderr=stderr,
        ) as process:
            yield process

    async def stopped(self, process: Process, number: int) -> tuple[Finished, float]:
        """What it came to after the signal, and how many seconds that took."""
        clock = asyncio.get_running_loop().time
        began = clock()
        process.send_signal(number)
        return await finished(process), clock() - began

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        connection = await asyncpg.connect(self.database_url)
        try:
            yield connection
        finally:
            await connection.close()

    async def query(self, statement: str, *arguments: object) -> list[Row]:
        async with self.connection() as connection:
            return [dict(row) for row in await connection.fetch(statement, *arguments)]

    async def execute(self, statement: str) -> None:
        async with self.connection() as connection:
            await connection.execute(statement)

    async def outcomes(self) -> dict[str, str]:
        """The outcome of each organization in the last run."""
        rows = await self.query(
            "select organization, outcome from reporting.run_organizations where run_id ="
            " (select run_id from reporting.runs order by started_at desc limit 1)"
        )
        return {row["organization"]: row["outcome"] for row in rows}

    async def statuses(self) -> dict[str, str]:
        rows = await self.query("select organization, status from reporting.organizations")
        return {row["organization"]: row["status"] for row in rows}

    async def connections(self) -> int:
        """How many rows ``reporting.connections`` has."""
        rows = await self.query("select count(*) as rows from reporting.connections")
        count: int = rows[0]["rows"]
        return count

    async def dump(self) -> dict[str, str]:
        """Every table and view as text, by name, without what changes by time alone.

        A line for each value as it is, for what is escaped hides what is looked for.
        """
        texts = {}
        async with self.connection() as connection:
            for (name,) in await connection.fetch(_RELATIONS):
                rows = await connection.fetch(
                    f"select to_jsonb(t) - 'age_seconds' as row from {name} t order by t"  # noqa: S608 (a name of the catalogue)
                )
                texts[name] = "\n".join(
                    line for each in rows for line in _lines("", json.loads(each["row"]))
                )
        return texts


def _lines(path: str, value: object) -> Iterator[str]:
    if value and isinstance(value, dict):
        for key, inner in value.items():
            yield from _lines(f"{path}.{key}", inner)
    elif value and isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _lines(f"{path}[{number}]", inner)
    else:
        yield f"{path}: {value}"


async def until(condition: Callable[[], Awaitable[object]], seconds: float = 15) -> None:
    """Returns as soon as the condition holds; a failure of the test if it never does."""
    try:
        async with asyncio.timeout(seconds):
            while not await condition():  # noqa: ASYNC110 (another process makes it true)
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"it did not come true in {seconds} seconds") from None
