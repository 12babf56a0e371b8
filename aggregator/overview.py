"""Reads what a page shows: all of it in one moment, so that its numbers agree."""

from __future__ import annotations

from dataclasses import fields

from aggregator.database import Database
from aggregator.errors import DatabaseError
from aggregator.page.document import Document, Rows
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


_MISSING = {"3F000", "42P01", "42703"}  # schema, relation, column


async def read_document(database: Database) -> Document:
    """What the reporting views say now; writes nothing. A login that only reads them is enough.

    Raises ``DatabaseError``, with the command to run where views of this release are missing.
    """
    rows: dict[str, Rows] = {}
    try:
        async with database.snapshot() as connection:
            for field in fields(Document):
                bound = (BOUNDS[field.name],) if field.name in BOUNDS else ()
                found = await connection.fetch(statement(f"page_{field.name}"), *bound)
                rows[field.name] = [dict(row) for row in found]
    except DatabaseError as error:
        if error.sqlstate not in _MISSING:
            raise
        message = f"{error}; migrations are pending: run aggregator migrate"
        raise DatabaseError(message, sqlstate=error.sqlstate) from None
    return Document(**rows)
