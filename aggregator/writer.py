"""Groups finished scopes into bounded transactions.

A batch that is refused is written scope by scope, so that only the offender fails; of it
``isolation`` saves what can be stored.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from uuid import UUID

from aggregator import commit, roster, runs
from aggregator.database import Database
from aggregator.errors import DatabaseError, RefusedDataError, TransientDatabaseError
from aggregator.isolation import Isolation, failed_result
from aggregator.refusals import LOCK_NOT_AVAILABLE
from aggregator.scope import ScopeResult

if TYPE_CHECKING:
    from aggregator.database import Connection

log = logging.getLogger(__name__)

BATCH_ROWS = 4_000
BATCH_SCOPES = 400
BATCH_SECONDS = 0.25
QUEUED_SCOPES = 64
ATTEMPTS = 4
LOCKED_SCOPES = 3


class _RolledBack(Exception):  # noqa: N818 (a way out of a transaction, not an error)
    """Leaves a transaction without its effects."""


class Writer:
    """Writes the results that are ``put`` while it runs; hands what it wrote to ``written``.

    With ``plan_version`` nothing is committed: every transaction is rolled back after it counted,
    on a run of its own that exists only inside it. There ``configured`` are the names of the whole
    configuration: a run has told the ledger at its start who is no longer in it, a plan has not.
    """

    def __init__(  # noqa: PLR0913 (what the results of a run share)
        self,
        database: Database,
        run_id: UUID,
        generation: int,
        *,
        written: Callable[[Sequence[ScopeResult]], None],
        plan_version: str | None = None,
        configured: frozenset[str] | None = None,
    ) -> None:
        self._queue: asyncio.Queue[ScopeResult | None] = asyncio.Queue(QUEUED_SCOPES)
        self._database = database
        self._run_id = run_id
        self._generation = generation
        self._written = written
        self._plan_version = plan_version
        self._configured = configured

    async def put(self, result: ScopeResult) -> None:
        """Waits while too many results are."""
        await self._queue.put(result)

    async def drain(self) -> None:
        """Returns when everything is written; nobody puts anything in the meantime."""
        await self._queue.put(None)
        await self._queue.join()

    async def run(self) -> None:
        """Until it is cancelled; raises ``DatabaseError`` when nothing can be written at all."""
        while True:
            taken = await self._take()
            batch = [result for result in taken if result is not None]
            if batch:
                self._written(await self.write(batch))
            for _ in taken:
                self._queue.task_done()

    async def _take(self) -> list[ScopeResult | None]:
        """The results of one transaction; the last is None where no more is to come."""
        taken = [await self._queue.get()]
        rows = _rows(taken[0])
        until = asyncio.get_running_loop().time() + BATCH_SECONDS
        while taken[-1] is not None and rows < BATCH_ROWS and len(taken) < BATCH_SCOPES:
            try:
                # Only who has to wait pays for a timer.
                async with asyncio.timeout_at(until if self._queue.empty() else None):
                    taken.append(await self._queue.get())
            except TimeoutError:
                break
            rows += _rows(taken[-1])
        return taken

    async def write(self, batch: Sequence[ScopeResult]) -> list[ScopeResult]:
        """Writes results now and gives them back with what was really written of each."""
        try:
            return await self._commit_patiently(batch)
        except RefusedDataError as error:
            if len(batch) == 1:
                return [await self._write_without_refused(batch[0], error)]
        except TransientDatabaseError as error:
            if error.sqlstate != LOCK_NOT_AVAILABLE:
                raise
            return await self._write_around_locks(batch, error)
        results = []
        for result in batch:
            results += await self.write([result])
        return results

    async def _commit_patiently(
        self, batch: Sequence[ScopeResult], attempts: int = ATTEMPTS
    ) -> list[ScopeResult]:
        """Commits once: where the end of a commit was not seen, the ledger tells it (fault G2)."""
        was_tried = False

        async def act() -> list[ScopeResult]:
            nonlocal was_tried
            again, was_tried = was_tried, True
            return await self._commit(batch, again=again)

        return await self._database.patiently(act, attempts=attempts)

    async def _commit(self, batch: Sequence[ScopeResult], *, again: bool) -> list[ScopeResult]:
        """The transaction of everything: inventory, state of the scopes, ledger."""
        keep = self._plan_version is None
        recorded: list[ScopeResult] = []
        async with self._transaction(batch, keep=keep) as (connection, generation):
            if again:
                recorded, batch = await runs.split_recorded(connection, self._run_id, batch)
            results = await commit.write(connection, batch, generation, is_plan=not keep)
            await runs.record(connection, self._run_id, results)
        return recorded + results

    @asynccontextmanager
    async def _transaction(
        self, batch: Sequence[ScopeResult], *, keep: bool
    ) -> AsyncIterator[tuple[Connection, int]]:
        """A transaction that is rolled back in the end unless it is to ``keep``; the generation."""
        with suppress(_RolledBack):
            async with self._database.transaction() as connection:
                generation = self._generation
                if self._plan_version is not None:
                    organizations = {each.organization.name: each.organization for each in batch}
                    await roster.register(connection, organizations.values(), forget=False)
                    if self._configured is not None:
                        await roster.forget_others(connection, self._configured)
                    generation = await runs.begin(
                        connection, self._run_id, self._plan_version, _planned(batch)
                    )
                yield connection, generation
                if not keep:
                    raise _RolledBack

    async def _write_around_locks(
        self, batch: Sequence[ScopeResult], error: DatabaseError
    ) -> list[ScopeResult]:
        """Writes the scopes that nobody's lock keeps us from, and fails the others (fault F5).

        After ``LOCKED_SCOPES`` in a row a whole table is taken to be locked.
        """
        written: list[ScopeResult] = []
        locked: list[ScopeResult] = []
        in_a_row = 0
        for result in batch:
            if len(batch) == 1 or in_a_row == LOCKED_SCOPES:
                locked.append(result)
                continue
            try:
                written += await self._commit_patiently([result], attempts=1)
                in_a_row = 0
            except RefusedDataError as refused:
                written.append(await self._write_without_refused(result, refused))
                in_a_row = 0
            except TransientDatabaseError as again:
                if again.sqlstate != LOCK_NOT_AVAILABLE:
                    raise
                locked.append(result)
                in_a_row += 1
        if not locked:
            return written
        failed = [failed_result(result, f"somebody holds a lock: {error}") for result in locked]
        try:
            return written + await self._commit_patiently(failed, attempts=1)
        except TransientDatabaseError as again:
            if again.sqlstate != LOCK_NOT_AVAILABLE:
                raise
        # Not even their state can be noted: they keep it, and the run's own rows say what happened.
        await self._database.patiently(lambda: self._record(failed))
        return written + failed

    async def _record(self, results: Sequence[ScopeResult]) -> None:
        async with self._transaction(results, keep=self._plan_version is None) as (connection, _):
            await runs.record(connection, self._run_id, results)

    async def _write_without_refused(
        self, result: ScopeResult, error: RefusedDataError
    ) -> ScopeResult:
        isolation = Isolation(self._commit_one, self._probe)
        return await isolation.write(result, error)

    async def _commit_one(self, result: ScopeResult) -> ScopeResult:
        [written] = await self._commit_patiently([result])
        return written

    async def _probe(self, result: ScopeResult) -> None:
        """Writes and rolls back; raises ``RefusedDataError`` for what the database refuses."""

        async def act() -> None:
            async with self._transaction([result], keep=False) as (connection, generation):
                await commit.write(connection, [result], generation)

        await self._database.patiently(act, attempts=ATTEMPTS)


def _rows(result: ScopeResult | None) -> int:
    if result is None or result.change is None:
        return 0
    return len(result.change.records) + len(result.change.readings or ())


def _planned(batch: Sequence[ScopeResult]) -> dict[str, list[str]]:
    planned: dict[str, list[str]] = {}
    for result in batch:
        planned.setdefault(result.resource.name, []).append(result.organization.name)
    return planned
