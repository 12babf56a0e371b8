"""Logins that see only what they were granted: makes them, grants, revokes, lists.

Roles are the server's, grants are rows of this database. Functions take a connection inside a
transaction of the caller's and commit nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import orjson

from aggregator.errors import ConfigurationError
from aggregator.sql import statement

if TYPE_CHECKING:
    from aggregator.database import Connection

LONGEST_ROLE_BYTES = 63
"""Postgres cuts longer names, so that two of them may be one."""
_RESERVED = re.compile("pg_.*|public|none")
_ROLES = {"inventory_owner", "inventory_writer", "reporting_reader", "reporting_restricted"}

Tag = tuple[str, str]


class Granted(NamedTuple):
    """What became of a login."""

    quoted: str
    """Its name as psql takes it."""
    is_new: bool
    organizations: int
    """How many it sees by now."""
    warnings: tuple[str, ...]


class Grant(NamedTuple):
    """What is granted: an organization or a tag, and how many organizations that is."""

    login: str
    role_exists: bool
    organization: str | None
    tag: str | None
    organizations: int


async def grant(
    connection: Connection, login: str, organizations: Sequence[str], tags: Sequence[Tag]
) -> Granted:
    """Adds to what a login sees; the login is made where it is missing, without a password.

    Raises ``ConfigurationError``, before anything is changed, for an organization that nobody
    knows and for a login that policies would not bind.
    """
    role = await connection.fetchrow(statement("login"), login)
    if role is None:
        raise ConfigurationError(["reporting_restricted is missing; see docs/operations.md"])
    unknown = await connection.fetchval(statement("unknown_organizations"), list(organizations))
    problems = [f"no organization is called {name!r}" for name in unknown]
    if not _is_name(login):
        problems.append(f"{login!a} cannot be the name of a login")
    if login in _ROLES:
        problems.append(f"{login!r} is no role for a login: its members would be granted this too")
    elif role["sees_more_because"]:
        problems.append(f"{login!r} {role['sees_more_because']}, so it would see more than that")
    if problems:
        raise ConfigurationError(problems)
    warnings = [] if role["can_login"] else [f"{login!r} is a role that cannot log in"]
    warnings += await _make_login(connection, login)
    await connection.execute(statement("grant_organizations"), login, list(organizations))
    for key, value in tags:
        tag = orjson.dumps({key: value}).decode()
        if not await connection.fetchval(statement("grant_tag"), login, tag):
            warnings.append(f"no organization has the tag {key}={value} yet")
    count = await connection.fetchval(statement("count_granted"), login)
    return Granted(role["quoted"], not role["role_exists"], count, tuple(warnings))


async def revoke(connection: Connection, login: str) -> int:
    """Takes all that was granted to a login in this database; gives how many grants that were."""
    return int(await connection.fetchval(statement("revoke"), login))


async def grants(connection: Connection) -> list[Grant]:
    """All of this database, by login."""
    return [Grant(**row) for row in await connection.fetch(statement("grants"))]


def _is_name(login: str) -> bool:
    return (
        login.isprintable()
        and 0 < len(login.encode()) <= LONGEST_ROLE_BYTES
        and not _RESERVED.fullmatch(login)
    )


async def _make_login(connection: Connection, login: str) -> list[str]:
    """What could not be limited."""
    steps = await connection.fetch(statement("make_login"), login)
    for step in steps:
        if step["may"]:
            await connection.execute(step["statement"])
    return [
        f"{step['setting']} is not set for {login!r}: that takes a superuser"
        for step in steps
        if not step["may"]
    ]
