"""The only writer of inventory: what changed goes in by COPY and set-based statements.

Every function takes a connection inside a transaction of the caller's and commits nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aggregator.database import copy_rows
from aggregator.model import Counts
from aggregator.resource import Resource
from aggregator.scope import MOST_NAMED, Planned, ScopeResult
from aggregator.sql import resource_statement, statement

if TYPE_CHECKING:
    from aggregator.database import Connection

KEY_COLUMNS = ("deployment", "organization_id", "id")
Key = tuple[str, str]
"""Deployment and organization id."""


async def write_changes(
    connection: Connection, resource: Resource, results: Sequence[ScopeResult], generation: int
) -> dict[str, Counts]:
    """Writes the changes of scopes that are locked; what was really written, by organization."""
    if not results:
        return {}
    counts: dict[Key, dict[str, int]] = defaultdict(dict)
    may_copy = any(result.is_new for result in results) and not await connection.fetchval(
        statement("is_row_secured"), resource.name
    )
    new = [result for result in results if may_copy and result.is_new]
    known = [result for result in results if not (may_copy and result.is_new)]
    await _copy_new(connection, resource, new, generation, counts)
    await _write_records(connection, resource, known, generation, counts)
    await _remove(connection, resource, known, generation, counts)
    if resource.readings:
        await _copy_new_readings(connection, resource, new)
        await _write_readings(connection, resource, known)
    await _withhold(connection, resource, results)
    return {result.organization.name: _count(result, counts) for result in results}


async def planned_changes(
    connection: Connection, resource: Resource, results: Sequence[ScopeResult], generation: int
) -> list[ScopeResult]:
    """The results with what ``write_changes`` did for them in this transaction."""
    keys = [result.owner for result in results if result.change]
    found: dict[Key, list[Planned]] = defaultdict(list)
    for row in await connection.fetch(
        resource_statement("planned_changes", resource),
        resource.name,
        generation,
        *_columns(keys, 2),
        MOST_NAMED,
    ):
        fields = row["changed_fields"] or ()
        found[row["deployment"], row["organization_id"]].append(
            Planned(row["change"], row["id"], row["name"], fields, row["reason"])
        )
    return [replace(result, planned=found.get(result.owner, ())) for result in results]


async def _write_records(
    connection: Connection,
    resource: Resource,
    results: Sequence[ScopeResult],
    generation: int,
    counts: dict[Key, dict[str, int]],
) -> None:
    rows = [row for result in results for row in _rows(result)]
    if not rows:
        return
    await connection.execute(resource_statement("stage", resource))
    await copy_rows(connection, f"stage_{resource.name}", rows)
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
    await copy_rows(
        connection,
        resource.name,
        rows,
        schema="inventory",
        columns=[*KEY_COLUMNS, *resource.columns, "content_hash", "rights", "generation"],
    )
    for result in results:
        if result.change and result.change.records:
            counts[result.owner]["created"] = len(result.change.records)


def _rows(result: ScopeResult, *last: int) -> Iterator[tuple[Any, ...]]:
    """The records to write, as staged: key, values, hash and rights; then what is ``last``."""
    key = result.owner
    for record, digest in result.change.records if result.change else ():
        yield (*key, record.id, *record.values, digest, result.rights, *last)


async def _remove(
    connection: Connection,
    resource: Resource,
    results: Sequence[ScopeResult],
    generation: int,
    counts: dict[Key, dict[str, int]],
) -> None:
    gone = [
        (*result.owner, identifier)
        for result in results
        if result.change
        for identifier in result.change.removed
    ]
    if not gone:
        return
    keys = _columns(gone, 3)
    for row in await connection.fetch(
        resource_statement("remove", resource), resource.name, generation, *keys
    ):
        counts[row["deployment"], row["organization_id"]]["removed"] = row["records"]
    if resource.readings:
        await connection.execute(resource_statement("remove_readings", resource), *keys)


async def _copy_new_readings(
    connection: Connection, resource: Resource, results: Sequence[ScopeResult]
) -> None:
    rows = [row for result in results for row in _reading_rows(result)]
    if rows:
        await copy_rows(
            connection,
            f"{resource.name}_readings",
            rows,
            schema="inventory",
            columns=[*KEY_COLUMNS, *resource.readings],
        )


async def _write_readings(
    connection: Connection, resource: Resource, results: Sequence[ScopeResult]
) -> None:
    read = [result for result in results if result.change and result.change.readings is not None]
    if not read:
        return
    rows = [row for result in read for row in _reading_rows(result)]
    await connection.execute(resource_statement("stage_readings", resource))
    await copy_rows(connection, f"stage_{resource.name}_readings", rows)
    await connection.execute(resource_statement("upsert_readings", resource))
    ended = [result for result in read if result.change and not result.change.is_first]
    if ended:
        kept = [(*result.owner, identifier) for result in ended for identifier in _kept(result)]
        await connection.execute(
            resource_statement("end_readings", resource),
            *_columns([result.owner for result in ended], 2),
            *_columns(kept, 3),
        )


def _reading_rows(result: ScopeResult) -> Iterator[tuple[Any, ...]]:
    key = result.owner
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
    scopes = [result for result in results if result.change and not result.change.is_first]
    if not scopes:
        return
    rows = [
        (*result.owner, identifier, reason, int(_counts_as_agreement(result)))
        for result in scopes
        if result.change
        for identifier, reason in result.change.withheld.items()
    ]
    await connection.execute(
        statement("withhold"),
        resource.name,
        *_columns([result.owner for result in scopes], 2),
        *_columns(rows, 5),
    )


def _counts_as_agreement(result: ScopeResult) -> bool:
    """Only the verdict counts: an answer does not know yet of an incident of the fleet."""
    absence = result.absence
    return result.is_verdict and absence is not None and absence.counts_as_agreement


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """Rows as the arrays that statements take."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


def _count(result: ScopeResult, counts: dict[Key, dict[str, int]]) -> Counts:
    mine = counts.get(result.owner, {})
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
