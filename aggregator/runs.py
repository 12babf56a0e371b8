"""The ledger: that a run began, how each of its scopes ended, how it ended itself; and its lock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from aggregator.database import Database
from aggregator.errors import ActiveRunError, DatabaseError
from aggregator.scope import ScopeResult
from aggregator.sql import statement

if TYPE_CHECKING:
    from aggregator.database import Connection

HEARTBEAT_SECONDS = 10
LEASE = "60s"


@asynccontextmanager
async def run_lock(database: Database) -> AsyncIterator[None]:
    """Keeps every other run on this database out while the block runs.

    The lock belongs to a transaction that stays open, so that it holds behind a transaction-mode
    pooler too, and the server frees it at once when this process dies, and after ``LEASE`` when it
    is frozen. Losing the lock does not stop the run: generations keep every row correct without it.

    Raises ``ActiveRunError`` at once where another run has it.
    """
    failure: BaseException | None = None
    async with database.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        heart: asyncio.Task[None] | None = None
        try:
            await connection.execute(f"set local idle_in_transaction_session_timeout = '{LEASE}'")
            if not await connection.fetch(statement("take_run_lock")):
                raise ActiveRunError(await _describe_active(database))
            heart = asyncio.create_task(_beat(connection))
            try:
                yield
            except BaseException as error:  # noqa: BLE001 (raised below, where nobody takes it for an error of this connection)
                failure = error
        finally:
            if heart is not None:
                heart.cancel()
                with suppress(asyncio.CancelledError):
                    await heart
            with suppress(Exception):
                await transaction.rollback()
    if failure is not None:
        raise failure


async def _beat(connection: Connection) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        try:
            await connection.execute("select 1")
        except Exception:  # noqa: BLE001 (a lost lock is survivable; the store notices a lost database)
            return


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
