"""Applies numbered plain SQL files, each in one transaction with its record, under a lock.

A file that was applied and then edited, or a database newer than this release, is refused before
any change. The lock belongs to the transaction, so it also holds behind a transaction-mode pooler;
it is that of a row, which no reader can lock, but for the first file: there is no row of ours yet.
Whoever migrates does so as the owner of the schema ``ledger``, so that all has one owner.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import time
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aggregator.database import Database, open_database
from aggregator.errors import ConfigurationError, DatabaseError
from aggregator.refusals import DEPENDENCY

if TYPE_CHECKING:
    from aggregator.database import Connection

log = logging.getLogger(__name__)

LOCK = 7_305_841_220_001  # any number, the same in every release
LOCK_POLL_SECONDS = 0.2
LOCK_PATIENCE_SECONDS = 120.0
LOCK_ROW = "select version from ledger.migrations where version = 1 for update skip locked"
_FILE = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")

_CREATE_TABLE = """
create schema if not exists ledger;
create table if not exists ledger.migrations (
    version integer primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now()
)
"""

_OTHER_OWNER = """
select quote_ident(pg_get_userbyid(nspowner))
from pg_namespace
where nspname = 'ledger' and nspowner <> current_user::regrole
    and pg_has_role(
        nspowner,
        case when current_setting('server_version_num')::integer < 160000
            then 'MEMBER' else 'SET' end
    )
"""

_BOUND = "select row_security_active('ledger.migrations')"


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of ``migrations/``, line ends normalized."""

    version: int
    name: str
    sql: str

    @property
    def label(self) -> str:
        return f"{self.version:04}_{self.name}"

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def load_migrations() -> list[Migration]:
    """All migrations of this release, in order; a gap in the numbers is a ``ValueError``."""
    checkout = Path(__file__).parent.parent / "migrations"
    folder = checkout if checkout.is_dir() else resources.files("aggregator") / "migrations"
    found = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if match := _FILE.fullmatch(entry.name):
            sql = entry.read_text(encoding="utf-8").replace("\r\n", "\n")
            found.append(Migration(int(match[1]), match[2], sql))
    if [migration.version for migration in found] != list(range(1, len(found) + 1)):
        raise ValueError("migrations are not numbered without gaps")
    return found


async def pending(database: Database) -> list[Migration]:
    """What has not been applied yet; changes nothing.

    Raises ``ConfigurationError`` for an edited file or a database newer than this release.
    """
    async with database.connection() as connection:
        return await _pending(connection, load_migrations(), database.remedy)


async def apply(database: Database) -> list[str]:
    """Applies what is pending and gives the names of the files that this call applied.

    Raises ``DatabaseError`` for a file that cannot be applied, of which nothing is left then.
    """
    migrations = load_migrations()
    applied: list[str] = []
    patience = time.monotonic() + LOCK_PATIENCE_SECONDS
    while waiting := await pending(database):
        try:
            name = await _apply_next(database, migrations)
        except DatabaseError as error:
            if error.sqlstate not in DEPENDENCY:
                raise
            raise DatabaseError(
                f"migration {waiting[0].label} is not applied: {error}."
                " Drop what depends on it, run aggregator migrate, and create it again",
                sqlstate=error.sqlstate,
            ) from None
        if name is not None:
            applied.append(name)
        elif time.monotonic() > patience:
            raise DatabaseError("somebody else holds the lock of migrations and does not end")
        else:
            await asyncio.sleep(LOCK_POLL_SECONDS)
    return applied


async def migrate(dsn: str) -> list[str]:
    """As ``apply``, on a database of its own opening."""
    async with open_database(dsn) as database:
        return await apply(database)


async def _apply_next(database: Database, migrations: list[Migration]) -> str | None:
    """The name of the one file applied; None where another process holds the lock."""
    async with database.transaction() as connection:
        if owner := await connection.fetchval(_OTHER_OWNER):
            await connection.execute(f"set local role {owner}")
        if await _has_table(connection):
            is_ours = await connection.fetchval(LOCK_ROW) is not None
        else:
            is_ours = await _begin(connection)
        if not is_ours:
            return None
        todo = await _pending(connection, migrations, database.remedy)
        if not todo:
            return None
        connection.add_log_listener(_warn)
        try:
            await connection.execute(todo[0].sql)
        finally:
            connection.remove_log_listener(_warn)
        await connection.execute(
            "insert into ledger.migrations (version, name, checksum) values ($1, $2, $3)",
            todo[0].version,
            todo[0].name,
            todo[0].checksum,
        )
        return todo[0].label


async def _begin(connection: Connection) -> bool:
    """Makes the table; False where another process does, or has done so meanwhile.

    Anybody may hold an advisory lock, but there are no readers of ours yet.
    """
    if not await connection.fetchval("select pg_try_advisory_xact_lock($1)", LOCK):
        return False
    if await _has_table(connection):
        return False
    await connection.execute(_CREATE_TABLE)
    return True


async def _has_table(connection: Connection) -> bool:
    return bool(await connection.fetchval("select to_regclass('ledger.migrations') is not null"))


def _warn(_: object, said: Any) -> None:  # noqa: ANN401 (asyncpg's message)
    if said.severity_en == "WARNING":
        log.warning("migration.warning", extra={"warning": said.message})


async def _pending(
    connection: Connection, migrations: list[Migration], remedy: str
) -> list[Migration]:
    if not await _has_table(connection):
        return migrations
    rows = await connection.fetch("select version, checksum from ledger.migrations")
    if not rows and await connection.fetchval(_BOUND):
        raise DatabaseError(f"policies hide everything from this login. {remedy}")
    applied = {row["version"]: row["checksum"] for row in rows}
    known = {migration.version: migration.checksum for migration in migrations}
    problems = [
        f"migration {version:04} was edited after it was applied"
        for version in sorted(applied.keys() & known.keys())
        if applied[version] != known[version]
    ]
    if applied.keys() - known.keys():
        problems.append("the database is newer than this release; install the newer release")
    if problems:
        raise ConfigurationError(problems)
    return [migration for migration in migrations if migration.version not in applied]
