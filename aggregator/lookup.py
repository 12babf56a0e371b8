"""What is stored already, as far as a run has to know it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from aggregator.database import Database
from aggregator.resource import Resource, Target
from aggregator.scope import Known
from aggregator.sql import resource_statement, statement


async def load_known(
    database: Database, resource: Resource, deployment: str, organization_id: str
) -> dict[str, Known]:
    """The stored rows of one scope by id."""
    rows = await database.fetch(
        resource_statement("known", resource), resource.name, deployment, organization_id
    )
    return {
        row["id"]: Known(
            row["content_hash"],
            row["came_at"],
            row["rights"],
            row["missing_runs"],
            row["withheld_because"],
        )
        for row in rows
    }


async def load_belonging(
    database: Database,
    resource: Resource,
    deployment: str,
    organization_id: str,
    connections: Mapping[str, str],
) -> dict[str, str]:
    """The stored rows that belong to any of these connections, with what is said of theirs."""
    if not connections or resource.each is None:
        return {}
    rows = await database.fetch(
        resource_statement("belonging", resource),
        deployment,
        organization_id,
        resource.each.belongs_by,
        list(connections),
    )
    return {row["id"]: connections[row["connection_id"]] for row in rows}


async def load_targets(database: Database, deployment: str, organization_id: str) -> list[Target]:
    """The stored connections of one organization, by id, those included that are withheld."""
    return [
        Target(
            row["id"],
            frozenset(row["operations"]),
            row["is_healthy"],
            row["is_shared"],
            row["reports_api_calls"],
            row["is_missing"],
        )
        for row in await database.fetch(statement("targets"), deployment, organization_id)
    ]


async def load_schemas(database: Database) -> list[tuple[str, str, dict[str, Any]]]:
    """Deployment, connection type, and what its stored schema says of configurations."""
    rows = await database.fetch(statement("schemas"))
    return [(row["deployment"], row["id"], orjson.loads(row["fields"])) for row in rows]


async def load_kinds_in_use(database: Database, deployment: str) -> dict[str, dict[str, Any]]:
    """The connection types of a deployment's stored connections, each as it was listed last."""
    rows = await database.fetch(statement("kinds_in_use"), deployment)
    return {row["type_id"]: orjson.loads(row["shown"]) for row in rows}
