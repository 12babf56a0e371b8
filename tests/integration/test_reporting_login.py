"""The read-only login of the compose file, without Docker: the same SQL in the bundled psql."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from aggregator import embedded
from aggregator.embedded.binaries import program
from tests.command import ROOT
from tests.databases import server_folder

PASSWORD = "it's-an:obvious/fake"


@pytest.fixture(scope="module")
def server() -> Iterator[embedded.Server]:
    """Its own server: roles belong to a whole server, not to a database."""
    folder = server_folder("reporting_")
    yield embedded.start(folder, durable=False)
    embedded.stop(folder)
    shutil.rmtree(folder)


def create_login(dsn: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program("psql"), "-X", "-f", ROOT / "deploy/reporting-login.sql", dsn],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def with_login(server: embedded.Server) -> embedded.Server:
    subprocess.run(
        [program("psql"), "-X", "-q", "-c", "create role inventory_writer", server.dsn], check=True
    )
    created = create_login(server.dsn, REPORTING_PASSWORD=PASSWORD)
    assert (created.returncode, created.stderr) == (0, "")
    return server


async def test_the_login_reads_what_its_role_may_read_and_writes_nothing(
    with_login: embedded.Server,
) -> None:
    owner = await asyncpg.connect(with_login.dsn)
    await owner.execute("CREATE TABLE seen AS SELECT 1 AS one; CREATE TABLE hidden (two int)")
    await owner.execute("GRANT SELECT ON seen TO reporting_reader; GRANT INSERT ON seen TO PUBLIC")
    await owner.close()

    port = urlsplit(with_login.tcp_url).port
    reader = await asyncpg.connect(
        host="127.0.0.1", port=port, user="reporting", password=PASSWORD, database="aggregator"
    )
    assert await reader.fetchval("SELECT one FROM seen") == 1
    assert await reader.fetchval("SHOW jit") == "off"
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await reader.execute("INSERT INTO seen VALUES (2)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await reader.fetch("SELECT * FROM hidden")
    await reader.close()


async def test_the_login_fills_no_disk_whatever_it_sets(
    with_login: embedded.Server,
) -> None:
    """Threat S9: no limit is missing, and none of what every login may make is left to it."""
    owner = await asyncpg.connect(with_login.dsn)
    limits = await owner.fetchval(
        "select setconfig from pg_db_role_setting where setrole = 'reporting'::regrole"
    )
    assert set(limits) == {
        "default_transaction_read_only=on",
        "idle_in_transaction_session_timeout=5min",
        "jit=off",
        "lock_timeout=5s",
        "statement_timeout=5min",
        "temp_file_limit=1GB",
    }
    connections = "select rolconnlimit from pg_roles where rolname = 'reporting'"
    assert await owner.fetchval(connections) == 20
    await owner.execute("set role reporting")
    for refused in (
        "create temporary table mine (a int)",
        "select lo_create(0)",
        "select lo_creat(-1)",
        "select lo_from_bytea(0, 'mine')",
        "select pg_logical_emit_message(false, 'mine', 'text')",
        "select pg_logical_emit_message(false, 'mine', 'bytes'::bytea)",
        "set temp_file_limit = '100GB'",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await owner.execute(refused)
    await owner.execute("set role inventory_writer")
    await owner.execute("create temporary table staged (a int)")  # as every run does
    await owner.close()


def test_without_a_password_no_login_is_made(server: embedded.Server) -> None:
    assert create_login(server.dsn).returncode != 0
