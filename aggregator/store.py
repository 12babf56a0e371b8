"""The only writer of inventory: what changed goes in by COPY and set-based statements.

Every function takes a connection inside a transaction of the caller's and commits nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from aggregator.database import Database
from aggregator.model import Counts, Identity, Organization, Outcome, Resource
from aggregator.scope import Digests, Known, OrganizationState, ScopeResult, ScopeState
from aggregator.sql import resource_statement, statement

if TYPE_CHECKING:
    import asyncpg

    from aggregator.database import Connection

KEY_COLUMNS = ("deployment", "organization_id", "id")
Key = tuple[str, str]
"""Deployment and organization id."""


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


class Stale(NamedTuple):
    """An organization that was tried before, and whether its last attempt was complete."""

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
    identity = None
    if first["identity_checked_at"] is not None:
        identity = Identity(
            first["organization_id"],
            first["organization_name"],
            first["key_class"],
            first["role"],
            first["mode"],
            first["profile"],
        )
    return OrganizationState(
        organization_id=first["organization_id"],
        key_digest=first["key_digest"],
        identity=identity,
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
            )
            for row in rows
            if row["resource"] is not None
        },
    )


class Pin(NamedTuple):
    """To which organization an id is pinned, and whether that one is still configured."""

    organization: str
    active: bool


async def load_pins(database: Database) -> dict[Key, Pin]:
    """Every pinned organization id, by deployment and id."""
    return {
        (row["deployment"], row["organization_id"]): Pin(row["organization"], row["active"])
        for row in await database.fetch(statement("load_pins"))
    }


async def load_known(
    database: Database, resource: Resource, deployment: str, organization_id: str
) -> dict[str, Known]:
    """The stored rows of one scope by id."""
    rows = await database.fetch(
        resource_statement("known", resource), resource.name, deployment, organization_id
    )
    return {
        row["id"]: Known(row["content_hash"], row["missing_runs"], row["withheld_because"])
        for row in rows
    }


async def write(
    connection: Connection, results: Sequence[ScopeResult], generation: int
) -> list[ScopeResult]:
    """Writes results and gives them back with the counts of what was really written.

    A scope that a newer run has written meanwhile is left alone and comes back ``deferred``. One
    that an older run has written since it was compared is written, and looked at again next time.
    """
    by_resource: dict[str, list[ScopeResult]] = defaultdict(list)
    for result in results:
        by_resource[result.resource.name].append(result)
    written = []
    for _, group in sorted(by_resource.items()):  # one order of locks for all writers
        written += await _write_resource(connection, group[0].resource, group, generation)
    return written


async def _write_resource(
    connection: Connection, resource: Resource, results: Sequence[ScopeResult], generation: int
) -> list[ScopeResult]:
    names = sorted(result.organization.name for result in results)
    locked = await connection.fetch(statement("lock_scopes"), names, resource.name, generation)
    ours = {row["organization"]: row["generation"] for row in locked}
    current = [
        _as_locked(result, ours[result.organization.name], generation)
        for result in results
        if result.organization.name in ours
    ]
    await _pin_identities(connection, current)
    changed = [result for result in current if result.change is not None]
    counts = await _write_changes(connection, resource, changed, generation) if changed else {}
    written = [
        replace(result, counts=_count(result, counts)) if result.change else result
        for result in current
    ]
    await _close_scopes(connection, resource, written, generation)
    overtaken = [
        replace(
            result,
            outcome=Outcome.DEFERRED,
            error="a newer run has written this scope",
            counts=Counts(),
            rejections=(),
        )
        for result in results
        if result.organization.name not in ours
    ]
    return written + overtaken


def _as_locked(result: ScopeResult, locked: int, generation: int) -> ScopeResult:
    """The result without what is true only of a state that the locked scope has no longer.

    Written by us already, as after a commit whose end we did not see: its digests still hold.
    """
    if locked == result.based_on:
        return result
    return replace(
        result,
        digests=result.digests
        if locked == generation
        else result.digests and Digests(None, None, None),
        change=result.change and replace(result.change, is_first=False),
    )


async def _pin_identities(connection: Connection, results: Sequence[ScopeResult]) -> None:
    proven = [result for result in results if result.identity and result.digests]
    renamed = [_identity_row(result) for result in proven if result.was_renamed]
    if renamed:
        await connection.execute(statement("adopt_renamed"), orjson.dumps(renamed).decode())
    if proven:
        rows = [_identity_row(result) for result in proven]
        await connection.execute(statement("pin_identities"), orjson.dumps(rows).decode())


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
        "complete": result.outcome is Outcome.COMPLETE,
    }


async def _write_changes(
    connection: Connection, resource: Resource, results: Sequence[ScopeResult], generation: int
) -> dict[Key, dict[str, int]]:
    """Numbers of created, updated, restored and removed rows by scope."""
    counts: dict[Key, dict[str, int]] = defaultdict(dict)
    await _write_records(connection, resource, results, generation, counts)
    await _remove(connection, resource, results, generation, counts)
    if resource.readings:
        await _write_readings(connection, resource, results)
    await _withhold(connection, resource, results)
    return counts


async def _write_records(
    connection: Connection,
    resource: Resource,
    results: Sequence[ScopeResult],
    generation: int,
    counts: dict[Key, dict[str, int]],
) -> None:
    new = [result for result in results if result.is_new]
    await _copy_new(connection, resource, new, generation, counts)
    rows = [row for result in results if not result.is_new for row in _rows(result)]
    if not rows:
        return
    await connection.execute(resource_statement("stage", resource))
    await connection.copy_records_to_table(f"stage_{resource.name}", records=rows)
    if not all(result.change.is_first for result in results if result.change):
        await connection.execute(
            resource_statement("close_versions", resource), resource.name, generation
        )
    for row in await connection.fetch(
        resource_statement("upsert", resource), resource.name, generation
    ):
        counts[row["deployment"], row["organization_id"]][row["change"]] = row["records"]


async def _copy_new(
    connection: Connection,
    resource: Resource,
    results: Sequence[ScopeResult],
    generation: int,
    counts: dict[Key, dict[str, int]],
) -> None:
    """Writes scopes of which nothing is known, straight into the table: there is nothing to meet.

    The scope's lock vouches for that; the table's defaults say that the rows are ``created`` now.
    """
    rows = [row for result in results for row in _rows(result, generation)]
    if not rows:
        return
    await connection.copy_records_to_table(
        resource.name,
        schema_name="inventory",
        columns=[*KEY_COLUMNS, *resource.columns, "content_hash", "generation"],
        records=rows,
    )
    for result in results:
        if result.change and result.change.records:
            key = (result.organization.deployment, result.organization_id or "")
            counts[key]["created"] = len(result.change.records)


def _rows(result: ScopeResult, *last: int) -> Iterator[tuple[Any, ...]]:
    """The records to write, as staged: key, tracked values, content hash; then what is ``last``."""
    key = _key(result)
    for record, digest in result.change.records if result.change else ():
        yield (*key, record.id, *record.values, digest, *last)


async def _remove(
    connection: Connection,
    resource: Resource,
    results: Sequence[ScopeResult],
    generation: int,
    counts: dict[Key, dict[str, int]],
) -> None:
    gone = [
        (*_key(result), identifier)
        for result in results
        if result.change
        for identifier in result.change.removed
    ]
    if not gone:
        return
    keys = [list(column) for column in zip(*gone, strict=True)]
    for row in await connection.fetch(
        resource_statement("remove", resource), resource.name, generation, *keys
    ):
        counts[row["deployment"], row["organization_id"]]["removed"] = row["records"]
    if resource.readings:
        await connection.execute(resource_statement("remove_readings", resource), *keys)


async def _write_readings(
    connection: Connection, resource: Resource, results: Sequence[ScopeResult]
) -> None:
    read = [result for result in results if result.change and result.change.readings is not None]
    new = [row for result in read if result.is_new for row in _reading_rows(result)]
    if new:
        await connection.copy_records_to_table(
            f"{resource.name}_readings",
            schema_name="inventory",
            columns=[*KEY_COLUMNS, *resource.readings],
            records=new,
        )
    read = [result for result in read if not result.is_new]
    if not read:
        return
    rows = [row for result in read for row in _reading_rows(result)]
    await connection.execute(resource_statement("stage_readings", resource))
    await connection.copy_records_to_table(f"stage_{resource.name}_readings", records=rows)
    await connection.execute(resource_statement("upsert_readings", resource))
    ended = [
        {
            "deployment": result.organization.deployment,
            "organization_id": result.organization_id,
            "kept": dict.fromkeys(_kept(result), 1),
        }
        for result in read
        if result.change and not result.change.is_first
    ]
    if ended:
        await connection.execute(
            resource_statement("end_readings", resource), orjson.dumps(ended).decode()
        )


def _reading_rows(result: ScopeResult) -> Iterator[tuple[Any, ...]]:
    key = _key(result)
    for record in (result.change.readings if result.change else None) or ():
        yield (*key, record.id, *(record.reading or ()))


def _kept(result: ScopeResult) -> set[str]:
    """Ids whose rows stay as they are although the answer brought nothing usable for them."""
    missing = result.change.withheld if result.change else {}
    rejected = (rejection.record_id for rejection in result.rejections)
    return {*missing, *(identifier for identifier in rejected if identifier)}


async def _withhold(
    connection: Connection, resource: Resource, results: Sequence[ScopeResult]
) -> None:
    rows = [
        {
            "deployment": result.organization.deployment,
            "organization_id": result.organization_id,
            "runs": int(result.outcome is Outcome.COMPLETE),
            "ids": dict(result.change.withheld),
        }
        for result in results
        if result.change and not result.change.is_first
    ]
    if rows:
        await connection.execute(statement("withhold"), resource.name, orjson.dumps(rows).decode())


async def _close_scopes(
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
        "withheld": result.counts.withheld,
    }


def _key(result: ScopeResult) -> tuple[str, str | None]:
    return result.organization.deployment, result.organization_id


def _count(result: ScopeResult, counts: dict[Key, dict[str, int]]) -> Counts:
    mine = counts.get((result.organization.deployment, result.organization_id or ""), {})
    created, updated, restored = (mine.get(name, 0) for name in ("created", "updated", "restored"))
    seen, rejected = result.counts.seen, result.counts.rejected
    return replace(
        result.counts,
        created=created,
        updated=updated,
        restored=restored,
        removed=mine.get("removed", 0),
        unchanged=seen - rejected - created - updated - restored,
    )


def _hex(digest: bytes | None) -> str | None:
    return digest.hex() if digest else None
