"""Starts, finds and stops the embedded server of a folder."""

from __future__ import annotations

import fcntl
import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from aggregator.embedded.binaries import (
    REMEDY,
    Runner,
    choose_runner,
    is_installed,
    last_line,
    program,
    run,
)
from aggregator.embedded.cluster import DATABASE, OWNER, check_major_version, create_cluster
from aggregator.errors import RunError

_START_SECONDS = 60.0
_LOCK_SECONDS = 120.0
_RETRY_SECONDS = 0.1
_SOCKET_PATH_LIMIT = 100
"""Bytes; macOS takes 103 and Linux 107."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. Neither address holds a password: they name the file that does."""

    dsn: str
    """For our own connections as the owner; over the socket wherever its path allows."""
    tcp_url: str
    """For BI tools on this machine: 127.0.0.1, and a password file as libpq and asyncpg read it."""
    version: str
    """Such as ``18.6``."""
    data_dir: Path
    started: bool
    """Whether this call started it; False: it was already running."""


def start(data_dir: Path, *, durable: bool = True) -> Server:
    """The server of ``data_dir``, created and started where needed.

    Many processes may call it at once, and after any crash. ``durable=False`` trades safety at
    power loss for speed, for data to be thrown away. Recovery after a crash may take up to 60
    seconds; it blocks, so async callers use a thread.

    :raises RunError: the binaries are missing, the folder cannot be used, or Postgres won't start.
    """
    with _told_as_run_error(data_dir):
        home = _home(data_dir)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.chmod(0o700)  # whoever reaches the socket is the owner of the database
        with _locked(home):
            if running := _probe(home):
                return running
            runner = choose_runner(home, home / "data")
            if not (home / "data").exists():
                create_cluster(home, runner, durable=durable)
            check_major_version(home)
            return _start(home, runner, durable=durable)


def stop(data_dir: Path) -> bool:
    """Whether there was a server of ``data_dir`` to stop; its connections are ended.

    :raises RunError: it does not stop within 60 seconds.
    """
    with _told_as_run_error(data_dir):
        home = _home(data_dir)
        if not (home / "data").exists():
            return False
        with _locked(home):
            if not _is_postmaster_alive(home):
                return False
            runner = choose_runner(home, home / "data")
            stopped = runner.run("pg_ctl", "stop", "-w", "-m", "fast", "-D", home / "data")
            if stopped.returncode:
                raise RunError(f"the embedded Postgres does not stop: {last_line(stopped)}")
            return True


def status(data_dir: Path) -> Server | None:
    """The running server of ``data_dir``, or None; changes nothing and waits for nothing."""
    with _told_as_run_error(data_dir):
        return _probe(_home(data_dir)) if is_installed() else None


def _home(data_dir: Path) -> Path:
    return (data_dir / "postgres").resolve()


@contextmanager
def _told_as_run_error(data_dir: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RunError(
            f"the embedded Postgres cannot work in {data_dir}: {error}; {REMEDY}"
        ) from None


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """One process at a time; the system frees the lock of a process that dies."""
    with (home / "lock").open("w") as lock:
        deadline = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise RunError(
                        f"another process has been starting or stopping the embedded Postgres in "
                        f"{home} for {_LOCK_SECONDS:.0f} seconds; end it and try again"
                    ) from None
                time.sleep(_RETRY_SECONDS)
        yield


def _start(home: Path, runner: Runner, *, durable: bool) -> Server:
    """Tries until it answers: after a crash, dying processes and recovery take their time."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        if not _is_postmaster_alive(home):
            _keep_or_choose_port(home)
        # fmt: off
        attempt = runner.run(
            "pg_ctl", "start", "-w", "-t", str(max(1, int(deadline - time.monotonic()))),
            "-D", home / "data", "-l", home / "log", "-o", _options(home, durable=durable),
        )
        # fmt: on
        if running := _probe(home):
            return replace(running, started=attempt.returncode == 0)
        if time.monotonic() > deadline:
            raise RunError(
                f"the embedded Postgres does not start: {last_line(attempt)}; "
                f"its log is {home / 'log'}; or {REMEDY}"
            )
        time.sleep(_RETRY_SECONDS)


def _options(home: Path, *, durable: bool) -> str:
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": _port(home),
        "unix_socket_directories": "" if _needs_tcp(home) else f'"{home}"',
        "timezone": "UTC",
        "log_timezone": "UTC",
        # The log must not repeat what a refused row or statement held.
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
        "log_checkpoints": "off",
    }
    if not durable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        settings |= {"max_wal_size": "128MB"}
    return shlex.join(f"--{name}={value}" for name, value in settings.items())


def _probe(home: Path) -> Server | None:
    """The server, if it answers a query and works on this folder.

    Never judged by a process id: it may be another program's by now, or the server not ready yet.
    """
    if not (home / "port").exists():
        return None
    dsn = _tcp_url(home) if _needs_tcp(home) else _socket_url(home)
    query = "select current_setting('server_version'), current_setting('data_directory')"
    answer = run([program("psql"), "-XAtw", "-F", "\n", "-c", query, dsn])
    version, _, served = answer.stdout.strip().partition("\n")
    if answer.returncode or Path(served) != home / "data":
        return None
    return Server(dsn, _tcp_url(home), version, home.parent, started=False)


def _needs_tcp(home: Path) -> bool:
    """Whether the path is too long for a socket, or has the comma that separates hosts in a DSN."""
    return len(os.fsencode(home / ".s.PGSQL.65535")) > _SOCKET_PATH_LIMIT or "," in str(home)


def _socket_url(home: Path) -> str:
    folder = quote(str(home), safe="")
    return f"postgresql://{OWNER}@/{DATABASE}?host={folder}&port={_port(home)}"


def _tcp_url(home: Path) -> str:
    passfile = quote(str(home / "pgpass"))
    return f"postgresql://{OWNER}@127.0.0.1:{_port(home)}/{DATABASE}?passfile={passfile}"


def _port(home: Path) -> str:
    return (home / "port").read_text().strip()


def _keep_or_choose_port(home: Path) -> None:
    """Keeps the port, for the sake of BI tools, unless someone else has it by now."""
    file = home / "port"
    if file.exists() and _is_free(int(_port(home))):
        return
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        unfinished = home / "port.new"
        unfinished.write_text(f"{free.getsockname()[1]}\n")
    unfinished.rename(file)


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _is_postmaster_alive(home: Path) -> bool:
    """Whether the server's main process lives, ready or not; forgets a recorded one that is dead.

    The record would keep Postgres from starting when another program has that process id by now,
    and ``pg_ctl stop`` would signal that program. Surviving children of a dead server are still
    noticed, by the shared memory that they hold.
    """
    record = home / "data" / "postmaster.pid"
    try:
        alive = _is_postgres(int(record.read_text().split()[0]))
    except (FileNotFoundError, ValueError, IndexError):
        return False
    if not alive:
        record.unlink()
    return alive


def _is_postgres(pid: int) -> bool:
    if sys.platform != "linux":
        return run(["kill", "-0", str(pid)]).returncode == 0
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    name, _, rest = stat.partition("(")[2].rpartition(")")
    return name == "postgres" and rest.split()[0] != "Z"
