"""Reads the reporting views for ``status``; writes nothing."""

from __future__ import annotations

from typing import Any

import orjson

from aggregator.database import Database
from aggregator.sql import statement


async def read_status(database: Database) -> dict[str, Any]:
    """Coverage, the last run and every organization, as ``status --json`` prints them."""
    rows = await database.fetch(statement("status"))
    document: dict[str, Any] = orjson.loads(rows[0]["document"])
    return document
