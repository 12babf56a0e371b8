"""What users built on ``reporting`` outlives every upgrade."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import pytest

from aggregator import migrate
from tests.command import ROOT
from tests.reflected import fill_every_table
from tools import contract
from tools.catalogue import Relation, read_catalogue

FILES = migrate.load_migrations()
FIRST = 3  # the first release with views
AGES = {"age_seconds"}  # they grow from second to second
MOMENT = "timestamptz '2026-01-03 18:00+00'"


async def migrate_to(dsn: str, version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(migrate, "load_migrations", lambda: FILES[:version])
        await migrate.migrate(dsn)


@dataclass(slots=True)
class Answer:
    """What a view of a user says."""

    columns: list[tuple[str, str]]
    rows: list[str]


@dataclass(slots=True)
class User:
    """Who builds views of its own, in a schema of its own."""

    connection: asyncpg.Connection[asyncpg.Record]
    schema: str
    role: str

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        await self.connection.execute(f"set session authorization {self.role}")
        yield
        await self.connection.execute("reset session authorization")

    async def build(self, name: str, statement: str, *, is_stored: bool = False) -> None:
        kind = "materialized view" if is_stored else "view"
        await self.connection.execute(f"create {kind} {self.schema}.{name} as {statement}")

    async def ask(self, source: str) -> Answer:
        statement = await self.connection.prepare(f"select * from {source}")  # noqa: S608 - a name of ours
        columns = [(each.name, each.type.name) for each in statement.get_attributes()]
        rows = [
            repr([value for name, value in each.items() if name not in AGES])
            for each in await statement.fetch()
        ]
        return Answer(columns, sorted(rows))


@asynccontextmanager
async def users(dsn: str) -> AsyncIterator[tuple[User, User]]:
    """A login as BI tools have it, and the owner of the database."""
    name = f"bi_{secrets.token_hex(6)}"  # roles are the whole server's
    connection = await asyncpg.connect(dsn)
    try:
        owner = await connection.fetchval("select quote_ident(current_user)")
        await connection.execute(
            f"create role {name} login in role reporting_reader;"
            f" create schema analytics authorization {name}; create schema owners"
        )
        yield User(connection, "analytics", name), User(connection, "owners", owner)
    finally:
        await connection.execute(
            f"reset session authorization; drop owned by {name} cascade; drop role {name}"
        )
        await connection.close()


def source_of(relation: Relation) -> str:
    arguments = "" if relation.arguments is None else f"({MOMENT})"
    return f"{relation.schema}.{relation.name}{arguments}"


@pytest.mark.parametrize("version", range(FIRST, len(FILES) + 1))
async def test_views_of_users_outlive_the_upgrade_from_every_release(
    version: int, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate_to(empty_database_url, version, monkeypatch)
    async with users(empty_database_url) as (reader, owner):
        await fill_every_table(reader.connection)
        relations = await read_catalogue(reader.connection, "reporting")
        before = {}
        for each in relations:
            source, name = source_of(each), each.name
            columns = ", ".join(column.name for column in each.columns)
            conditions = " or ".join(f"{column.name}::text <> ''" for column in each.columns)
            one_by_one = f"select {columns} from {source}"  # noqa: S608 - names of ours
            async with reader.at_work():
                before[name] = await reader.ask(source)
                await reader.build(name, one_by_one)
                await reader.build(f"all_{name}", f"select * from {source}")  # noqa: S608 - names of ours
                await reader.build(f"some_{name}", f"{one_by_one} where {conditions}")
                await reader.build(f"kept_{name}", one_by_one, is_stored=True)
            await owner.build(name, one_by_one)
        assert [name for name, answer in before.items() if not answer.rows] == []

        await migrate.migrate(empty_database_url)

        for name, answer in before.items():
            async with reader.at_work():
                assert await reader.ask(f"analytics.{name}") == answer
                assert await reader.ask(f"analytics.all_{name}") == answer
                assert await reader.ask(f"analytics.some_{name}") == answer
                assert await reader.ask(f"analytics.kept_{name}") == answer
                await reader.connection.execute(f"refresh materialized view analytics.kept_{name}")
                assert await reader.ask(f"analytics.kept_{name}") == answer
            assert await owner.ask(f"owners.{name}") == answer


async def test_who_reads_a_users_view_needs_a_right_to_reporting_too(database_url: str) -> None:
    """Views show what the one who asks may see, through whatever views in between."""
    async with users(database_url) as (reader, _):
        await fill_every_table(reader.connection)
        guest = f"guest_{secrets.token_hex(6)}"
        await reader.connection.execute(f"create role {guest} login")
        try:
            async with reader.at_work():
                await reader.build("mine", "select * from reporting.connections")
                await reader.connection.execute(
                    f"grant usage on schema analytics to {guest};"
                    f" grant select on analytics.mine to {guest}"
                )
            other = User(reader.connection, "analytics", guest)
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with other.at_work():
                    await other.ask("analytics.mine")
            await reader.connection.execute("reset session authorization")
            await reader.connection.execute(f"grant reporting_reader to {guest}")
            async with other.at_work():
                assert (await other.ask("analytics.mine")).rows
        finally:
            await reader.connection.execute(
                f"reset session authorization; drop owned by {guest}; drop role {guest}"
            )


@pytest.mark.parametrize("record", ["reporting.txt", "agreed.txt"])
async def test_what_was_promised_is_there_unchanged(record: str, database_url: str) -> None:
    promise = contract.parse((ROOT / "tests/contract" / record).read_text())
    assert "connections" in promise

    present = await read_present(database_url)

    if record == "agreed.txt":  # at least these, in this order, with others between them
        present = {
            name: [column for column in columns if column in promise.get(name, [])]
            for name, columns in present.items()
        }
    assert contract.breaches(promise, present) == []


async def read_present(dsn: str) -> contract.Promise:
    connection = await asyncpg.connect(dsn)
    try:
        return contract.promise_of(await read_catalogue(connection, "reporting"))
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"v": ["a text", "b date", "c text"]}, []),
        ({"v": ["a text", "b date"], "w": []}, []),
        ({}, ["v is gone"]),
        ({"v": ["a text"]}, ["v: b date is now gone"]),
        ({"v": ["a text", "B date"]}, ["v: b date is now B date"]),
        ({"v": ["a text", "b text"]}, ["v: b date is now b text"]),
        ({"v": ["a text", "x text", "b date"]}, ["v: b date is now x text"]),
        ({"v": ["b date", "a text"]}, ["v: a text is now b date"]),
    ],
)
def test_a_promise_is_broken_by_anything_but_an_addition_at_the_end(
    now: contract.Promise, said: list[str]
) -> None:
    assert contract.breaches({"v": ["a text", "b date"]}, now) == said


def test_a_promise_is_read_as_it_was_recorded() -> None:
    promise = {"v": ["a text", "b timestamp with time zone"], "f(moment date)": ["a text"]}
    assert contract.parse(contract.render(promise, "0001_first")) == promise


async def test_reporting_and_people_hold_views_and_functions_of_rows_only(
    database_url: str,
) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        relations = await read_catalogue(connection, "reporting", "people")
        functions = await connection.fetchval(
            "select count(*) from pg_proc"
            " where pronamespace in ('reporting'::regnamespace, 'people'::regnamespace)"
        )
    finally:
        await connection.close()

    tables = [each.label for each in relations if not each.is_view and each.arguments is None]
    assert tables == []
    called = [each for each in relations if each.arguments is not None]
    assert len(called) == functions
    assert "connections_as_of" in {each.name for each in called}
