"""Opens what commands use, in one place; whatever is opened here is closed here."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from aggregator import migrate
from aggregator.allowlist import AllowList
from aggregator.backpressure import Hold
from aggregator.client import Caller, Client
from aggregator.database import Database, open_database
from aggregator.errors import ConfigurationError, DatabaseError, install_command
from aggregator.limits import HostLimits, OrganizationLimits
from aggregator.model import Organization
from aggregator.settings import Settings
from aggregator.transport import make_session

log = logging.getLogger(__name__)

REMEDY = (
    "AGGREGATOR_DATABASE_URL is not set: set it to a Postgres connection string,"
    f" or install the embedded server: {install_command('local')}"
)


def now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def database_of(settings: Settings, *, start: bool = True) -> AsyncIterator[Database]:
    """The configured database, or the embedded one, which stays running afterwards.

    ``start=False`` is for who neither runs nor migrates: it leaves an embedded server that is not
    running alone and raises ``DatabaseError``.
    """
    if settings.database_url is not None:
        dsn = settings.database_url.get_secret_value()
        parts = urlsplit(dsn)
        log.info(
            "database.used",
            extra={"server": "external", "host": parts.hostname, "database": parts.path[1:]},
        )
    else:
        dsn = await _embedded_dsn(settings, start=start)
    async with open_database(dsn, writes=start) as database:
        yield database


async def _embedded_dsn(settings: Settings, *, start: bool) -> str:
    from aggregator import embedded  # noqa: PLC0415 (an optional extra)

    if not embedded.is_installed():
        raise ConfigurationError([REMEDY])
    if start:
        server = await asyncio.to_thread(embedded.start, settings.data_dir)
    else:
        running = await asyncio.to_thread(embedded.status, settings.data_dir)
        if running is None:
            raise DatabaseError("the embedded Postgres is not running; aggregator sync starts it")
        server = running
    log.info(
        "database.used",
        extra={"server": "embedded", "version": server.version, "data_dir": str(server.data_dir)},
    )
    return server.dsn


async def prepare_schema(database: Database, *, apply: bool) -> None:
    """Brings the schema up to date, or refuses: ``DatabaseError`` with the command to run."""
    waiting = await migrate.pending(database)
    if not waiting:
        return
    if not apply:
        raise DatabaseError(f"{len(waiting)} migrations are pending; run: aggregator migrate")
    for name in await migrate.apply(database):
        log.info("migration.applied", extra={"migration": name})


@asynccontextmanager
async def stored_inventory(settings: Settings) -> AsyncIterator[Database]:
    """The database for who only reads it: nothing is started and nothing is migrated.

    Raises ``DatabaseError`` where that would be needed first.
    """
    async with database_of(settings, start=False) as database:
        await prepare_schema(database, apply=False)
        yield database


class Network:
    """A client and the limits of every host, shared by all organizations of a run."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self.client = client
        self.deadline = time.monotonic() + settings.run_deadline_seconds
        self._settings = settings
        self._hosts: dict[str, HostLimits] = {}
        # They live as long as a scope of theirs is at work, so memory does not follow the fleet.
        self._organizations: WeakValueDictionary[str, OrganizationLimits] = WeakValueDictionary()

    def caller(self, organization: Organization, hold: Hold | None = None) -> Caller:
        """Whoever asks on behalf of an organization, with a tally of its own."""
        return Caller(organization, self._limits(organization), self.deadline, hold=hold)

    def _limits(self, organization: Organization) -> OrganizationLimits:
        """The limits of an organization, below those of its host; one for all its scopes."""
        limits = self._organizations.get(organization.name)
        if limits is None:
            limits = self._organizations[organization.name] = self._make_limits(organization)
        return limits

    def give_up(self, reason: str) -> None:
        """Nothing more is asked in this run, of any host."""
        for host in self._hosts.values():
            host.breaker.give_up(reason)

    def _make_limits(self, organization: Organization) -> OrganizationLimits:
        origin, settings = organization.base_url, self._settings
        if origin not in self._hosts:
            self._hosts[origin] = HostLimits(
                organization.deployment,
                requests_per_second=settings.requests_per_second,
                concurrency=settings.max_concurrency,
                clock=time.monotonic,
                sleep=asyncio.sleep,
            )
        own_rate = organization.requests_per_second
        return self._hosts[origin].organization(
            organization.name,
            requests_per_second=settings.requests_per_second_per_organization
            if own_rate is None
            else own_rate,
            concurrency=settings.max_concurrency_per_organization,
        )


@asynccontextmanager
async def network_of(settings: Settings, allowed: AllowList) -> AsyncIterator[Network]:
    """A client that sends what is ``allowed`` and nothing else."""
    async with make_session(settings.max_concurrency) as session:
        client = Client(
            session,
            api_version=settings.api_version,
            request_timeout_seconds=settings.request_timeout_seconds,
            max_attempts=settings.max_attempts,
            max_response_bytes=settings.max_response_bytes,
            clock=time.monotonic,
            sleep=asyncio.sleep,
            random=random.random,
            may_ask=allowed,
        )
        yield Network(client, settings)
