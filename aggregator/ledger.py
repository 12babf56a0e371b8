"""What the ledger knows of scopes and of whose they are: reads it, pins it, closes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from aggregator.database import Database
from aggregator.model import Identity, Outcome
from aggregator.resource import Resource
from aggregator.scope import OrganizationState, ScopeResult, ScopeState
from aggregator.sql import statement

if TYPE_CHECKING:
    import asyncpg

    from aggregator.database import Connection


async def note_resources(
    connection: Connection, resources: Iterable[Resource], enabled: Iterable[str]
) -> None:
    """Notes which of all known resources are enabled by the configuration."""
    names = set(enabled)
    rows = [(each.name, each.per, each.name in names) for each in resources]
    columns = [list(column) for column in zip(*rows, strict=True)]
    await connection.execute(statement("note_resources"), *columns)


async def latest_readers(database: Database, resource: Resource) -> list[str]:
    """Organizations whose keys have read a deployment's resource, the latest first."""
    rows = await database.fetch(statement("latest_readers"), resource.name)
    return [row["organization"] for row in rows]


class Stale(NamedTuple):
    """An organization that was tried before, and whether its key worked: any last attempt was
    complete, and none was refused with 401.
    """

    organization: str
    worked: bool


async def stalest_first(database: Database, resources: Sequence[Resource]) -> list[Stale]:
    """Organizations tried before, the one longest without a complete run first."""
    rows = await database.fetch(statement("stalest_first"), [r.name for r in resources])
    return [Stale(row["organization"], row["worked"]) for row in rows]


async def load_pepper(database: Database) -> bytes:
    rows = await database.fetch("select pepper from ledger.installation")
    return bytes(rows[0]["pepper"])


async def load_states(database: Database, names: Sequence[str]) -> dict[str, OrganizationState]:
    """What the ledger knows of these organizations; one that it does not know is missing."""
    grouped: dict[str, list[asyncpg.Record]] = defaultdict(list)
    for row in await database.fetch(statement("load_states"), names):
        grouped[row["organization"]].append(row)
    return {name: _organization_state(rows) for name, rows in grouped.items()}


def _organization_state(rows: Sequence[asyncpg.Record]) -> OrganizationState:
    first = rows[0]
    return OrganizationState(
        organization_id=first["organization_id"],
        key_digest=first["key_digest"],
        identity_checked_at=first["identity_checked_at"],
        scopes={
            row["resource"]: ScopeState(
                row["last_outcome"],
                row["records"],
                row["withheld"],
                row["bytes_digest"],
                row["tracked_digest"],
                row["readings_digest"],
                row["generation"],
                _moments(row["rights_seen"]),
                row["rights_hold"],
                tuple(row["kinds"] or ()),
                row["details_read_at"],
            )
            for row in rows
            if row["resource"] is not None
        },
    )


def _moments(document: str) -> dict[str, datetime]:
    return {name: datetime.fromisoformat(at) for name, at in orjson.loads(document).items()}


async def open_scopes(connection: Connection, resource: Resource, names: Iterable[str]) -> None:
    """Makes sure that the ledger has these scopes, where no run has planned them."""
    await connection.execute(statement("open_scopes"), sorted(names), resource.name)


async def forget_other_readers(
    connection: Connection, resource: Resource, results: Sequence[ScopeResult]
) -> None:
    """Makes the other readers of a deployment's resource compare with what is stored by now."""
    readers = [result.organization.name for result in results if result.digests]
    await connection.execute(statement("forget_other_readers"), resource.name, readers)


async def lock_scopes(
    connection: Connection, resource: Resource, names: Iterable[str], generation: int
) -> dict[str, int]:
    """Locks scopes in the one order of all writers, and gives their generations by organization.

    Those that a newer run has written are not among them.
    """
    rows = await connection.fetch(
        statement("lock_scopes"), sorted(names), resource.name, generation
    )
    return {row["organization"]: row["generation"] for row in rows}


async def pin_identities(connection: Connection, results: Sequence[ScopeResult]) -> None:
    proven = [result for result in results if result.identity and result.digests]
    renamed = [_identity_row(result) for result in proven if result.was_renamed]
    adopted: list[asyncpg.Record] = []
    if renamed:
        adopted = await connection.fetch(statement("adopt_renamed"), orjson.dumps(renamed).decode())
    if proven:
        rows = [_identity_row(result) for result in proven]
        await connection.execute(statement("pin_identities"), orjson.dumps(rows).decode())
    if adopted:
        columns = [list(column) for column in zip(*adopted, strict=True)]
        await connection.execute(statement("rename_books"), *columns)


def _identity_row(result: ScopeResult) -> dict[str, Any]:
    identity = result.identity or Identity(None)
    return {
        "organization": result.organization.name,
        "organization_id": result.organization_id,
        "organization_name": identity.organization_name,
        "key_digest": _hex(result.key_digest),
        "key_class": identity.key_class,
        "role": identity.role,
        "mode": identity.mode,
        "profile": identity.profile,
    }


async def note_drift(
    connection: Connection, resource: Resource, results: Sequence[ScopeResult]
) -> None:
    """Notes what answers look like; before ``close_scopes``, which says that they were read."""
    rows = [
        {
            "organization": result.organization.name,
            "read_at": result.finished_at,
            "everywhere": sorted(result.shape.everywhere),
            "somewhere": sorted(result.shape.somewhere),
            "nowhere": sorted(result.shape.nowhere),
            "found": [each._asdict() for each in result.shape.drift],
        }
        for result in results
        if result.shape is not None
    ]
    if rows:
        await connection.execute(
            statement("note_drift"), resource.name, orjson.dumps(rows).decode()
        )


async def new_drift(connection: Connection, since: datetime) -> dict[str, int]:
    """How many drifts no organization had before ``since``, by kind."""
    rows = await connection.fetch(statement("new_drift"), since)
    return {row["kind"]: row["drifts"] for row in rows}


async def close_scopes(
    connection: Connection, resource: Resource, results: Sequence[ScopeResult], generation: int
) -> None:
    rows = [
        _scope_row(result)
        for result in results
        # A scope that was not tried keeps its state: "we did not look" says nothing about it.
        if result.outcome not in {Outcome.DEFERRED, Outcome.CANCELLED}
    ]
    await connection.execute(
        statement("close_scopes"), resource.name, generation, orjson.dumps(rows).decode()
    )


def _scope_row(result: ScopeResult) -> dict[str, Any]:
    digests = result.digests
    return {
        "organization": result.organization.name,
        "outcome": result.outcome,
        "error": result.error,
        "attempt_at": result.finished_at,
        "was_read": digests is not None,
        "bytes_digest": _hex(digests.bytes_digest if digests else None),
        "tracked_digest": _hex(digests.tracked_digest if digests else None),
        "readings_digest": _hex(digests.readings_digest if digests else None),
        "records": result.records,
        "withheld": len(result.change.withheld) if result.change else 0,
        "rights": result.rights,
        "kinds": result.kinds,
        "details_read": result.details_read,
        "grew": result.counts.created + result.counts.restored > 0,
    }


def _hex(digest: bytes | None) -> str | None:
    return digest.hex() if digest else None
