"""The Postgres of the benchmark: the embedded server, and an empty database for each case."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from aggregator import embedded

SETTLE_TIMEOUT_SECONDS = 10.0
_CONNECTIONS_TABLE = Path(__file__).with_name("connections.sql")
_numbers = itertools.count(1)


@contextmanager
def database(data_dir: Path) -> Iterator[str]:
    """Connection string of a server that is started here and stopped on leaving."""
    try:
        yield embedded.start(data_dir).dsn
    finally:
        embedded.stop(data_dir)


@asynccontextmanager
async def fresh(server: str, *, with_table: bool = False) -> AsyncIterator[str]:
    """Connection string of an empty database, dropped on leaving; ``with_table`` makes the table
    of ``connections.sql``. A checkpoint comes first, so that no case pays for the one before.
    """
    name = f"benchmark_{next(_numbers)}"
    admin = await asyncpg.connect(server)
    try:
        await admin.execute(f"create database {name} template template0")
        url = _with_database(server, name)
        if with_table:
            await execute(url, _CONNECTIONS_TABLE.read_text())
        await admin.execute("checkpoint")
        yield url
    finally:
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def count_rows(url: str, table: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval(f"select count(*) from {table}"))  # noqa: S608 - our own constant
    finally:
        await connection.close()


async def rows_written(url: str, schema: str) -> dict[str, int]:
    """Rows inserted, updated or deleted so far, by table, as Postgres counts them.

    A backend reports what it did when it ends, so this waits until nobody else is connected.
    """
    connection = await asyncpg.connect(url)
    try:
        await _wait_until_alone(connection)
        rows = await connection.fetch(
            "select relname, n_tup_ins + n_tup_upd + n_tup_del from pg_stat_user_tables"
            " where schemaname = $1",
            schema,
        )
        return {name: int(count) for name, count in rows}
    finally:
        await connection.close()


async def version(server: str) -> str:
    connection = await asyncpg.connect(server)
    try:
        return str(await connection.fetchval("show server_version"))
    finally:
        await connection.close()


async def _wait_until_alone(connection: asyncpg.Connection) -> None:
    deadline = time.monotonic() + SETTLE_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        await connection.execute("select pg_stat_clear_snapshot()")
        others = await connection.fetchval(
            "select count(*) from pg_stat_activity where datname = current_database()"
            " and backend_type = 'client backend' and pid <> pg_backend_pid()"
        )
        if not others:
            return
    raise SystemExit("the run's database connections are still open")


def _with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
