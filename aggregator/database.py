"""Pool, transactions and error translation: asyncpg's errors never leave through here.

Works behind a transaction-mode pooler: no prepared-statement cache, settings only ``LOCAL``.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg

from aggregator import dsn as dsns
from aggregator.errors import (
    ConfigurationError,
    DatabaseError,
    RefusedDataError,
    TransientDatabaseError,
)
from aggregator.patience import Patience
from aggregator.refusals import COMMAND_TIMEOUT_SECONDS, translated_errors

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]

    Fence = Callable[[Connection], Awaitable[None]]

T = TypeVar("T")

MINIMUM_SERVER = (15, 0)
CONNECTIONS = 4
"""At most: the run's lock, the writer, and two that read what scopes hold."""
CONNECT_TIMEOUT_SECONDS = 10
SECONDS_TO_LET_GO = 5
"""How long a connection may take to end what it does, before it is cut."""
REMEDY = (
    "An administrator can run: GRANT CREATE, TEMPORARY ON DATABASE {database} TO {role};"
    " and, where the schemas belong to another user: GRANT inventory_writer TO {role};"
)
"""For the login of runs and of migrations; to a reader it would give everything."""
READS_VIEWS = "This login only reads views, which is enough for aggregator report and export"
ANOTHER_LOGIN = "It takes another login: see docs/operations.md, Who may see what"
_WHO = """
select
    current_setting('server_encoding') as encoding, quote_ident(current_user) as role,
    quote_ident(current_database()) as name,
    bool_or(rolname like 'reporting%') and not bool_or(rolname like 'inventory%') is true
        as reads_views
from pg_roles
where pg_has_role(oid, 'USAGE') and rolname in (
    'reporting_reader', 'reporting_restricted', 'inventory_writer', 'inventory_owner'
)
"""
LOCAL_SETTINGS = """
set local search_path = pg_catalog;
set local lock_timeout = '5s';
-- Whoever is frozen or cut off does not hold up the next run with what it has locked.
set local idle_in_transaction_session_timeout = '30s';
set local statement_timeout = '150s';
-- JSON of the history holds times as text, so their zone must not be the server's.
set local timezone = 'UTC';
-- A batch is few rows beside a table that may just have grown: they are looked up by key, whatever
-- the planner's statistics say. Otherwise a first load reads the growing table for every batch.
set local enable_seqscan = off;
-- Before Postgres 18 that makes a plan look so dear that each one would be compiled, for a second.
set local jit = off;
"""
READING_SETTINGS = """
set local search_path = pg_catalog;
set local timezone = 'UTC';
-- Each statement is run once: compiling it takes longer than it saves.
set local jit = off;
"""

_BUSY = {"53300", "57P03"}  # too many connections, starting up


