"""Rows straight in the tables, and the views as BI reads them: what tests of views stand on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg

Row = dict[str, Any]
DEPLOYMENT = "app.example"
USERS_OF_CONNECTIONS = ("bulk_syncs", "model_syncs", "models")
READ = ("connections", *USERS_OF_CONNECTIONS)


class Stored:
    """Organizations go by their own name as their id too."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self.connection = connection

    async def organization(
        self, name: str, *read: str, age: timedelta = timedelta(), **columns: object
    ) -> None:
        """``read``: resources that were read completely so long ago; of none else we know."""
        values = {
            "organization": name,
            "deployment": DEPLOYMENT,
            "organization_id": name,
            **columns,
        }
        await self._insert("ledger.organizations", values)
        for resource in read:
            await self.look(name, resource, age)

    async def look(self, name: str, resource: str, age: timedelta = timedelta()) -> None:
        """Notes that the resource was read completely so long ago."""
        await self.connection.execute(
            "insert into ledger.scopes (organization, resource, last_outcome, last_attempt_at,"
            " last_read_at, last_complete_at)"
            " values ($1, $2, 'complete', now() - $3::interval, now() - $3, now() - $3)",
            name,
            resource,
            age,
        )

    async def add(self, resource: str, organization: str, key: str, **columns: object) -> None:
        """One row as a run creates it."""
        values = {"deployment": DEPLOYMENT, "organization_id": organization, "id": key, **columns}
        await self._insert(
            f"inventory.{resource}", {"content_hash": b"", "generation": 1, **values}
        )

    async def reading(self, resource: str, organization: str, key: str, **columns: object) -> None:
        values = {"deployment": DEPLOYMENT, "organization_id": organization, "id": key, **columns}
        await self._insert(f"inventory.{resource}_readings", values)

    async def connection_of(self, organization: str, key: str, **columns: object) -> None:
        await self.add(
            "connections",
            organization,
            key,
            **{"name": key.upper(), "status": "healthy", **columns},
        )

    async def remove(self, resource: str, organization: str, key: str) -> Any:  # noqa: ANN401 - a datetime
        """Moves the row to the history, as a run does that proves its removal; when."""
        [moment] = await self.column("select clock_timestamp()")
        for version in (
            "valid_from, $4::timestamptz, change, changed_fields",
            "$4::timestamptz, $4::timestamptz, 'removed', null",
        ):
            await self.connection.execute(
                "insert into inventory.history (resource, deployment, organization_id, id,"  # noqa: S608 (names of ours)
                " valid_from, valid_to, change, changed_fields, first_seen_at, generation, record)"
                f" select '{resource}', deployment, organization_id, id, {version}, first_seen_at,"
                f" generation, to_jsonb(c) from inventory.{resource} c"
                " where (deployment, organization_id, id) = ($1, $2, $3)",
                DEPLOYMENT,
                organization,
                key,
                moment,
            )
        await self.connection.execute(
            f"delete from inventory.{resource}"  # noqa: S608 (as above)
            " where (deployment, organization_id, id) = ($1, $2, $3)",
            DEPLOYMENT,
            organization,
            key,
        )
        return moment

    async def read(self, view: str, order: str = "1") -> list[Row]:
        """The rows of a view of ``reporting``, as a member of ``reporting_reader`` gets them."""
        await self.connection.execute("set role reporting_reader")
        try:
            rows = await self.connection.fetch(f"select * from reporting.{view} order by {order}")  # noqa: S608 (as above)
        finally:
            await self.connection.execute("reset role")
        return [dict(row) for row in rows]

    async def column(self, statement: str, *arguments: object) -> list[Any]:
        return [row[0] for row in await self.connection.fetch(statement, *arguments)]

    async def _insert(self, table: str, values: dict[str, object]) -> None:
        places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
        await self.connection.execute(
            f"insert into {table} ({', '.join(values)}) values ({places})",  # noqa: S608 (as above)
            *values.values(),
        )


@asynccontextmanager
async def stored(database_url: str) -> AsyncIterator[Stored]:
    connection = await asyncpg.connect(database_url)
    try:
        yield Stored(connection)
    finally:
        await connection.close()


async def share_a_warehouse(ready: Stored) -> None:
    """``owner`` shares ``warehouse`` with ``acme`` as ``copy_a``, and that with ``globex`` as
    ``copy_g``. Each has a bulk sync into its own; acme's model reads ``copy_a``, enriched by
    ``enricher``, and its sync sends it to ``crm`` when ``dbt`` is done. Nobody needs ``idle``.
    """
    for name in ("owner", "acme", "globex"):
        await ready.organization(name, *READ)
    await ready.connection_of("owner", "warehouse", status="unhealthy", status_error="down")
    await ready.connection_of("acme", "copy_a", parent_connection_id="warehouse")
    await ready.connection_of("globex", "copy_g", parent_connection_id="copy_a")
    for name in ("crm", "enricher", "dbt", "idle"):
        await ready.connection_of("acme", name)
    for name, destination in (("owner", "warehouse"), ("acme", "copy_a"), ("globex", "copy_g")):
        await ready.add(
            "bulk_syncs",
            name,
            f"bulk_{name}",
            name=f"Bulk of {name}",
            destination_connection_id=destination,
            active=name != "globex",
            schedule="hourly" if name == "owner" else "daily",
        )
    await ready.add(
        "models", "acme", "leads", connection_id="copy_a", enricher_connection_id="enricher"
    )
    await ready.add(
        "model_syncs",
        "acme",
        "push",
        name="Push",
        model_ids=["leads"],
        target_connection_id="crm",
        schedule_connection_id="dbt",
        active=True,
        schedule="dbtcloud",
    )


def by(rows: Sequence[Row], *names: str) -> dict[Any, Row]:
    """The rows by their values of these columns, which tell them apart."""
    found = {
        tuple(row[name] for name in names) if names[1:] else row[names[0]]: row for row in rows
    }
    assert len(found) == len(rows)
    return found
