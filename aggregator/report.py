"""Reads the reporting views for ``status``, ``explain`` and metrics; writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson

from aggregator.database import Database
from aggregator.sql import statement


async def read_status(database: Database) -> dict[str, Any]:
    """Coverage, the last run and every organization, as ``status --json`` prints them."""
    return await _document(database, "status")


async def read_explanation(database: Database, connection_id: str) -> dict[str, Any]:
    """All that is known of a connection, as ``explain --json`` prints it.

    ``organizations`` is empty where no organization ever had it.
    """
    return await _document(database, "explain", connection_id)


async def ids_like(database: Database, beginning: str, most: int) -> list[str]:
    """Ids of connections that begin so, in order."""
    rows = await database.fetch(statement("ids_like"), beginning, most)
    return [row["connection_id"] for row in rows]


async def read_measures(database: Database, run_id: UUID | None) -> dict[str, Any]:
    """How the whole inventory stands, and how long a run waited for rate limits."""
    return await _document(database, "measures", run_id)


async def read_organization_measures(database: Database, most: int) -> list[Mapping[str, Any]]:
    """Numbers of single organizations, those longest without a complete read first."""
    return [dict(row) for row in await database.fetch(statement("organization_measures"), most)]


async def _document(database: Database, name: str, *arguments: str | UUID | None) -> dict[str, Any]:
    rows = await database.fetch(statement(name), *arguments)
    document: dict[str, Any] = orjson.loads(rows[0]["document"])
    return document


def enabled(organizations: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Of the rows of ``read_status``, those that runs are meant to read and have a key for."""
    return [row for row in organizations if row["is_expected"] and row["status"] != "no_key"]


def too_old(organizations: Sequence[Mapping[str, Any]], max_age: timedelta) -> list[str]:
    """Names of those without a complete read within ``max_age``: never read first, then oldest."""
    never = [row for row in organizations if row["age_seconds"] is None]
    late = [row for row in organizations if (row["age_seconds"] or 0) > max_age.total_seconds()]
    late.sort(key=lambda row: row["age_seconds"], reverse=True)
    return [row["organization"] for row in (*never, *late)]
