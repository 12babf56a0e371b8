"""What every driver of BI tools is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("America/New_York")
"""Of every session: far from the server's, and with summer time."""

FETCHED_AT_ONCE = 100
"""Rows, where a session streams."""

STANDARD_NAMES = {
    "_text": "text[]",
    "bool": "boolean",
    "date": "date",
    "float8": "double precision",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "jsonb": "jsonb",
    "numeric": "numeric",
    "text": "text",
    "timestamptz": "timestamp with time zone",
    "uuid": "uuid",
}
"""Of types that JDBC and ODBC call as Postgres does inside."""

Row = tuple[object, ...]


class Json(str):
    """The text of a jsonb value, which is not just any text."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Login:
    """Whom to connect as, and how the server must prove who it is."""

    port: int
    authority: Path
    user: str
    password: str
    host: str = "127.0.0.1"
    sslmode: str = "verify-full"
    database: str = "postgres"


@dataclass(frozen=True, slots=True)
class Column:
    type: str
    """As SQL has it, such as ``timestamp with time zone``."""
    comment: str | None


class Session(Protocol):
    def views(self) -> dict[str, str | None]:
        """The comment of each view of ``reporting``."""

    def columns(self) -> dict[tuple[str, str], Column]:
        """By view and name."""

    def rows(self, statement: str, *parameters: object) -> Sequence[Row]:
        """The values as the driver hands them out; ``?`` is the place of a parameter."""

    def execute(self, statement: str) -> None: ...

    def stream(self, statement: str) -> Iterator[Row]:
        """Through a cursor on the server, in a transaction that stays open."""


class Driver(Protocol):
    error: type[Exception]

    def connect(self, login: Login) -> AbstractContextManager[Session]: ...

    def native(self, value: object) -> object:
        """What ``rows`` has for a value that is what it is in the database."""
