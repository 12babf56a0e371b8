"""A simulated host, a database, and ``sync`` between them in the test's own process.

The clock is the test's, organizations are values, and no request is paced.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson

from aggregator import runs
from aggregator.allowlist import AllowList
from aggregator.commands.choices import refresh_paths
from aggregator.commands.job import Job
from aggregator.commands.signals import Stopper
from aggregator.database import CONNECTIONS, Database, open_database
from aggregator.model import Credential, Organization, Secret
from aggregator.organizations import Registry
from aggregator.patience import Patience
from aggregator.resource import Resource
from aggregator.resources import RESOURCES
from aggregator.settings import Settings
from aggregator.wiring import network_of
from tests.simulator import Fleet, Simulator

Row = dict[str, Any]
DEPLOYMENT = "simulated.example"


@dataclass(slots=True)
class Syncing:
    """Change ``fleet`` and ``organizations``, then ``sync``, then look with ``query``."""

    simulator: Simulator
    database: Database
    database_url: str
    organizations: dict[str, Organization]
    resources: Sequence[Resource] = (RESOURCES["connections"],)
    passed: timedelta = timedelta()
    """How far the program's clock is ahead of the database's."""
    settings: dict[str, Any] = field(default_factory=dict)
    partner_key: Secret | None = None

    @property
    def fleet(self) -> Fleet:
        return self.simulator.fleet

    def now(self) -> datetime:
        return datetime.now(UTC) + self.passed

    def configure(self, name: str, **changes: Any) -> None:  # noqa: ANN401 - fields of Organization
        """Changes one organization of the configuration."""
        self.organizations[name] = replace(self.organizations[name], **changes)

    def use_key(self, name: str, key: str) -> None:
        self.configure(name, credential=Credential(Secret(key)))

    def add(self, name: str, key: str, **fields: Any) -> None:  # noqa: ANN401 - fields of Organization
        self.organizations[name] = Organization(
            name=name,
            base_url=self.simulator.base_url,
            deployment=DEPLOYMENT,
            source="a test",
            credential=Credential(Secret(key)),
            **fields,
        )

    async def sync(
        self,
        *names: str,
        accept_removals: bool = False,
        plan: bool = False,
        refresh_schemas: bool = False,
        stopper: Stopper | None = None,
    ) -> Row:
        """The document of ``sync --json``; ``names`` as ``--organization`` gives them."""
        options = argparse.Namespace(
            organization=list(names),
            accept_removals=accept_removals,
            plan=plan,
            refresh_schemas=refresh_schemas,
            json=True,
        )
        settings = Settings(
            base_url=self.simulator.base_url,
            **{
                "requests_per_second": 0,
                "requests_per_second_per_organization": 0,
                "max_attempts": 1,
                "resources": [each.name for each in self.resources],
                **self.settings,
            },
        )
        async with AsyncExitStack() as stack:
            run_id = uuid4()
            await stack.enter_async_context(runs.run_lock(self.database, run_id))
            posts = refresh_paths(self.resources) if refresh_schemas else []
            allowed = AllowList(self.resources, posts)
            network = await stack.enter_async_context(network_of(settings, allowed))
            job = Job(
                options,
                settings,
                Registry(tuple(self.organizations.values()), partner_key=self.partner_key),
                self.resources,
                self.database,
                network,
                time.monotonic(),
                run_id,
                now=self.now,
                sleep=_at_once,
            )
            return await job.run(stopper or Stopper())

    async def pass_time(self, passing: timedelta) -> None:
        """Makes all that is noted so far so much older, whichever clock it was noted by.

        What the API said stays as it was said, times too: or else whatever changes next would
        differ in them as well.
        """
        columns = await self.query(
            "select format('%I.%I', table_schema, table_name) as name,"
            " string_agg(format('%1$I = %1$I - $1::interval', column_name), ', ') as changes"
            " from information_schema.columns join information_schema.tables"
            " using (table_schema, table_name)"
            " where table_schema in ('ledger', 'inventory') and table_type = 'BASE TABLE'"
            " and data_type = 'timestamp with time zone'"
            " and (table_schema = 'ledger' or column_name <> all($1)) group by 1",
            [name for each in RESOURCES.values() for name in (*each.columns, *each.readings)],
        )
        async with self.database.transaction() as connection:
            for table in columns:
                statement = f"update {table['name']} set {table['changes']}"  # noqa: S608 - names of ours
                await connection.execute(statement, passing)
            await connection.execute("select inventory.recount_summaries()")  # days are no times

    # Looking

    async def query(self, statement: str, *arguments: object) -> list[Row]:
        return [dict(row) for row in await self.database.fetch(statement, *arguments)]

    async def value(self, statement: str, *arguments: object) -> Any:  # noqa: ANN401 - whatever is asked for
        """The only column of the only row."""
        [row] = await self.query(statement, *arguments)
        [value] = row.values()
        return value

    async def column(self, statement: str, *arguments: object) -> list[Any]:
        return [next(iter(row.values())) for row in await self.query(statement, *arguments)]

    async def scopes(self, account: Row) -> dict[str, Row]:
        """What the ledger says of a run, by organization."""
        rows = await self.query(
            "select * from reporting.run_organizations where run_id = $1", UUID(account["run_id"])
        )
        found = {row["organization"]: row for row in rows}
        assert len(found) == len(rows), "a scope was accounted for twice"
        return found

    async def ends(self, account: Row) -> dict[tuple[str, str], Row]:
        """What the ledger says of a run, by organization and resource."""
        rows = await self.query(
            "select * from reporting.run_organizations where run_id = $1", UUID(account["run_id"])
        )
        found = {(row["organization"], row["resource"]): row for row in rows}
        assert len(found) == len(rows), "a scope was accounted for twice"
        return found

    async def stored(self, resource: str, organization: str | None = None) -> int:
        """How many rows a resource has, in one organization or in all."""
        count: int = await self.value(
            f"select count(*) from inventory.{resource}"  # noqa: S608 - a name of ours
            " where $1::text is null or organization_id = $1",
            organization and self.fleet[organization].id,
        )
        return count

    async def connections(self, organization: str) -> dict[str, Row]:
        rows = await self.query(
            "select * from reporting.connections where organization = $1", organization
        )
        return {row["connection_id"]: _loaded(row, "configuration", "extra") for row in rows}

    async def runs(self) -> list[Row]:
        """The newest first."""
        return [
            _loaded(row, "outcomes", "resources")
            for row in await self.query("select * from reporting.runs order by started_at desc")
        ]

    async def history(self, connection_id: str) -> list[Row]:
        rows = await self.query(
            "select * from reporting.connection_history where connection_id = $1"
            " order by valid_from, valid_to nulls last",
            connection_id,
        )
        return [_loaded(row, "configuration", "extra") for row in rows]

    async def changes(self, connection_id: str) -> list[Row]:
        rows = await self.query(
            "select * from reporting.connection_changes where connection_id = $1"
            " order by changed_at, field",
            connection_id,
        )
        return [_loaded(row, "old_value", "new_value") for row in rows]

    async def organization(self, name: str) -> Row:
        [row] = await self.query(
            "select * from reporting.organizations where organization = $1", name
        )
        return row

    async def inventory_writes(self) -> dict[str, tuple[int, int, int]]:
        """Rows inserted, updated and deleted so far in each table of the inventory."""
        async with AsyncExitStack() as stack:
            for _ in range(CONNECTIONS):  # each keeps its own numbers back for a while
                connection = await stack.enter_async_context(self.database.connection())
                await connection.execute("select pg_stat_force_next_flush()")
        rows = await self.query(
            "select relname, n_tup_ins, n_tup_upd, n_tup_del from pg_stat_user_tables"
            " where schemaname = 'inventory'"
        )
        return {
            row["relname"]: (row["n_tup_ins"], row["n_tup_upd"], row["n_tup_del"]) for row in rows
        }


async def _at_once(_: float) -> None:
    """Waiting for a server to finish what it was asked for costs a test no time."""


@asynccontextmanager
async def syncing(
    database_url: str, fleet: Fleet, patience: Patience | None = None
) -> AsyncIterator[Syncing]:
    """Nothing is synced yet; every organization of the fleet is configured with its key."""
    async with Simulator(fleet) as simulator, open_database(database_url, patience) as database:
        ready = Syncing(simulator, database, database_url, {})
        for name, key in fleet.api_keys.items():
            ready.add(name, key)
        yield ready


def _loaded(row: Row, *names: str) -> Row:
    """JSON columns as values."""
    return row | {name: row[name] and orjson.loads(row[name]) for name in names}
