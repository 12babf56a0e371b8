"""The ledger: that a run began, how each of its scopes ended, how it ended itself; and its lock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from aggregator.database import Database
from aggregator.errors import ActiveRunError, DatabaseError
from aggregator.lease import Lease
from aggregator.model import Counts, Outcome
from aggregator.scope import ScopeResult
from aggregator.sql import statement

if TYPE_CHECKING:
    from aggregator.database import Connection


@asynccontextmanager
async def run_lock(database: Database, run_id: UUID) -> AsyncIterator[None]:
    """Keeps every other run on this database out while the block runs.

    Every transaction in the block asks first whether the lock is still ours, and raises
    ``LeaseLostError`` where it is not and cannot be had again.

    Raises ``ActiveRunError`` at once where another run has it.
    """
    lease = Lease(database, run_id)
    if not await lease.take():
        raise ActiveRunError(await _describe_active(database))
    heart = asyncio.create_task(lease.beat())
    try:
        with database.fenced(lease.check):
            yield
    finally:
        heart.cancel()
        await asyncio.wait({heart})
        await lease.release()


async def _describe_active(database: Database) -> str:
    with suppress(DatabaseError):
        rows = await database.fetch(statement("active_run"))
        if rows:
            return f"run {rows[0]['run_id']} is active since {rows[0]['started_at']:%F %T} UTC"
    return "another run is active"


async def begin(
    connection: Connection, run_id: UUID, version: str, planned: Mapping[str, Sequence[str]]
) -> int:
    """Opens a run over ``planned`` (organizations by resource) and gives its generation."""
    generation = await connection.fetchval(
        statement("begin_run"), run_id, version, orjson.dumps(planned).decode()
    )
    return int(generation)


async def close_abandoned(connection: Connection, run_id: UUID) -> list[UUID]:
    """Closes the books of runs that died; only for who holds the run lock."""
    await connection.execute(statement("lock_abandoned"), run_id)
    rows = await connection.fetch(statement("close_abandoned"), run_id)
    return [row["run_id"] for row in rows]


async def record(connection: Connection, run_id: UUID, results: Sequence[ScopeResult]) -> None:
    """One row for each scope that ended, with its rejected records; a verdict adds to its row."""
    verdicts = [_verdict_row(result) for result in results if result.is_verdict]
    if verdicts:
        await connection.execute(statement("amend_scopes"), run_id, orjson.dumps(verdicts).decode())
    results = [result for result in results if not result.is_verdict]
    rows = [
        {
            "organization": result.organization.name,
            "resource": result.resource.name,
            "organization_id": result.organization_id,
            "outcome": result.outcome,
            "error": result.error,
            "http_status": result.http_status,
            "requests": result.requests,
            "retries": result.retries,
            "waited_seconds": round(result.waited_seconds, 3),
            "started_at": result.started_at,
            "finished_at": result.finished_at,
            "request_id": result.request_id,
            **result.counts.as_dict(),
        }
        for result in results
    ]
    await connection.execute(statement("record_scopes"), run_id, orjson.dumps(rows).decode())
    rejected = [
        (result.organization.name, result.resource.name, r.record_id, r.reason, r.record)
        for result in results
        for r in result.rejections
    ]
    if rejected:
        columns = [list(column) for column in zip(*rejected, strict=True)]
        await connection.execute(statement("record_rejections"), run_id, *columns)


async def split_recorded(
    connection: Connection, run_id: UUID, results: Sequence[ScopeResult]
) -> tuple[list[ScopeResult], list[ScopeResult]]:
    """Which of the results the ledger has, as it has them, and which it has not.

    For a transaction of which nobody knows whether it was committed.
    """
    rows = await connection.fetch(
        statement("load_recorded"), run_id, [result.organization.name for result in results]
    )
    found = {(row["organization"], row["resource"], row["finished_at"]): row for row in rows}
    recorded, others = [], []
    for result in results:
        row = found.get((result.organization.name, result.resource.name, result.finished_at))
        if row is None:
            others.append(result)
        elif result.is_verdict:  # its row has what both results came to
            removed = len(result.change.removed) if result.change else 0
            recorded.append(replace(result, counts=replace(result.counts, removed=removed)))
        else:
            counts = Counts(**{field.name: row[field.name] for field in fields(Counts)})
            outcome = Outcome(row["outcome"])
            recorded.append(replace(result, outcome=outcome, error=row["error"], counts=counts))
    return recorded, others


def _verdict_row(result: ScopeResult) -> dict[str, Any]:
    return {
        "organization": result.organization.name,
        "resource": result.resource.name,
        "requests": result.requests,
        "retries": result.retries,
        "waited_seconds": round(result.waited_seconds, 3),
        "walk_races": result.walk_races,
        "finished_at": result.finished_at,
        **result.counts.as_dict(),
    }


async def finish(connection: Connection, run_id: UUID, summary: Mapping[str, Any]) -> None:
    """Closes a run; does nothing where it is closed already."""
    await connection.execute(statement("finish_run"), run_id, orjson.dumps(dict(summary)).decode())
