"""The month that dashboards show is one that could have been."""

from __future__ import annotations

from datetime import timedelta

import asyncpg

from aggregator.resources import RESOURCES
from tests.month import live_a_month
from tests.queries.asking import asking
from tests.syncing import Row, Syncing

DAY = timedelta(days=1)
DAYS = 10


async def test_in_a_month_changes_what_was_changed_and_what_is_made_was_made_that_day(
    database_url: str,
) -> None:
    await live_a_month(database_url, DAYS)

    connection = await asyncpg.connect(database_url)
    try:
        changed = await connection.fetch(
            "select distinct resource, field from reporting.changes where field is not null"
        )
        made = await connection.fetch(
            "select changed_at - created_at as age, updated_at = created_at as is_untouched"
            " from reporting.changes"
            " join reporting.connections on connection_id = id"
            " where resource = 'connections' and change = 'created' and not is_first_load"
        )
        async with asking(connection) as analyst:
            since = {"date_trunc('month', now(), 'UTC')": f"now() - interval '{DAYS} days'"}
            new_types = await analyst.ask("new-types", **since)
    finally:
        await connection.close()
    assert {tuple(row) for row in changed} == {
        ("connections", "name"),
        ("connections", "status"),
        ("connections", "status_error"),
    }
    assert made
    assert all(timedelta() <= row["age"] < DAY and row["is_untouched"] for row in made)
    assert [(row["type_id"], row["connections"]) for row in new_types] == [("tigris", 2)]


async def test_passing_time_leaves_alone_what_the_api_said(everything: Syncing) -> None:
    """Or else the next version of whatever changes would differ in its times as well."""
    await everything.sync()
    before = await _said(everything)
    seen = "select first_seen_at from reporting.connections order by connection_id"
    seen_before = await everything.column(seen)

    await everything.pass_time(DAY)

    assert await _said(everything) == before
    assert await everything.column(seen) == [each - DAY for each in seen_before]


async def _said(world: Syncing) -> dict[str, list[Row]]:
    """All that is stored of what the API says, by table."""
    return {
        table: await world.query(f"select {', '.join(columns)} from inventory.{table} order by id")  # noqa: S608 - names of ours
        for resource in RESOURCES.values()
        for table, columns in (
            (resource.name, resource.columns),
            (f"{resource.name}_readings", resource.readings),
        )
        if columns
    }
