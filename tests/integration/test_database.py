"""The server as we find it: its settings, its privileges, and what we leave in its sessions."""

from __future__ import annotations

import re
import secrets
import traceback
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

import aggregator
from aggregator import database as module
from aggregator import migrate
from aggregator.database import copy_rows, open_database
from aggregator.errors import ConfigurationError, DatabaseError, RefusedDataError
from tests.simulator import Fleet
from tests.syncing import Syncing, syncing

CODE = Path(aggregator.__file__).parent
SECRET = "hunter2"


async def _administer(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def _as(dsn: str, **settings: str) -> str:
    """The same database, in sessions that begin with these settings."""
    separator = "&" if "?" in dsn else "?"
    return dsn + separator + "&".join(f"{name}={value}" for name, value in settings.items())


@pytest.fixture
async def stranger(database_url: str) -> AsyncIterator[str]:
    """A role that may connect and nothing else."""
    role = f"stranger_{secrets.token_hex(4)}"
    await _administer(database_url, f"create role {role}")
    yield role
    await _administer(database_url, f"drop owned by {role}", f"drop role {role}")


# Settings of the server


async def test_another_encoding_is_refused(database_url: str) -> None:
    """Fault F16."""
    name = f"ascii_{secrets.token_hex(4)}"
    await _administer(
        database_url,
        f"create database {name} encoding 'SQL_ASCII' locale 'C' locale_provider libc"
        " template template0",
    )
    try:
        dsn = re.sub(r"/[^/?]+(\?|$)", rf"/{name}\1", database_url)
        with pytest.raises(ConfigurationError, match="SQL_ASCII; UTF8 is needed"):
            async with open_database(dsn):
                pass
    finally:
        await _administer(database_url, f"drop database {name} with (force)")


async def test_an_old_server_is_refused(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MINIMUM_SERVER", (99, 0))
    with pytest.raises(ConfigurationError, match="too old"):
        async with open_database(database_url):
            pass


async def test_settings_of_the_server_do_not_change_what_is_stored(database_url: str) -> None:
    """Fault F16: time zone, date style, quoting and byte format of the sessions are others."""
    dsn = _as(
        database_url,
        timezone="Asia/Kolkata",
        datestyle="German",
        standard_conforming_strings="off",
        bytea_output="escape",
        intervalstyle="iso_8601",
        extra_float_digits="0",
    )
    async with syncing(dsn, Fleet(1, 3)) as world:
        connection = world.fleet["acme-01"].connections[0]
        connection |= {"name": "a'b\\c", "created_at": "2026-01-01T00:00:00Z"}
        await world.sync()
        connection |= {"name": "b\\'", "created_at": "2026-01-02T23:00:00.123456Z"}
        assert (await world.sync())["outcomes"] == {"complete": 1}

        changes = {
            row["field"]: (row["old_value"], row["new_value"])
            for row in await world.changes(connection["id"])
        }
        assert changes["name"] == ("a'b\\c", "b\\'")
        old = await world.value("select record ->> 'created_at' from inventory.history")
        assert old == "2026-01-01T00:00:00+00:00"
        assert (await world.sync())["resources"]["connections"]["unchanged"] == 3


# Privileges


async def test_a_role_that_may_not_migrate_is_told_the_grant(
    empty_database_url: str, stranger: str
) -> None:
    """Fault F17."""
    async with open_database(_as(empty_database_url, role=stranger)) as database:
        with pytest.raises(DatabaseError) as caught:
            await migrate.apply(database)
    name = await _name_of(empty_database_url)
    assert f"GRANT CREATE, TEMPORARY ON DATABASE {name} TO {stranger};" in str(caught.value)


async def _name_of(dsn: str) -> str:
    connection = await asyncpg.connect(dsn)
    try:
        return str(await connection.fetchval("select quote_ident(current_database())"))
    finally:
        await connection.close()


async def test_the_grants_that_a_writer_is_told_are_enough(
    database_url: str, stranger: str
) -> None:
    """Fault F17: the message is run as it stands, and then the sync runs."""
    async with syncing(_as(database_url, role=stranger), Fleet(1, 3)) as world:
        with pytest.raises(DatabaseError) as caught:
            await world.sync()
        grants = re.findall(r"GRANT [^;]+;", str(caught.value))
        await _administer(database_url, *(grant for grant in grants if "CREATE" not in grant))

        world.fleet["acme-01"].connections[0]["name"] = "a"
        assert (await world.sync())["outcomes"] == {"complete": 1}
        world.fleet["acme-01"].connections[0]["name"] = "b"
        world.fleet["acme-01"].connections.pop()
        assert (await world.sync())["outcomes"] == {"complete": 1}
        assert len(await world.connections("acme-01")) == 2


async def test_a_read_only_database_says_so(database_url: str) -> None:
    """Fault F17."""
    dsn = _as(database_url, default_transaction_read_only="on")
    async with syncing(dsn, Fleet(1, 1)) as world:
        with pytest.raises(DatabaseError, match="the database is read-only"):
            await world.sync()


async def test_the_reader_of_reporting_reads_views_and_nothing_else(
    database_url: str,
) -> None:
    connection = await asyncpg.connect(_as(database_url, role="reporting_reader"))
    try:
        views = await connection.fetch(
            "select table_name from information_schema.views where table_schema = 'reporting'"
        )
        assert len(views) >= 8
        for (view,) in views:
            await connection.fetch(f"select * from reporting.{view}")  # noqa: S608 - names of ours
        for statement in (
            "select * from inventory.connections",
            "select * from ledger.installation",
            "create table reporting.mine (a int)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


async def test_every_view_and_column_of_reporting_has_a_comment(world: Syncing) -> None:
    missing = await world.column(
        "select c.relname || coalesce('.' || a.attname, '')"
        " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0"
        " where n.nspname = 'reporting' and (obj_description(c.oid) is null"
        " or col_description(c.oid, a.attnum) is null)"
    )
    assert missing == []


# Errors


@pytest.mark.parametrize(
    "statement",
    [
        f"insert into ledger.migrations values (1, '{SECRET}', '{SECRET}')",  # noqa: S608 - what may leak
        f"select '{SECRET}'::integer",
        f"select jsonb '[\"{SECRET}'",
    ],
)
async def test_a_refused_value_is_in_no_error(world: Syncing, statement: str) -> None:
    """Fault T12."""
    with pytest.raises(RefusedDataError) as caught:
        await world.query(statement)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.args)
    assert SECRET not in shown


async def test_a_value_that_the_driver_refuses_is_in_no_error(world: Syncing) -> None:
    """Faults F2, T13."""
    with pytest.raises(RefusedDataError) as caught:
        await world.query("select $1::integer", 10**30)
    assert str(10**30) not in str(caught.value)


async def _copy(world: Syncing, columns: str, row: tuple[object, ...]) -> None:
    async with world.database.transaction() as connection:
        await connection.execute(f"create temp table stage ({columns})")
        await copy_rows(connection, "stage", [row])


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("number integer", SECRET),
        ("number integer", 10**30),
        ("words text", [SECRET]),
        ("words text", f"{SECRET}\ud800"),
        ("words text[]", [7, SECRET]),
        ("read_at timestamptz", SECRET),
    ],
)
async def test_a_row_that_the_driver_cannot_copy_is_refused_and_in_no_error(
    world: Syncing, column: str, value: object
) -> None:
    """Faults F2, T13: what encoders raise for COPY, asyncpg does not wrap."""
    with pytest.raises(RefusedDataError, match="a value cannot be encoded") as caught:
        await _copy(world, column, (value,))
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.args)
    assert SECRET not in shown
    assert str(10**30) not in shown


