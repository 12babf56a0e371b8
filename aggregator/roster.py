"""Which organizations the ledger knows: by name from the configuration and partners' lists, by id
from keys that have read them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import orjson

from aggregator.database import Database
from aggregator.model import Listing, Organization
from aggregator.sql import statement

if TYPE_CHECKING:
    from aggregator.database import Connection


async def register(
    connection: Connection, organizations: Iterable[Organization], *, forget: bool = True
) -> None:
    """Makes the ledger's organizations those of the configuration.

    With ``forget``, the others are noted as no longer configured; none is ever deleted.
    """
    rows = [
        {
            "organization": organization.name,
            "deployment": organization.deployment,
            "organization_id": organization.organization_id,
            "tags": dict(organization.tags),
            "enabled": organization.enabled,
            "discovered": organization.discovered,
        }
        for organization in organizations
    ]
    payload = orjson.dumps(rows).decode()
    await connection.execute(statement("retire_names"), payload)
    await connection.execute(statement("register_organizations"), payload)
    if forget:
        await forget_others(connection, (str(row["organization"]) for row in rows))


async def forget_others(connection: Connection, configured: Iterable[str]) -> None:
    """Notes all but those names as no longer configured."""
    payload = orjson.dumps([{"organization": name} for name in configured]).decode()
    await connection.execute(statement("forget_organizations"), payload)


class Name(NamedTuple):
    """Under which name an organization goes, and the id by which a key or the partner knows it."""

    organization: str
    deployment: str
    pinned_id: str | None
    upstream_id: str | None
    """As the partner's list names it, whether any key has ever read it or not."""


async def load_names(database: Database) -> list[Name]:
    """The names of all organizations whose id is known."""
    return [Name(**row) for row in await database.fetch(statement("load_names"))]


class OnceRead(NamedTuple):
    """An organization that a key has read once, and whether one still did when the ledger was
    told the configuration last.
    """

    organization: str
    deployment: str
    organization_id: str
    has_key: bool
    was_listed: bool
    """By a partner's list, ever."""


async def load_once_read(database: Database) -> list[OnceRead]:
    """Without those that left the partner's list, and names that stand for another one now."""
    return [OnceRead(**row) for row in await database.fetch(statement("once_read"))]


async def note_listing(
    connection: Connection, listing: Listing, listed_at: datetime, key_digest: bytes
) -> list[str]:
    """Notes whom the partner's list contains; gives the names of those that have just left it."""
    rows = await connection.fetch(
        statement("note_listing"),
        listing.deployment,
        listed_at,
        key_digest,
        orjson.dumps([row._asdict() for row in listing.organizations]).decode(),
    )
    return sorted(row["organization"] for row in rows if row["is_gone"])


class Pin(NamedTuple):
    """To which organization an id is pinned, and whether that one is still configured."""

    organization: str
    active: bool


async def load_pins(database: Database) -> dict[tuple[str, str], Pin]:
    """Every pinned organization id, by deployment and id."""
    return {
        (row["deployment"], row["organization_id"]): Pin(row["organization"], row["active"])
        for row in await database.fetch(statement("load_pins"))
    }
