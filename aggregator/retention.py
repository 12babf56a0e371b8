"""Says what is older than is to be kept, and deletes it in small transactions.

That it is gone is noted first: whatever is asked of the past before that is unknown from then on,
also where the deleting was cut off.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from aggregator.database import Database
from aggregator.resources import RESOURCES
from aggregator.sql import resource_statement, statement

ROWS_AT_ONCE = 5000
ORGANIZATIONS_AT_ONCE = 20
SECONDS_TO_COUNT = 3600.0


class Horizons(NamedTuple):
    """Since when each is kept: midnights of UTC."""

    history: datetime
    api_usage: datetime
    runs: datetime


class Prunable(NamedTuple):
    """Rows of a table that are older, with the days of the oldest and the newest."""

    table: str
    rows: int
    oldest: date | None
    newest: date | None


async def find_prunable(database: Database, horizons: Horizons) -> list[Prunable]:
    """What would be deleted, by table, all at one moment; writes nothing."""
    async with database.snapshot() as connection:
        await connection.execute("set local statement_timeout to default")  # it may take long
        history = [
            await connection.fetchrow(
                resource_statement("prunable_history", resource),
                resource.name,
                horizons.history,
                timeout=SECONDS_TO_COUNT,
            )
            for resource in RESOURCES.values()
        ]
        others = await connection.fetch(statement("prunable"), *horizons, timeout=SECONDS_TO_COUNT)
    counted = [row for row in history if row and row["rows"]]
    return [
        Prunable(
            "inventory.history",
            sum(row["rows"] for row in counted),
            min((row["oldest"] for row in counted), default=None),
            max((row["newest"] for row in counted), default=None),
        ),
        *(Prunable(**dict(row)) for row in others),
    ]


async def prune(database: Database, horizons: Horizons) -> None:
    """Deletes what ``find_prunable`` says; only for who holds the run lock."""

    async def note() -> None:
        async with database.transaction() as connection:
            kinds, moments = list(horizons._fields), list(horizons)
            await connection.execute(statement("note_horizons"), kinds, moments)

    await database.patiently(note)
    # Counts go before the versions that they count: each of these would be taken off them.
    await _delete(database, statement("prune_change_days"), horizons.history, ROWS_AT_ONCE)
    for resource in RESOURCES.values():
        text = resource_statement("prune_history", resource)
        await _delete(database, text, resource.name, horizons.history, ROWS_AT_ONCE)
    await _delete(database, statement("prune_observations"), horizons.history, ROWS_AT_ONCE)
    organizations = await database.fetch(statement("pinned_organizations"))
    for begin in range(0, len(organizations), ORGANIZATIONS_AT_ONCE):
        keys = zip(*organizations[begin : begin + ORGANIZATIONS_AT_ONCE], strict=True)
        text = statement("prune_api_usage_days")
        await _delete(database, text, horizons.api_usage, *map(list, keys))
    await _delete(database, statement("prune_scope_days"), horizons.api_usage, ROWS_AT_ONCE)
    await _delete(database, statement("prune_runs"), horizons.runs)


async def _delete(database: Database, text: str, *arguments: object) -> None:
    """Runs a statement, each time in a transaction of its own, until it deletes nothing."""

    async def delete() -> int:
        async with database.transaction() as connection:
            return len(await connection.fetch(text, *arguments))

    while await database.patiently(delete):
        pass