@pytest.mark.parametrize("bug", [TypeError("ours"), OverflowError("ours"), ValueError("ours")])
async def test_a_bug_inside_a_transaction_is_blamed_on_no_value(
    world: Syncing, bug: Exception
) -> None:
    with pytest.raises(type(bug), match="ours"):
        async with world.database.transaction():
            raise bug


async def test_rows_of_another_length_than_their_columns_are_a_bug_and_no_refusal(
    world: Syncing,
) -> None:
    with pytest.raises(IndexError):
        await _copy(world, "one text, two text", ("a",))


@pytest.mark.parametrize(
    "url", ["postgresql://u:p@h:hunter2/d", "postgresql://u:p@h/d?hunter2", "postgresql://u@h,/d?p"]
)
async def test_a_url_that_cannot_be_taken_apart_is_in_no_error(url: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        async with open_database(url):
            pass
    assert "hunter2" not in "".join(traceback.format_exception(error.value))


async def test_a_server_that_is_not_there_is_said_to_be_unreachable() -> None:
    with pytest.raises(DatabaseError, match="cannot be reached"):
        async with open_database("postgres://nobody@127.0.0.1:9/none"):
            pass


# Sessions


async def test_a_run_leaves_nothing_in_its_sessions(world: Syncing) -> None:
    """Fault F11: behind a transaction-mode pooler the next transaction has another session."""
    await world.sync()
    world.fleet["acme-01"].connections[0]["name"] = "renamed"
    await world.sync()

    left = await world.query(
        "select"
        " (select count(*) from pg_prepared_statements) as prepared,"
        " (select count(*) from pg_settings where source = 'session') as settings,"
        " (select count(*) from pg_class where relpersistence = 't') as temporary,"
        " (select count(*) from pg_locks l join pg_database d on d.oid = l.database"
        " where l.locktype = 'advisory' and d.datname = current_database()) as locks,"
        " (select count(*) from pg_listening_channels()) as channels"
    )

    assert left == [{"prepared": 0, "settings": 0, "temporary": 0, "locks": 0, "channels": 0}]


def test_no_statement_relies_on_a_session() -> None:
    """Fault F11: settings are local, locks belong to transactions, nothing is prepared."""
    texts = {
        path.name: path.read_text(encoding="utf-8").lower()
        for path in [*CODE.glob("*.py"), *CODE.glob("sql/*.sql"), *CODE.glob("commands/*.py")]
    }
    forbidden = re.compile(
        r"pg_(try_)?advisory_lock|\bset session\b|[\"'; ]set (?!local\b)\w+ ?(=|to)\s*'"
        r"|\.prepare\(|add_listener|declare \w+ cursor|\bwith hold\b"
    )
    found = {name: match[0] for name, text in texts.items() if (match := forbidden.search(text))}
    assert found == {}
    assert "statement_cache_size=0" in texts["database.py"]
    for name, text in texts.items():
        if "create temporary table" in text:
            assert "on commit drop" in text, name
