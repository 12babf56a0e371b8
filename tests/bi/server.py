"""Debian's Postgres for one process: TLS is required, and passwords go by SCRAM."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.databases import server_folder

_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_permissions = 0700
password_encryption = scram-sha-256
ssl = on
ssl_cert_file = 'server.pem'
ssl_key_file = 'server.key'
timezone = 'UTC'
fsync = off
full_page_writes = off
synchronous_commit = off
"""
_WHO_MAY_ENTER = """
local all postgres trust
hostssl all all 127.0.0.1/32 scram-sha-256
"""


def is_installed() -> bool:
    return bool(_PROGRAMS)


def program(name: str) -> Path:
    return _PROGRAMS[-1] / name


@dataclass(frozen=True, slots=True)
class Server:
    """Its certificate is for 127.0.0.1 and not for localhost."""

    folder: Path
    port: int

    @property
    def dsn(self) -> str:
        """The superuser's, over the socket; only its user and root reach that."""
        return f"postgresql://postgres@/postgres?host={self.folder}&port={self.port}"

    @property
    def authority(self) -> Path:
        return self.folder / "authority.pem"

    @property
    def other_authority(self) -> Path:
        """One that did not sign the server's certificate."""
        return self.folder / "other-authority.pem"


@contextmanager
def running_server() -> Iterator[Server]:
    folder = server_folder("aggregator_tests_bi_")
    data = folder / "data"
    try:
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            server = Server(folder, free.getsockname()[1])
        _create(server, data)
        _run("pg_ctl", "start", "-w", "-s", "-D", data, "-l", folder / "log")
        try:
            yield server
        finally:
            _run("pg_ctl", "stop", "-w", "-s", "-m", "immediate", "-D", data)
    finally:
        shutil.rmtree(folder)


def _create(server: Server, data: Path) -> None:
    if os.geteuid() == 0:
        shutil.chown(server.folder, "nobody", "nogroup")
    _run("initdb", "-D", data, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
    with (data / "postgresql.conf").open("a") as settings:
        settings.write(f"{_SETTINGS}port = {server.port}\n")
        settings.write(f"unix_socket_directories = '{server.folder}'\n")
    (data / "pg_hba.conf").write_text(_WHO_MAY_ENTER)

    authority = trustme.CA()
    authority.cert_pem.write_to_path(server.authority)
    trustme.CA().cert_pem.write_to_path(server.other_authority)
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(data / "server.pem")
    key = data / "server.key"
    key.touch(mode=0o600)
    certificate.private_key_pem.write_to_path(key)
    if os.geteuid() == 0:
        shutil.chown(key, "nobody", "nogroup")


def _run(name: str, *arguments: str | Path) -> None:
    """As ``nobody`` where we are root, which Postgres refuses to be."""
    as_root = os.geteuid() == 0
    # A server holds on to what it was started with: a file, or reading its output would not end.
    with tempfile.TemporaryFile() as output:
        finished = subprocess.run(
            [program(name), *arguments],
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stdout=output,
            stderr=output,
            timeout=50,
            check=False,
            user="nobody" if as_root else None,
            group="nogroup" if as_root else None,
            extra_groups=[] if as_root else None,
        )
        output.seek(0)
        assert finished.returncode == 0, output.read().decode()
