"""Logins of a test's own on the server that all tests share, dropped in the end."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import asyncpg

PASSWORD = "an-obvious-fake"


@dataclass(frozen=True, slots=True)
class Login:
    name: str
    database_url: str

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        connection = await asyncpg.connect(self.database_url)
        try:
            yield connection
        finally:
            await connection.close()


def url_of(database_url: str, name: str) -> str:
    """The same database, for another login."""
    parts = urlsplit(database_url)
    address = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{name}:{PASSWORD}@{address}"))


@asynccontextmanager
async def new_login(database_url: str, *roles: str, options: str = "") -> AsyncIterator[Login]:
    """A member of these roles; what it owns in the database goes with it."""
    name = f"login_{secrets.token_hex(6)}"
    owner = await asyncpg.connect(database_url)
    try:
        member = f"in role {', '.join(roles)}" if roles else ""
        await owner.execute(f"create role {name} login password '{PASSWORD}' {options} {member}")
        try:
            yield Login(name, url_of(database_url, name))
        finally:
            await owner.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where usename = $1", name
            )
            await owner.execute(f"drop owned by {name} cascade")
            await owner.execute(f"drop role {name}")
    finally:
        await owner.close()
