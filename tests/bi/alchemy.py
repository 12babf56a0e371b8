"""SQLAlchemy 2 with psycopg 3, as notebooks and Superset's kin use it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import sqlalchemy
from sqlalchemy.engine.reflection import ObjectKind

from tests.bi.driver import FETCHED_AT_ONCE, ZONE, Column, Json, Login, Row


class AlchemySession:
    def __init__(self, connection: sqlalchemy.Connection) -> None:
        self._connection = connection
        self._inspector = sqlalchemy.inspect(connection)

    def views(self) -> dict[str, str | None]:
        found = self._inspector.get_view_names("reporting")
        return {
            view: self._inspector.get_table_comment(view, "reporting")["text"] for view in found
        }

    def columns(self) -> dict[tuple[str, str], Column]:
        found = self._inspector.get_multi_columns(schema="reporting", kind=ObjectKind.VIEW)
        return {
            (view, column["name"]): Column(
                column["type"].compile(self._connection.dialect).lower(), column["comment"]
            )
            for (_, view), columns in found.items()
            for column in columns
        }

    def rows(self, statement: str, *parameters: object) -> Sequence[Row]:
        places = statement.replace("?", "%s") if parameters else statement
        found = self._connection.exec_driver_sql(places, parameters or None)
        return [tuple(row) for row in found]

    def execute(self, statement: str) -> None:
        self._connection.exec_driver_sql(statement)

    def stream(self, statement: str) -> Iterator[Row]:
        self._connection.rollback()  # a cursor lives in a transaction, not in AUTOCOMMIT
        streaming = self._connection.execution_options(
            isolation_level="READ COMMITTED", yield_per=FETCHED_AT_ONCE
        )
        for row in streaming.exec_driver_sql(statement):
            yield tuple(row)


class Alchemy:
    error: type[Exception] = sqlalchemy.exc.DBAPIError

    @contextmanager
    def connect(self, login: Login) -> Iterator[AlchemySession]:
        address = sqlalchemy.URL.create(
            "postgresql+psycopg",
            login.user,
            login.password,
            login.host,
            login.port,
            login.database,
            {"sslmode": login.sslmode, "sslrootcert": str(login.authority)},
        )
        options = {"options": f"-c timezone={ZONE}"}
        engine = sqlalchemy.create_engine(
            address,
            connect_args=options,
            isolation_level="AUTOCOMMIT",
            poolclass=sqlalchemy.pool.NullPool,
        )
        with engine.connect() as connection:
            yield AlchemySession(connection)

    def native(self, value: object) -> object:
        """Instants know the session's zone."""
        match value:
            case datetime():
                return value.astimezone(ZONE)
            case Json():
                return json.loads(value)
            case _:
                return value
