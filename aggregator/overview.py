"""Reads what a page shows: all of it in one moment, so that its numbers agree."""

from __future__ import annotations

from dataclasses import fields

from aggregator.database import Database
from aggregator.page.document import Document
from aggregator.page.figures import CHANGE_DAYS, USAGE_DAYS
from aggregator.sql import statement

BOUNDS = {
    "not_complete": 300,
    "organizations": 12_000,
    "unhealthy": 500,
    "days": USAGE_DAYS,
    "changes_daily": CHANGE_DAYS,
    "changes": 200,
    "usage_daily": USAGE_DAYS,
    "usage_top": 20,
    "types": 200,
    "blast_radius": 50,
    "drift": 50,
    "runs": 50,
}
"""Rows at most, or days; what all rows fit into 5 MB with."""


async def read_document(database: Database) -> Document:
    """What the reporting views say now; writes nothing."""
    rows = {}
    async with database.snapshot() as connection:
        for field in fields(Document):
            bound = (BOUNDS[field.name],) if field.name in BOUNDS else ()
            rows[field.name] = await connection.fetch(statement(f"page_{field.name}"), *bound)
    return Document(**rows)
