"""One server for each process that runs these tests, and one JVM: it cannot be started twice."""

from __future__ import annotations

import asyncio
import os
import pkgutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pytest

from aggregator import access
from aggregator.migrate import migrate
from aggregator.resources import RESOURCES
from tests.bi.driver import Driver, Login, Session
from tests.bi.server import Server, program, running_server
from tests.command import ROOT
from tests.faults.servers import administer
from tests.simulator import Fleet
from tests.stored import stored
from tests.syncing import syncing

PASSWORD = "it's-an:obvious/fake"
IMPATIENT_PASSWORD = "another-obvious-fake"
ANALYST_PASSWORD = "a-third-obvious-fake"
GRANTED = "acme-02"
"""The only organization that the login ``analyst`` may see."""
PACKAGES = {
    "postgresql": "usr/lib/postgresql/*/bin/postgres",
    "default-jre-headless": "usr/bin/java",
    "libpostgresql-jdbc-java": "usr/share/java/postgresql.jar",
    "odbc-postgresql": "usr/lib/*/odbc/psqlodbcw.so",
    "unixodbc": "usr/lib/*/libodbc.so.2",
}
"""What these tests need of Debian, and the file that shows it is there."""


class AddConnections(Protocol):
    def __call__(self, *connections: Mapping[str, object], **reading: object) -> None: ...


def _needs(*packages: str) -> pytest.MarkDecorator:
    """Skips where one is missing; not where ``CI`` is set and root could have installed it."""
    missing = [name for name in packages if not any(Path("/").glob(PACKAGES[name]))]
    may_skip = not (os.geteuid() == 0 and os.environ.get("CI"))
    return pytest.mark.skipif(
        bool(missing and may_skip), reason=f"needs the Debian package {', '.join(missing)}"
    )


DRIVERS = [
    pytest.param(
        "tests.bi.jdbc:Jdbc",
        marks=_needs("postgresql", "default-jre-headless", "libpostgresql-jdbc-java"),
        id="jdbc",
    ),
    pytest.param(
        "tests.bi.odbc:Odbc",
        marks=_needs("postgresql", "odbc-postgresql", "unixodbc"),
        id="odbc",
    ),
    pytest.param("tests.bi.alchemy:Alchemy", marks=_needs("postgresql"), id="sqlalchemy"),
]
"""By name: ``pyodbc`` cannot be imported where unixODBC is missing."""


@pytest.fixture(scope="session", params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> Driver:
    made: Driver = pkgutil.resolve_name(request.param)()
    return made


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """With every resource of a small fleet, and the login that ``deploy`` has for BI tools."""
    with running_server() as started:
        asyncio.run(_fill(started.dsn))
        subprocess.run(
            [program("psql"), "-X", "-q", "-f", ROOT / "deploy/reporting-login.sql", started.dsn],
            env={"REPORTING_PASSWORD": PASSWORD},
            check=True,
            timeout=30,
        )
        yield started


async def _fill(dsn: str) -> None:
    await migrate(dsn)
    await administer(
        dsn,
        f"create role impatient login in role reporting_reader password '{IMPATIENT_PASSWORD}'",
        "alter role impatient set statement_timeout = '100ms'",
    )
    async with syncing(dsn, Fleet(3, 5)) as world:
        world.resources = list(RESOURCES.values())
        await world.sync()
        for connection in world.fleet["acme-01"].connections[:2]:
            connection["name"] = f"{connection['name']} (moved)"
        await world.sync()
        async with world.database.transaction() as owner:
            await access.grant(owner, "analyst", [GRANTED], [])
    await administer(dsn, f"alter role analyst password '{ANALYST_PASSWORD}'")


@pytest.fixture
def login(server: Server) -> Login:
    return Login(server.port, server.authority, "reporting", PASSWORD)


@pytest.fixture
def session(driver: Driver, login: Login) -> Iterator[Session]:
    with driver.connect(login) as connected:
        yield connected


@pytest.fixture
def add_connections(server: Server) -> Iterator[AddConnections]:
    """Adds connections to an organization ``odd``; a reading goes to each."""

    async def add(connections: Sequence[Mapping[str, object]], reading: dict[str, object]) -> None:
        async with stored(server.dsn) as ready:
            await ready.organization("odd", "connections")
            await ready.connection.execute(
                "insert into ledger.scope_days (organization, resource, day)"
                " values ('odd', 'connections', (now() at time zone 'UTC')::date)"
            )
            for columns in connections:
                await ready.add("connections", "odd", str(columns["id"]), **columns)
                if reading:
                    values = {"rate_limit_reported": False, **reading}
                    await ready.reading("connections", "odd", str(columns["id"]), **values)

    yield lambda *connections, **reading: asyncio.run(add(connections, reading))
    asyncio.run(
        administer(
            server.dsn,
            *(
                f"delete from {table} where organization_id = 'odd'"  # noqa: S608 - names of ours
                for table in (
                    "inventory.connections",
                    "inventory.connections_readings",
                    "inventory.api_usage_days",
                    "ledger.organizations",
                )
            ),
        )
    )
