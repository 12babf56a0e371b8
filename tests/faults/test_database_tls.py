"""Fault G10: a Postgres on another machine proves who it is, or nothing is sent to it."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from aggregator import dsn as dsns
from aggregator.database import open_database
from aggregator.errors import DatabaseError
from tests.command import RunCommand
from tests.faults.servers import Cluster, needs_pgbouncer, pooler
from tests.simulator import Fleet
from tests.syncing import syncing

pytestmark = [
    needs_pgbouncer,  # the embedded Postgres speaks no TLS; a pooler before it does
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed"),
]


KEY = "-newkey rsa:2048 -nodes"


@dataclass(frozen=True, slots=True)
class Secured:
    """A database behind TLS, its certificate's authority, and one that it does not have."""

    dsn: str
    authority: Path
    other_authority: Path


def make_authority(folder: Path, name: str) -> Path:
    _openssl(folder, f"req -x509 {KEY} -days 2 -subj /CN={name} -keyout {name}.key -out {name}.pem")
    return folder / f"{name}.pem"


def sign(folder: Path, authority: Path, names: str) -> tuple[Path, Path]:
    """A certificate for ``names`` as openssl writes them, and its key."""
    (folder / "names").write_text(f"subjectAltName = {names}\n")
    signer = f"-CA {authority} -CAkey {authority.with_suffix('.key')} -CAcreateserial"
    _openssl(folder, f"req {KEY} -subj /CN=server -keyout s.key -out s.csr")
    _openssl(folder, f"x509 -req -in s.csr -days 2 {signer} -extfile names -out s.pem")
    for file in ("s.key", "s.pem"):
        (folder / file).chmod(0o644)  # the pooler runs as another user
    return folder / "s.pem", folder / "s.key"


def _openssl(folder: Path, arguments: str) -> None:
    command = ["openssl", *arguments.split()]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=30)


@pytest.fixture
async def secured(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Secured]:
    """Its certificate is for 127.0.0.1 and not for localhost."""
    authority = await asyncio.to_thread(make_authority, tmp_path, "authority")
    other = await asyncio.to_thread(make_authority, tmp_path, "other")
    certificate, key = await asyncio.to_thread(sign, tmp_path, authority, "IP:127.0.0.1")
    tls = {
        "client_tls_sslmode": "require",
        "client_tls_cert_file": certificate,
        "client_tls_key_file": key,
    }
    async with (
        cluster.databases.copy(cluster.databases.template) as dsn,
        pooler(cluster, tmp_path, tls) as before,
    ):
        yield Secured(before.dsn(dsn), authority, other)


@pytest.fixture
def _elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's addresses count as another machine's."""
    monkeypatch.setattr(dsns, "is_local", lambda _: False)


@pytest.mark.usefixtures("_elsewhere")
async def test_a_certificate_of_a_known_authority_for_the_right_host_is_believed(
    secured: Secured,
) -> None:
    async with syncing(f"{secured.dsn}?sslrootcert={secured.authority}", Fleet(2, 3)) as world:
        assert (await world.sync())["outcomes"] == {"complete": 2}


@pytest.mark.usefixtures("_elsewhere")
async def test_the_authorities_of_this_machine_are_known(
    secured: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(secured.authority))
    async with open_database(secured.dsn):
        pass


@pytest.mark.usefixtures("_elsewhere")
@pytest.mark.parametrize("fault", ["unknown CA", "another CA", "another host", "no TLS"])
async def test_whoever_cannot_prove_it_is_refused_with_the_choices(
    secured: Secured, cluster: Cluster, fault: str
) -> None:
    host, port = cluster.address
    dsn, said = {
        "unknown CA": (secured.dsn, "certificate is refused"),
        "another CA": (
            f"{secured.dsn}?sslrootcert={secured.other_authority}",
            "certificate is refused",
        ),
        "another host": (
            secured.dsn.replace("127.0.0.1", "localhost") + f"?sslrootcert={secured.authority}",
            "certificate is refused: .*localhost",
        ),
        "no TLS": (f"postgresql://aggregator@{host}:{port}/aggregator", "offers no TLS"),
    }[fault]
    with pytest.raises(DatabaseError, match=said) as caught:
        async with open_database(dsn):
            pass
    assert "sslmode=require" in str(caught.value)
    assert "AGGREGATOR_DATABASE_URL" in str(caught.value)


@pytest.mark.usefixtures("_elsewhere")
async def test_a_written_choice_is_obeyed(secured: Secured) -> None:
    async with open_database(f"{secured.dsn}?sslmode=require"):
        pass
    with pytest.raises(DatabaseError):  # the server insists
        async with open_database(f"{secured.dsn}?sslmode=disable"):
            pass


async def test_verify_full_on_this_machine_needs_no_file_of_authorities(
    secured: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(secured.authority))
    async with open_database(f"{secured.dsn}?sslmode=verify-full"):
        pass


async def test_the_command_says_why_and_how_to_choose_otherwise(
    secured: Secured, run_command: RunCommand
) -> None:
    dsn = f"{secured.dsn}?sslmode=verify-full"
    result = await run_command("status", env={"AGGREGATOR_DATABASE_URL": dsn})
    assert result.exit_code == 1
    assert "certificate is refused" in result.stderr
    assert "sslmode=require" in result.stderr
    assert "Traceback" not in result.stderr
