"""Reads the reporting views for ``status``; writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import orjson

from aggregator.database import Database
from aggregator.sql import statement


async def read_status(database: Database) -> dict[str, Any]:
    """Coverage, the last run and every organization, as ``status --json`` prints them."""
    rows = await database.fetch(statement("status"))
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
