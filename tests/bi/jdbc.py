"""JDBC as DBeaver, Tableau and others use it: the PostgreSQL driver in a JVM of this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import jpype

from tests.bi.driver import FETCHED_AT_ONCE, STANDARD_NAMES, ZONE, Column, Json, Login, Row

JAR = "/usr/share/java/postgresql.jar"


def _instant(timestamp: Any) -> datetime:  # noqa: ANN401 - of Java
    instant = timestamp.toInstant()
    seconds = datetime.fromtimestamp(int(instant.getEpochSecond()), UTC)
    return seconds.replace(microsecond=int(instant.getNano()) // 1000)


_PYTHONIC: dict[str, Callable[[Any], object]] = {
    "java.lang.Boolean": bool,
    "java.lang.Double": float,
    "java.lang.Integer": int,
    "java.lang.Long": int,
    "java.sql.Date": lambda day: date.fromisoformat(str(day.toString())),
    "java.sql.Timestamp": _instant,
    "java.util.UUID": lambda uuid: UUID(str(uuid.toString())),
    "org.postgresql.jdbc.PgArray": lambda array: list(array.getArray()),
    "org.postgresql.util.PGobject": lambda value: {"jsonb": Json}[value.getType()](
        value.getValue()
    ),
}
"""By the class that ``getObject`` gives; any other is an error. Strings are Python's already."""


class JdbcSession:
    def __init__(self, connection: Any) -> None:  # noqa: ANN401 - of Java
        self._connection = connection
        self._metadata = connection.getMetaData()

    def views(self) -> dict[str, str | None]:
        found = self._metadata.getTables(None, "reporting", "%", ["VIEW"])
        return dict(_named(found, "TABLE_NAME", "REMARKS"))

    def columns(self) -> dict[tuple[str, str], Column]:
        found = self._metadata.getColumns(None, "reporting", "%", "%")
        names = ("TABLE_NAME", "COLUMN_NAME", "TYPE_NAME", "REMARKS")
        return {
            (view, column): Column(STANDARD_NAMES[type_], comment)
            for view, column, type_, comment in _named(found, *names)
        }

    def rows(self, statement: str, *parameters: object) -> Sequence[Row]:
        with closing(self._connection.prepareStatement(statement)) as prepared:
            for place, parameter in enumerate(parameters, 1):
                prepared.setObject(place, parameter)
            return list(_values(prepared.executeQuery()))

    def execute(self, statement: str) -> None:
        with closing(self._connection.createStatement()) as created:
            created.execute(statement)

    def stream(self, statement: str) -> Iterator[Row]:
        self._connection.setAutoCommit(False)  # or else everything is read at once
        with closing(self._connection.createStatement()) as created:
            created.setFetchSize(FETCHED_AT_ONCE)
            yield from _values(created.executeQuery(statement))


class Jdbc:
    def __init__(self) -> None:
        if not jpype.isJVMStarted():
            zone = f"-Duser.timezone={ZONE}"
            jpype.startJVM("-Xrs", zone, classpath=[JAR], convertStrings=True)
        self.error: type[Exception] = jpype.JClass("java.sql.SQLException")

    @contextmanager
    def connect(self, login: Login) -> Iterator[JdbcSession]:
        properties = jpype.JClass("java.util.Properties")()
        properties.setProperty("user", login.user)
        properties.setProperty("password", login.password)
        properties.setProperty("sslmode", login.sslmode)
        properties.setProperty("sslrootcert", str(login.authority))
        address = f"jdbc:postgresql://{login.host}:{login.port}/{login.database}"
        driver = jpype.JClass("org.postgresql.Driver")()
        with closing(driver.connect(address, properties)) as connection:
            yield JdbcSession(connection)

    def native(self, value: object) -> object:
        return value


def _values(results: Any) -> Iterator[Row]:  # noqa: ANN401 - of Java
    places = range(1, results.getMetaData().getColumnCount() + 1)
    while results.next():
        yield tuple(_value(results.getObject(place)) for place in places)


def _value(value: Any) -> object:  # noqa: ANN401 - of Java
    if value is None or isinstance(value, str):
        return value
    return _PYTHONIC[str(value.getClass().getName())](value)


def _named(results: Any, *names: str) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401 - of Java
    while results.next():
        yield tuple(results.getString(name) for name in names)