class Database:
    """A pool that was opened by ``open_database``, and is closed by it."""

    def __init__(
        self, pool: asyncpg.Pool[asyncpg.Record], patience: Patience, *, writes: bool
    ) -> None:
        self.remedy = ""
        """What to do where a privilege is missing."""
        self._pool = pool
        self._patience = patience
        self._writes = writes
        self._fence: Fence | None = None

    async def patiently(self, act: Callable[[], Awaitable[T]], *, attempts: int | None = None) -> T:
        """As ``Patience``: what ``act`` gives, tried again while the database is away."""
        return await self._patience(act, attempts=attempts)

    @contextmanager
    def fenced(self, fence: Fence) -> Iterator[None]:
        """In this block every transaction begins with ``fence``, which raises to forbid it."""
        self._fence = fence
        try:
            yield
        finally:
            self._fence = None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        with translated_errors(self.remedy):
            try:
                connection = await self._pool.acquire()
            except TimeoutError:
                raise TransientDatabaseError(
                    f"the database cannot be reached in {CONNECT_TIMEOUT_SECONDS} seconds"
                ) from None
            try:
                yield connection
            except asyncpg.ReadOnlySQLTransactionError:
                # After a failover the other node is behind new connections only.
                await self._pool.expire_connections()
                raise
            finally:
                with suppress(Exception):  # what cannot be given back was cut
                    await self._pool.release(connection, timeout=SECONDS_TO_LET_GO)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One transaction: commits at the end of the block, rolls back on any exception."""
        async with self.connection() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                await connection.execute(LOCAL_SETTINGS)
                if self._fence is not None:
                    await self._fence(connection)
                yield connection
            except BaseException:
                with suppress(Exception):
                    async with asyncio.timeout(SECONDS_TO_LET_GO):
                        await transaction.rollback()
                raise
            await transaction.commit()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """One read-only transaction, all of whose statements see the same moment.

        A statement that may take long sets ``statement_timeout`` to the login's default.
        """
        async with self.connection() as connection:
            transaction = connection.transaction(isolation="repeatable_read", readonly=True)
            await transaction.start()
            try:
                await connection.execute(READING_SETTINGS)
                yield connection
            finally:
                with suppress(Exception):  # there is nothing to lose
                    async with asyncio.timeout(SECONDS_TO_LET_GO):
                        await transaction.rollback()

    async def check_server(self) -> None:
        """Learns who we are there; raises ``ConfigurationError`` for a server that can never do."""
        async with self.connection() as connection:
            version = connection.get_server_version()
            row = await connection.fetchrow(_WHO)
        if row is None:
            raise DatabaseError("the database does not answer a simple question")
        if (version.major, version.minor) < MINIMUM_SERVER:
            raise ConfigurationError(
                [f"Postgres {version.major} is too old; 15 or later is needed"]
            )
        if row["encoding"] != "UTF8":
            raise ConfigurationError(
                [f"the database's encoding is {row['encoding']}; UTF8 is needed"]
            )
        if row["reads_views"]:
            self.remedy = READS_VIEWS
        elif self._writes:
            self.remedy = REMEDY.format(role=row["role"], database=row["name"])
        else:
            self.remedy = ANOTHER_LOGIN

    async def fetch(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:  # noqa: ANN401 (what asyncpg encodes)
        """Rows of one statement, which may be run again after an outage."""

        async def act() -> list[asyncpg.Record]:
            async with self.connection() as connection:
                return await connection.fetch(statement, *arguments)

        return await self.patiently(act)


@asynccontextmanager
async def open_database(
    dsn: str, patience: Patience | None = None, *, writes: bool = True
) -> AsyncIterator[Database]:
    """A pool on ``dsn``, checked to be a usable server; closed on leaving.

    ``writes``: whether whoever lacks a privilege is told the grants of a run or a migration.
    Raises ``ConfigurationError`` for a DSN that cannot be understood or a server that can never
    do, and ``DatabaseError`` when the server cannot be reached; one that is busy is waited for.
    """
    patience = patience or Patience(clock=time.monotonic, sleep=asyncio.sleep, random=random.random)
    pool = await asyncpg.create_pool(
        dsn,
        min_size=0,  # whoever needs a connection opens it, and is told why there is none
        max_size=CONNECTIONS,
        statement_cache_size=0,
        timeout=CONNECT_TIMEOUT_SECONDS,
        command_timeout=COMMAND_TIMEOUT_SECONDS,
        reset=_leave_as_is,
        ssl=dsns.verification(dsn, os.environ),
    )
    database = Database(pool, patience, writes=writes)

    async def greet() -> None:
        try:
            await database.check_server()
        except ValueError:  # whose message repeats a part of the DSN
            raise ConfigurationError(["AGGREGATOR_DATABASE_URL cannot be understood"]) from None
        except TransientDatabaseError as error:
            if error.sqlstate in _BUSY:
                raise
            message = f"{dsns.address(dsn)}: {error}"
            raise DatabaseError(message, sqlstate=error.sqlstate) from None

    try:
        await patience(greet)
        yield database
    finally:
        pool.terminate()


async def _leave_as_is(_: object) -> None:
    """Nothing to reset: sessions are never changed, and a pooler's are not ours to reset."""


async def copy_rows(
    connection: Connection,
    table: str,
    rows: Sequence[tuple[Any, ...]],
    *,
    schema: str | None = None,
    columns: Sequence[str] | None = None,
) -> None:
    """Copies rows into a table, a temporary one where no ``schema`` is named.

    Raises ``RefusedDataError`` for a value that has not the type of its column.
    """
    try:
        await connection.copy_records_to_table(
            table, schema_name=schema, columns=columns, records=rows
        )
    except (TypeError, ValueError, OverflowError) as error:
        # What encoders raise is an error of asyncpg's for a parameter, and bare for COPY.
        raise RefusedDataError(f"a value cannot be encoded ({type(error).__name__})") from None
