"""One Postgres server for a test run, one migrated template in it, and a copy for each test.

All that a run creates begins with its prefix, so that it can be cleared from a server which
outlives the run.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from aggregator import embedded

OUTSIDE_SERVER = "AGGREGATOR_TEST_DATABASE_URL"

_IN_MEMORY = Path("/dev/shm")  # noqa: S108 only a folder in it with a random name is used
_ENOUGH_BYTES = 1 << 30


def server_folder(prefix: str) -> Path:
    """A new folder for a throw-away server, in memory where there is room: copying a database
    takes 15 ms there, and up to 250 ms on a disk.

    Its path is short enough for a socket, and other users may enter: the server may run as one.
    """
    parent = None
    if _IN_MEMORY.is_dir() and not os.statvfs(_IN_MEMORY).f_flag & os.ST_NOEXEC:
        parent = _IN_MEMORY if shutil.disk_usage(_IN_MEMORY).free > _ENOUGH_BYTES else None
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    folder.chmod(0o755)
    return folder


@dataclass(frozen=True, slots=True)
class Databases:
    """The databases of one run on one server; every worker of the run has an equal one."""

    server_dsn: str
    folder: Path
    """Shared by all workers of the run."""

    @property
    def prefix(self) -> str:
        return self.folder.name

    @property
    def template(self) -> str:
        return f"{self.prefix}_template"

    @classmethod
    def of_run(cls, folder: Path) -> Databases:
        """On the server that the environment names, or else on an embedded one in ``folder``."""
        outside = os.environ.get(OUTSIDE_SERVER)
        return cls(outside or embedded.start(folder, durable=False).dsn, folder)

    def migrate_template(self) -> None:
        """Makes the template, once in a run: the other workers wait and find it made."""
        made = self.folder / "template"
        with (self.folder / "template.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made.exists():
                asyncio.run(self._make_template())
                made.touch()

    async def _make_template(self) -> None:
        from aggregator.migrate import migrate  # noqa: PLC0415 most tests need no database

        await self._execute(f'DROP DATABASE IF EXISTS "{self.template}" WITH (FORCE)')
        await self._execute(f'CREATE DATABASE "{self.template}" TEMPLATE template0')
        await migrate(self._dsn(self.template))

    @asynccontextmanager
    async def copy(self, template: str) -> AsyncIterator[str]:
        """The DSN of a new database, which is dropped in the end whoever still uses it."""
        name = f"{self.prefix}_{secrets.token_hex(6)}"
        await self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield self._dsn(name)
        finally:
            await self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    async def drop_all(self) -> None:
        connection = await asyncpg.connect(self.server_dsn)
        try:
            names = await connection.fetch(
                "SELECT datname FROM pg_database WHERE starts_with(datname, $1)", self.prefix
            )
            for (name,) in names:
                await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        finally:
            await connection.close()

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.server_dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def _dsn(self, database: str) -> str:
        return urlunsplit(urlsplit(self.server_dsn)._replace(path=f"/{database}"))


def clear(folder: Path) -> None:
    """Ends what a run has left on its server."""
    if not os.environ.get(OUTSIDE_SERVER):
        embedded.stop(folder)
    elif (folder / "template.lock").exists():
        asyncio.run(Databases.of_run(folder).drop_all())
