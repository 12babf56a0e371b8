"""What a page says of a real database."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from aggregator.database import Database, open_database
from aggregator.errors import DatabaseError
from aggregator.overview import BOUNDS, read_document
from aggregator.page import render
from aggregator.page.document import Document
from tests.stored import READ, Stored, by, share_a_warehouse, stored


@pytest.fixture
async def ready(database_url: str) -> AsyncIterator[Stored]:
    async with stored(database_url) as connection:
        yield connection


async def document_of(database_url: str) -> Document:
    async with open_database(database_url) as database:
        return await read_document(database)


async def test_an_empty_database_makes_a_page(database_url: str) -> None:
    assert "No organization is known yet" in render(await document_of(database_url))


async def test_ages_count_every_expected_organization_once(
    database_url: str, ready: Stored
) -> None:
    hours = {"new": 0, "old": 30, "oldest": 24 * 40}
    for name, age in hours.items():
        await ready.organization(name, *READ, age=timedelta(hours=age))
    await ready.organization("untried")
    await ready.organization("off", enabled=False)

    document = await document_of(database_url)

    assert {row["age"]: row["organizations"] for row in document.ages} == {
        "less than 2 hours ago": 1,
        "2 to 26 hours ago": 0,
        "26 hours to 3 days ago": 1,
        "3 to 7 days ago": 0,
        "longer ago": 1,
        "never": 1,
    }
    assert sum(row["organizations"] for row in document.statuses) == 4
    assert {row["organization"] for row in document.organizations} == {*hours, "untried", "off"}


async def test_what_is_not_complete_stands_once_for_each_reason(
    database_url: str, ready: Stored
) -> None:
    await ready.organization("acme", "connections")
    for resource in ("connections", "models"):
        await ready.connection.execute(
            "insert into ledger.resources (resource, per, is_enabled)"
            " values ($1, 'organization', true)"
            " on conflict (resource) do update set is_enabled = true",
            resource,
        )
    await ready.organization("globex")

    document = await document_of(database_url)
    rows = by([dict(row) for row in document.not_complete], "organization")

    assert {
        name: (row["status"], row["resources"], row["is_all"]) for name, row in rows.items()
    } == {
        "acme": ("never", ["models"], False),
        "globex": ("never", ["connections", "models"], True),
    }


async def test_a_page_shows_what_is_broken_and_how_far_it_reaches(
    database_url: str, ready: Stored
) -> None:
    await share_a_warehouse(ready)

    document = await document_of(database_url)

    assert [row["name"] for row in document.unhealthy] == ["WAREHOUSE"]
    assert sum(row["connections"] for row in document.unhealthy_ages) == 1
    [broken] = document.blast_radius
    assert (broken["connection_name"], broken["affected_organizations"]) == ("WAREHOUSE", 3)
    [types] = document.types
    assert types["connections"] == 7


async def test_a_list_is_cut_in_the_database_and_says_how_long_it_is(
    database_url: str, ready: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BOUNDS, "unhealthy", 2)
    await ready.organization("acme", *READ)
    for key in "abc":
        await ready.connection_of("acme", key, status="unhealthy")

    assert [row["total"] for row in (await document_of(database_url)).unhealthy] == [3, 3]


async def test_all_numbers_are_of_one_moment_and_nothing_is_written(
    database_url: str, ready: Stored
) -> None:
    async with open_database(database_url) as database, database.snapshot() as connection:
        before = await connection.fetchval("select count(*) from reporting.organizations")
        await ready.organization("late")
        assert await connection.fetchval("select count(*) from reporting.organizations") == before
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await connection.execute("delete from ledger.organizations")


async def test_an_older_database_names_the_command_to_run(
    database_url: str, empty_database_url: str, ready: Stored
) -> None:
    await ready.connection.execute("alter view reporting.fleet_summary rename to elsewhere")

    for url in (database_url, empty_database_url):
        with pytest.raises(DatabaseError, match=r"fleet_summary.*run aggregator migrate"):
            await document_of(url)


async def test_a_login_that_only_reads_views_is_enough(
    database_url: str, ready: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    await share_a_warehouse(ready)
    login = f"page_{uuid.uuid4().hex}"
    await ready.connection.execute(f"create role {login} in role reporting_reader")
    try:
        async with open_database(database_url) as database:

            @asynccontextmanager
            async def as_reader() -> AsyncIterator[Any]:
                async with Database.snapshot(database) as connection:
                    await connection.execute(f"set local role {login}")
                    yield connection

            monkeypatch.setattr(database, "snapshot", as_reader)
            document = await read_document(database)
    finally:
        await ready.connection.execute(f"drop role {login}")

    assert document.moment[0]["role"] == login
    assert len(document.blast_radius) == 1


async def test_every_section_is_over_the_organizations_of_the_headline(
    database_url: str, ready: Stored
) -> None:
    for name, is_enabled in (("acme", True), ("off", False)):
        await ready.organization(name, *READ, enabled=is_enabled)
        await ready.connection_of(name, f"{name}-1", status="error")
        await ready.connection_of(name, f"{name}-2", status="error")

    document = await document_of(database_url)

    assert document.summary[0]["unhealthy_connections"] == 2
    assert sum(row["connections"] for row in document.unhealthy_ages) == 2
    for rows in (document.unhealthy, document.blast_radius):
        assert [(row["organization"], row["total"]) for row in rows] == [("acme", 2)] * 2
