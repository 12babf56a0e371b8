"""A simulated host, a database and the whole program between them, inside the test's process.

Only the start of a Python is left out; where that matters, tests run the command instead.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from aggregator.arguments import parser
from tests.databases import Databases
from tests.simulator import Fleet, Simulator

Row = dict[str, Any]

BOOKKEEPING = {"first_seen_at", "last_changed_at", "last_seen_at", "withheld_since"}
"""Columns of ``reporting.connections`` that say when we looked and not what was there."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What one ``sync --json`` left behind for a person to read."""

    exit_code: int
    account: Row
    stderr: str
    scopes: dict[str, Row]
    """The rows of ``reporting.run_organizations`` by organization."""

    @property
    def outcomes(self) -> dict[str, str]:
        return {name: row["outcome"] for name, row in self.scopes.items()}

    def events(self, name: str) -> list[Row]:
        """The log lines of one event."""
        lines = [json.loads(line) for line in self.stderr.splitlines()]
        return [line for line in lines if line["event"] == name]


@dataclass(slots=True)
class World:
    simulator: Simulator
    database_url: str
    folder: Path
    keys: dict[str, str]
    """Organization → key, as ``API_KEYS`` has them; change it to break it."""
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def fleet(self) -> Fleet:
        return self.simulator.fleet

    def environment(self, **settings: object) -> dict[str, str]:
        """Every variable of ``AGGREGATOR_…``; a setting of None is not set."""
        chosen: dict[str, object] = {
            "DATABASE_URL": self.database_url,
            "BASE_URL": self.simulator.base_url,
            "RESOURCES": "connections",
            "API_KEYS": json.dumps(self.keys) if self.keys else None,
            "REQUESTS_PER_SECOND": 0,
            "REQUESTS_PER_SECOND_PER_ORGANIZATION": 0,
            "MAX_ATTEMPTS": 2,
            "LOG_FORMAT": "json",
            **self.settings,
            **settings,
        }
        return {f"AGGREGATOR_{name}": str(v) for name, v in chosen.items() if v is not None}

    async def sync(self, *arguments: str, **settings: object) -> Ran:
        """``aggregator sync --json``; errors that become an exit code are raised as they are."""
        exit_code, stdout, stderr = await self.run("sync", "--json", *arguments, **settings)
        account = json.loads(stdout)
        rows = await self.query(
            "select * from reporting.run_organizations where run_id = $1", UUID(account["run_id"])
        )
        scopes = {row["organization"]: row for row in rows}
        assert len(scopes) == len(rows), "one organization was accounted for twice"
        return Ran(exit_code, account, stderr, scopes)

    async def run(self, *arguments: str, **settings: object) -> tuple[int, str, str]:
        """Any command with its arguments: exit code, standard output and standard error."""
        stdout, stderr = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
        with (
            _surroundings(self.folder, self.environment(**settings)),
            contextlib.redirect_stdout(stdout),
            contextlib.redirect_stderr(stderr),
        ):
            options = parser().parse_args(arguments)
            command = import_module(f"aggregator.commands.{options.command}")
            code = await command.run(options)
        stdout.flush()
        return code, stdout.buffer.getvalue().decode(), stderr.getvalue()

    async def query(self, statement: str, *arguments: object) -> list[Row]:
        connection = await asyncpg.connect(self.database_url)
        try:
            return [dict(row) for row in await connection.fetch(statement, *arguments)]
        finally:
            await connection.close()

    async def connections(self) -> dict[str, dict[str, Row]]:
        """Rows of ``reporting.connections`` by organization and id, without ``BOOKKEEPING``."""
        found: dict[str, dict[str, Row]] = {name: {} for name in self.keys}
        for row in await self.query("select * from reporting.connections"):
            row["configuration"] = _loaded(row["configuration"])
            row["extra"] = _loaded(row["extra"])
            kept = {name: value for name, value in row.items() if name not in BOOKKEEPING}
            found.setdefault(row["organization"], {})[row["connection_id"]] = kept
        return found

    async def organizations(self) -> dict[str, Row]:
        rows = await self.query("select * from reporting.organizations")
        return {row["organization"]: row for row in rows}

    async def everything_stored(self) -> str:
        """All rows of all our tables as text, for canaries to be looked for."""
        tables = await self.query(
            "select table_schema || '.' || table_name as name from information_schema.tables"
            " where table_schema in ('ledger', 'inventory') and table_type = 'BASE TABLE'"
        )
        rows = [
            row["text"]
            for table in tables
            for row in await self.query(f"select t::text as text from {table['name']} t")  # noqa: S608 - names of ours
        ]
        return "\n".join(rows)


@contextlib.asynccontextmanager
async def opened(databases: Databases, folder: Path, fleet: Fleet) -> AsyncIterator[World]:
    """A world of its own: a served fleet and a migrated, empty database."""
    async with databases.copy(databases.template) as dsn, Simulator(fleet) as simulator:
        yield World(simulator, dsn, folder, dict(fleet.api_keys))


@contextlib.contextmanager
def _surroundings(folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """Environment and working directory of the command; what it does to the process is undone."""
    root, ours = logging.getLogger(), logging.getLogger("aggregator")
    handlers, levels, threshold = root.handlers[:], (root.level, ours.level), gc.get_threshold()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(gc, "freeze", lambda: None)
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            yield
        finally:
            root.handlers[:] = handlers
            root.setLevel(levels[0])
            ours.setLevel(levels[1])
            gc.set_threshold(*threshold)


def _loaded(text: str | None) -> Any:  # noqa: ANN401 - any JSON value
    return None if text is None else orjson.loads(text)
