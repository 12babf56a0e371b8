"""Through the drivers that BI tools use, as their login: what they list, read, and are refused."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from tests.bi.conftest import ANALYST_PASSWORD, GRANTED, IMPATIENT_PASSWORD, AddConnections
from tests.bi.driver import Column, Driver, Json, Login, Row, Session
from tests.bi.server import Server

WINTER = datetime(2026, 1, 15, 3, 4, 5, 678901, UTC)
SUMMER = datetime(2026, 7, 15, 3, 4, 5, 678901, UTC)
LARGE = 2**53 + 1
"""A bigint that a floating-point number cannot hold."""

CATALOGUE = """
select c.relname::text as view, obj_description(c.oid, 'pg_class') as view_comment,
       a.attname::text as name, format_type(a.atttypid, a.atttypmod) as type,
       col_description(c.oid, a.attnum) as comment
from pg_class c join pg_attribute a on a.attrelid = c.oid
where c.relnamespace = 'reporting'::regnamespace and a.attnum > 0
"""
HIDDEN = """
select format('%I.%I', schemaname, tablename) from pg_tables
where schemaname in ('inventory', 'ledger')
union all
select format('%I.%I', schemaname, viewname) from pg_views
where schemaname in ('inventory', 'ledger', 'people')
"""


def as_owner(server: Server, *statements: str) -> list[list[asyncpg.Record]]:
    """The rows of each statement, by asyncpg and with no right missing."""

    async def fetch() -> list[list[asyncpg.Record]]:
        connection = await asyncpg.connect(server.dsn)
        try:
            await connection.set_type_codec("jsonb", encoder=str, decoder=Json, schema="pg_catalog")
            return [await connection.fetch(statement) for statement in statements]
        finally:
            await connection.close()

    return asyncio.run(fetch())


# What is listed


def test_every_view_is_listed_with_its_comment(server: Server, session: Session) -> None:
    [catalogue] = as_owner(server, CATALOGUE)
    views = {row["view"]: row["view_comment"] for row in catalogue}
    assert "connections" in views
    assert all(views.values())
    assert session.views() == views


def test_every_column_is_listed_with_its_type_and_comment(server: Server, session: Session) -> None:
    [catalogue] = as_owner(server, CATALOGUE)
    columns = {(row["view"], row["name"]): Column(row["type"], row["comment"]) for row in catalogue}
    assert columns["connections", "operations"].type == "text[]"
    assert all(column.comment for column in columns.values())
    assert session.columns() == columns


def test_nothing_beyond_reporting_can_be_read(
    server: Server, driver: Driver, session: Session
) -> None:
    [rows] = as_owner(server, HIDDEN)
    hidden = [name for (name,) in rows]
    assert {"inventory.connections", "ledger.organizations", "people.users"} <= set(hidden)
    for name in hidden:
        with pytest.raises(driver.error, match="permission denied"):
            session.rows(f"select * from {name}")  # noqa: S608 - a name of ours


def test_a_login_of_one_organization_reads_no_other_ones_rows(
    driver: Driver, login: Login, session: Session
) -> None:
    """Threat S8."""
    columns = session.columns()
    views = [view for view, name in columns if name == "organization"]
    analyst = replace(login, user="analyst", password=ANALYST_PASSWORD)
    with driver.connect(analyst) as restricted:
        assert restricted.columns() == columns
        for view in views:
            statement = f"select distinct organization from reporting.{view}"  # noqa: S608 - a name of ours
            assert set(restricted.rows(statement)) <= {(GRANTED,), (None,)}, view
        seen = "select distinct organization from reporting.connections"
        assert restricted.rows(seen) == [(GRANTED,)]
        assert len(session.rows(seen)) == 3
        with pytest.raises(driver.error, match="permission denied"):
            restricted.execute("set role reporting_reader")


# What comes through


def test_every_value_of_every_view_comes_through(
    server: Server, driver: Driver, session: Session
) -> None:
    columns: dict[str, list[str]] = {}
    for view, name in session.columns():
        if name != "age_seconds":  # passes between two looks
            columns.setdefault(view, []).append(name)
    statements = {
        view: f"select {', '.join(names)} from reporting.{view}"  # noqa: S608 - names of ours
        for view, names in columns.items()
    }
    expected = dict(zip(statements, as_owner(server, *statements.values()), strict=True))
    for view, statement in statements.items():
        native = [tuple(map(driver.native, row)) for row in expected[view]]
        assert _counted(session.rows(statement)) == _counted(native), view
    assert sum(map(bool, expected.values())) > 40


def _counted(rows: Iterable[Row]) -> Counter[str]:
    """With their types: 1 is not True here, nor is it 1.0."""
    return Counter(repr(row) for row in rows)


KINDS = {
    "created_at": WINTER,
    "updated_at": SUMMER,
    "configuration": Json('{"host": "db.example", "list": [1, null, true], "port": 5432}'),
    "operations": ["read", "two words", 'a "quote"', "back\\slash", "comma,", "null", ""],
    "saved": True,
    "sanitized": False,
    "type_name": "",
    "endpoint": None,
    "policies": None,
    "updated_by_id": None,
}
"""Columns of one connection; of ``saved`` and ``is_healthy`` the rest of the three values."""


def test_each_kind_of_value_is_of_the_type_that_the_driver_has_for_it(
    driver: Driver, session: Session, add_connections: AddConnections
) -> None:
    add_connections({"id": "kinds", "status": "broken", **KINDS}, {"id": "unknown", "status": None})
    [row] = session.rows(
        f"select {', '.join(KINDS)}, is_healthy from reporting.connections"  # noqa: S608 - names of ours
        " where connection_id = 'kinds'"
    )
    expected = (*(driver.native(value) for value in KINDS.values()), False)
    assert repr(row) == repr(expected)
    others = "saved, is_healthy, configuration, operations, created_at, api_calls_last_24_hours"
    assert session.rows(
        f"select {others} from reporting.connections where connection_id = 'unknown'"  # noqa: S608 - as above
    ) == [(None,) * 6]


def test_dates_and_large_numbers_are_exact(
    session: Session, add_connections: AddConnections
) -> None:
    add_connections({"id": "busy"}, api_calls_last_24_hours=LARGE)
    rows = session.rows(
        "select day, api_calls_last_24_hours from reporting.api_usage_daily"
        " where connection_id = 'busy'"
    )
    assert repr(rows) == repr([(datetime.now(UTC).date(), LARGE)])


TEXTS = {
    "quotes": 'O\'Brien said "no" to `it` and $$that$$',
    "emoji": "🏳️‍🌈 👩🏽‍🚀 𠜎",
    "right to left": "שלום \u202eabc\u202c مرحبا",
    "backslashes": "C:\\new\\table \\' \\\\",
    "new lines": "one\ntwo\r\nthree\ttab\n",
    "placeholders": "? :name %s {fn now()} {d '2026-01-01'}",
    "long": "é" * 9_999 + "!",
    "blank": "  ",
}


def test_odd_texts_come_through_whole(
    driver: Driver, session: Session, add_connections: AddConnections
) -> None:
    add_connections(
        *({"id": key, "name": text, "operations": [text]} for key, text in TEXTS.items())
    )
    for key, text in TEXTS.items():
        [row] = session.rows(
            "select name, operations from reporting.connections where connection_id = ?", key
        )
        assert row == (text, driver.native([text])), key
        where = "where organization = 'odd' and name = ?"
        found = session.rows(f"select connection_id from reporting.connections {where}", text)  # noqa: S608 - as above
        assert found == [(key,)]


def test_parameters_of_a_prepared_statement_are_values(server: Server, session: Session) -> None:
    [healthy] = as_owner(
        server,
        "select connection_id from reporting.connections"
        " where organization = 'acme-01' and is_healthy order by 1",
    )
    statement = """
        select connection_id from reporting.connections_as_of(cast(? as timestamptz))
        where organization = ? and is_healthy = ? and connection_id like ? order by 1
    """
    now = datetime.now(UTC).isoformat()
    found = session.rows(statement, now, "acme-01", True, "%")
    assert found == [tuple(row) for row in healthy] != []
    assert session.rows(statement, now, "acme-01' or '1' = '1", True, "%") == []


def test_a_large_answer_is_streamed(session: Session) -> None:
    rows = session.stream(
        "select organization, number from reporting.organizations"
        " cross join generate_series(1, 20000) number where organization = 'acme-01'"
        " order by number"
    )
    assert next(rows) == ("acme-01", 1)
    [(cursors,)] = session.rows(
        "select count(*) from pg_cursors where statement ~ '20000' and statement !~ 'pg_cursors'"
    )
    assert cursors == 1
    assert [number for _, number in rows] == list(range(2, 20001))


# What is refused


@pytest.mark.parametrize(
    "statement",
    [
        "insert into reporting.organizations (organization) values ('new')",
        "update reporting.connections set name = 'other'",
        "delete from reporting.connections",
        "delete from inventory.connections",
        "truncate inventory.connections",
        "create table reporting.own (one int)",
        "create table public.own (one int)",
        "create temporary table own (one int)",
        "create schema own",
        "drop view reporting.connections",
    ],
)
def test_writing_is_refused(driver: Driver, session: Session, statement: str) -> None:
    with pytest.raises(driver.error, match=r"read-only|permission denied|cannot"):
        session.execute(statement)
    session.execute("set default_transaction_read_only = off")  # as anybody may
    with pytest.raises(driver.error, match=r"permission denied|must be owner|cannot"):
        session.execute(statement)


def test_a_statement_that_takes_too_long_for_its_role_is_ended(
    driver: Driver, login: Login
) -> None:
    impatient = replace(login, user="impatient", password=IMPATIENT_PASSWORD)
    with (
        driver.connect(impatient) as session,
        pytest.raises(driver.error, match="statement timeout"),
    ):
        session.rows("select pg_sleep(40)")


def test_the_session_is_encrypted(session: Session) -> None:
    encrypted = "select ssl, version from pg_stat_ssl where pid = pg_backend_pid()"
    assert session.rows(encrypted) == [(True, "TLSv1.3")]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"password": "wrong"}, "password authentication failed"),
        ({"sslmode": "disable"}, "no encryption"),
        ({"host": "localhost"}, "does not match host name|hostname localhost could not be"),
    ],
)
def test_whoever_cannot_be_trusted_is_refused(
    driver: Driver, login: Login, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(driver.error, match=said), driver.connect(replace(login, **change)):
        pass


def test_a_certificate_of_another_authority_is_refused(
    driver: Driver, server: Server, login: Login
) -> None:
    believing_another = replace(login, authority=server.other_authority)
    with (
        pytest.raises(driver.error, match=r"certificate verify failed|valid certification path"),
        driver.connect(believing_another),
    ):
        pass
