"""ODBC as Power BI, Excel and Tableau use it: psqlODBC under unixODBC, without a DSN."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import pyodbc

from tests.bi.driver import FETCHED_AT_ONCE, STANDARD_NAMES, ZONE, Column, Json, Login, Row

LIBRARIES = "/usr/lib/*/odbc/psqlodbcw.so"
_OPTIONS = {
    "BoolsAsChar": "0",  # else text
    "MaxVarcharSize": "0",
    "MaxLongVarcharSize": "0",  # the size that tools are told is not 8,190
    "UseServerSidePrepare": "1",
    "UseDeclareFetch": "1",
    "Fetch": FETCHED_AT_ONCE,
    "ConnSettings": f"{{set time zone '{ZONE}'}}",
}
# The driver hands out no comments; a tool that wants them asks the catalogue.
_VIEW_COMMENTS = """
select c.relname::text, obj_description(c.oid, 'pg_class')
from pg_class c where c.relnamespace = 'reporting'::regnamespace
"""
_COLUMN_COMMENTS = """
select c.relname::text, a.attname::text, col_description(c.oid, a.attnum)
from pg_class c join pg_attribute a on a.attrelid = c.oid
where c.relnamespace = 'reporting'::regnamespace and a.attnum > 0
"""


class OdbcSession:
    def __init__(self, connection: pyodbc.Connection) -> None:
        self._connection = connection

    def views(self) -> dict[str, str | None]:
        comments = {row[0]: row[1] for row in self._connection.execute(_VIEW_COMMENTS)}
        found = self._connection.cursor().tables(schema="reporting", tableType="VIEW")
        return {row.table_name: comments[row.table_name] for row in found}

    def columns(self) -> dict[tuple[str, str], Column]:
        comments = {tuple(row[:2]): row[2] for row in self._connection.execute(_COLUMN_COMMENTS)}
        return {
            (row.table_name, row.column_name): Column(
                STANDARD_NAMES[row.type_name], comments[row.table_name, row.column_name]
            )
            for row in self._connection.cursor().columns(schema="reporting")
        }

    def rows(self, statement: str, *parameters: object) -> Sequence[Row]:
        found = self._connection.cursor().execute(statement, *parameters).fetchall()
        return [tuple(row) for row in found]

    def execute(self, statement: str) -> None:
        self._connection.cursor().execute(statement)

    def stream(self, statement: str) -> Iterator[Row]:
        for row in self._connection.cursor().execute(statement):
            yield tuple(row)


class Odbc:
    error: type[Exception] = pyodbc.Error

    def __init__(self) -> None:
        pyodbc.native_uuid = True  # as the driver says, and not a text
        pyodbc.pooling = False  # a pooled connection would hide who is refused
        [self._library] = Path("/").glob(LIBRARIES[1:])

    @contextmanager
    def connect(self, login: Login) -> Iterator[OdbcSession]:
        options = {
            "Driver": self._library,
            "Server": login.host,
            "Port": login.port,
            "Database": login.database,
            "UID": login.user,
            "PWD": f"{{{login.password}}}",
            "SSLmode": login.sslmode,
            "pqopt": f"{{sslrootcert={login.authority}}}",
            **_OPTIONS,
        }
        text = ";".join(f"{name}={value}" for name, value in options.items())
        with closing(pyodbc.connect(text, autocommit=True)) as connection:
            yield OdbcSession(connection)

    def native(self, value: object) -> object:
        """Instants are local times of the session; jsonb and arrays are their text."""
        match value:
            case datetime():
                return value.astimezone(ZONE).replace(tzinfo=None)
            case Json():
                return str(value)
            case list():
                return f"{{{','.join(_element(element) for element in value)}}}"
            case _:
                return value


def _element(value: str) -> str:
    if re.fullmatch(r'[^\s{},"\\]+', value) and value.lower() != "null":
        return value
    return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'
