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
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from aggregator import embedded

OUTSIDE_SERVER = "AGGREGATOR_TEST_DATABASE_URL"

_IN_MEMORY = Path("/dev/shm")  # noqa: S108 only a folder in it with a random name is used
_ENOUGH_BYTES = 1 << 30
_PREFIX = "aggregator_tests_"
_STALE_SECONDS = 60


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


class Run:
    """A test run, from its folder's creation until ``close`` leaves nothing of it behind.

    A run that was killed could not do so; the next one ends its server.
    """

    def __init__(self) -> None:
        self.folder = server_folder(_PREFIX)
        self._alive = (self.folder / "alive").open("w")
        fcntl.flock(self._alive, fcntl.LOCK_EX)
        for folder in self.folder.parent.glob(f"{_PREFIX}*"):
            # Another user's run, or one that is about to lock its folder, is left alone.
            with suppress(OSError):
                if time.time() - folder.stat().st_ctime > _STALE_SECONDS and _is_dead(folder):
                    _end_server(folder)

    def close(self) -> None:
        if os.environ.get(OUTSIDE_SERVER) and (self.folder / "template.lock").exists():
            asyncio.run(Databases.of_run(self.folder).drop_all())
        _end_server(self.folder)
        self._alive.close()


def _is_dead(folder: Path) -> bool:
    with (folder / "alive").open() as alive:
        try:
            fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _end_server(folder: Path) -> None:
    embedded.stop(folder)
    shutil.rmtree(folder)
