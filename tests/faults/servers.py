"""Servers that tests may stop, fill, hide and spoil: a Postgres of their own, a pooler, a proxy."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import asyncpg
import pytest

from aggregator import embedded
from aggregator.embedded.binaries import choose_runner
from tests.databases import Databases

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
AS_NOBODY = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")

needs_pgbouncer = pytest.mark.skipif(
    PGBOUNCER is None or (os.geteuid() == 0 and shutil.which("setpriv") is None),
    reason="pgbouncer is not installed (Debian package pgbouncer)",
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Postgres server that belongs to the tests of one process alone."""

    databases: Databases

    @classmethod
    def started(cls, folder: Path) -> Cluster:
        databases = Databases(embedded.start(folder, durable=False).dsn, folder)
        databases.migrate_template()
        return cls(databases)

    @property
    def _home(self) -> Path:
        return self.databases.folder / "postgres"

    def start(self) -> None:
        embedded.start(self.databases.folder, durable=False)

    def stop(self, mode: str = "fast") -> None:
        """``fast`` ends its sessions, ``immediate`` is a crash."""
        data = self._home / "data"
        runner = choose_runner(self._home, data)
        assert runner.run("pg_ctl", "stop", "-w", "-m", mode, "-D", data).returncode == 0

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", int((self._home / "port").read_text())

    @property
    def password(self) -> str:
        """Of the owner, over TCP."""
        return (self._home / "pgpass").read_text().strip().rpartition(":")[2]


def dsn_over(address: str, dsn: str, password: str = "") -> str:
    """The same database and user through ``host:port``."""
    parts = urlsplit(dsn)
    user = f"{parts.username}:{password}" if password else parts.username
    return urlunsplit(parts._replace(netloc=f"{user}@{address}", query=""))


async def administer(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


END_THE_LOCK = (
    "select pg_terminate_backend(pid) from pg_locks join pg_stat_activity using (pid)"
    " where relation = 'ledger.run_lock'::regclass and datname = current_database()"
    " and pid <> pg_backend_pid()"
)
"""Ends the session of whoever holds the run lock, as an idle timeout of the server would."""


# A pooler


@dataclass(frozen=True, slots=True)
class Pooler:
    address: str
    log: Path

    def dsn(self, dsn: str) -> str:
        return dsn_over(self.address, dsn)


@asynccontextmanager
async def pooler(
    cluster: Cluster, folder: Path, settings: Mapping[str, object] | None = None
) -> AsyncIterator[Pooler]:
    """PgBouncer in transaction mode before every database of the cluster."""
    host, port = cluster.address
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        own_port = free.getsockname()[1]
    log = folder / "pgbouncer.log"
    options = {
        "listen_addr": "127.0.0.1",
        "listen_port": own_port,
        "unix_socket_dir": "",
        "auth_type": "any",
        "pool_mode": "transaction",
        **(settings or {}),
    }
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(
        f"[databases]\n* = host={host} port={port} user=aggregator password={cluster.password}\n"
        "[pgbouncer]\n" + "".join(f"{name} = {value}\n" for name, value in options.items())
    )
    for entry in (*folder.parents, folder, configuration):
        with suppress(PermissionError):
            entry.chmod(entry.stat().st_mode | 0o055 if entry.is_dir() else 0o644)
    prefix = AS_NOBODY if os.geteuid() == 0 else ()
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *prefix, str(PGBOUNCER), str(configuration), stdout=output, stderr=output
        )
    try:
        await _listening(own_port)
        yield Pooler(f"127.0.0.1:{own_port}", log)
    finally:
        process.terminate()
        await process.wait()


async def _listening(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.02)


# A proxy


@dataclass(slots=True)
class Proxy:
    """Stands between a client and its server; all is forwarded until something is set."""

    address: str = ""
    delay: float = 0.0
    """Seconds that every message of the server takes."""
    silent: bool = False
    """Accepts and receives everything and forwards nothing."""
    refusing: bool = False
    """Cuts what is open and whoever connects."""
    lost_answer: bytes | None = None
    """Forwards a message with these bytes once, and cuts the connection instead of the answer."""
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def refuse(self) -> None:
        self.refusing = True
        for writer in self._writers:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection; ``dsn`` names the server."""
        if self.refusing:
            writer.transport.abort()
            return
        server_reader, server_writer = await self._connect()
        cutting = asyncio.Event()
        self._writers |= {writer, server_writer}
        try:
            await asyncio.gather(
                self._to_server(reader, server_writer, cutting),
                self._to_client(server_reader, writer, cutting),
            )
        finally:
            self._writers -= {writer, server_writer}

    dsn: str = ""

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self.dsn)
        query = dict(parse_qsl(parts.query))
        host, port = query.get("host", parts.hostname or ""), query.get("port", parts.port or 5432)
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, int(port))

    async def _to_server(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cutting: asyncio.Event
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                if self.lost_answer is not None and self.lost_answer in data:
                    self.lost_answer = None
                    cutting.set()
                if not self.silent:
                    writer.write(data)
        writer.close()

    async def _to_client(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cutting: asyncio.Event
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                if cutting.is_set():
                    writer.transport.abort()
                    return
                await asyncio.sleep(self.delay)
                if not self.silent:
                    writer.write(data)
        writer.close()


@asynccontextmanager
async def proxied(dsn: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy, and the DSN that leads through it to the same database."""
    proxy = Proxy(dsn=dsn)
    serving: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(proxy.serve(reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)

    async with await asyncio.start_server(begin, "127.0.0.1") as server:
        host, port = server.sockets[0].getsockname()
        proxy.address = f"{host}:{port}"
        yield proxy, dsn_over(proxy.address, dsn)
        proxy.refuse()
        await asyncio.gather(*serving, return_exceptions=True)
