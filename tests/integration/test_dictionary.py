"""The data dictionary says what is so, and all of it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.command import ROOT
from tests.reflected import fill_every_table
from tests.syncing import Syncing
from tools import dictionary
from tools.catalogue import Column, Relation, read_catalogue


@pytest.fixture
async def connection(
    database_url: str,
) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


async def read_all(connection: asyncpg.Connection[asyncpg.Record]) -> list[Relation]:
    return await read_catalogue(connection, *dictionary.SCHEMAS)


async def test_the_page_is_what_the_database_says(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    questions = sorted(dictionary.QUESTIONS.glob("*.sql"))
    expected = dictionary.page(await read_all(connection), questions)
    assert dictionary.PAGE.read_text() == expected, "stale: make docs"


async def test_every_view_column_and_function_has_a_comment(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    relations = await read_all(connection)
    assert [each.label for each in relations if not each.comment] == []
    without = [
        f"{each.label}.{column.name}"
        for each in relations
        for column in each.columns
        if not column.comment and each.arguments is None
    ]
    assert without == []


async def test_every_view_is_in_one_group_and_nothing_else_is(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    relations = await read_all(connection)
    grouped = [name for keys in dictionary.groups_of(relations).values() for name in keys]
    assert sorted(grouped) == sorted(dictionary.name_of(each) for each in relations)


def test_a_view_of_which_nothing_is_known_is_refused() -> None:
    stranger = Relation("reporting", "stranger", "One row.", (Column("a", "text", "A."),))
    with pytest.raises(LookupError, match="stranger is in no group"):
        dictionary.page([stranger], [])


def test_every_link_of_the_page_leads_somewhere() -> None:
    text = dictionary.PAGE.read_text()
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) > 60
    assert {each[1:] for each in links if each.startswith("#")} <= anchors
    files = {each for each in links if not each.startswith("#")}
    assert [each for each in files if not (ROOT / "docs" / each).exists()] == []


async def test_keys_tell_the_rows_of_real_answers_apart(
    connection: asyncpg.Connection[asyncpg.Record], everything: Syncing
) -> None:
    await everything.sync()
    for organization in everything.fleet:
        organization.connections.pop()
        organization.connections[0]["status"] = "unhealthy"
        organization.connections[1]["name"] = "renamed"
    await everything.sync()

    repeated = []
    for name, key, source, _ in await keyed(connection):
        if key:
            statement = f"select 1 from {source} group by {key} having count(*) > 1"  # noqa: S608 - names of ours
            repeated += [(name, key) for _ in await connection.fetch(statement)]
    assert repeated == []


async def test_what_is_never_null_is_not_where_little_or_nothing_is_known(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    assert await nulls(connection) == []
    await fill_every_table(connection)
    assert await nulls(connection) == []


async def nulls(connection: asyncpg.Connection[asyncpg.Record]) -> list[str]:
    found = []
    for name, key, source, relation in await keyed(connection):
        for column in relation.columns:
            statement = f"select from {source} where {column.name} is null limit 1"
            if dictionary.is_never_null(relation, column.name, key):
                found += [f"{name}.{column.name}" for _ in await connection.fetch(statement)]
    return found


async def keyed(
    connection: asyncpg.Connection[asyncpg.Record],
) -> list[tuple[str, str, str, Relation]]:
    """Name, key and what stands after ``from``, of each view and function."""
    relations = await read_all(connection)
    groups = dictionary.groups_of(relations)
    keys = {name: key for each in groups.values() for name, key in each.items()}
    return [
        (
            dictionary.name_of(each),
            keys[dictionary.name_of(each)],
            f"{each.schema}.{each.name}" + ("" if each.arguments is None else "(now())"),
            each,
        )
        for each in relations
    ]
