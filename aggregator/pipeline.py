"""The story of a run: reading, writing beside it, and how both end.

``stages`` creates the tasks that read, one for each admitted scope; here is the one that writes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from aggregator.agenda import Work, by_connection_of, lists_of
from aggregator.books import Books
from aggregator.model import Outcome
from aggregator.scope import ScopeResult
from aggregator.stages import Stages
from aggregator.summary import Summary
from aggregator.writer import Writer

log = logging.getLogger(__name__)

SECONDS_TO_FINISH = 6.0
"""How long finished scopes may take to be committed after a signal."""


class Run:
    """One run over ``work``; its summary grows while it goes on."""

    def __init__(self, work: Work, on_progress: Callable[[], None]) -> None:
        self._work = work
        self._on_progress = on_progress
        self._books = Books(
            work.organizations, [*lists_of(work.resources), *by_connection_of(work.resources)]
        )
        self.cancelled = False
        self._stop = asyncio.Event()
        self._writer = Writer(
            work.database,
            work.run_id,
            work.generation,
            written=self._written,
            plan_version=work.plan_version,
            configured=work.configured,
        )
        self._stages = Stages(work, self._books, self._writer)

    @property
    def summary(self) -> Summary:
        return self._books.summary

    def stop(self) -> None:
        """Nothing new starts; what is finished is committed, the rest is ``cancelled``."""
        self.cancelled = True
        self._stop.set()

    async def execute(self) -> None:
        """Collects and writes every scope; raises ``RunError`` where the run cannot go on."""
        writing = asyncio.create_task(self._writer.run())
        fetching = asyncio.create_task(self._stages.go_through())
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({writing, fetching, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if writing.done():
                writing.result()
            if fetching.done():
                fetching.result()
            else:
                fetching.cancel()
                await asyncio.wait({fetching})
            try:
                async with asyncio.timeout(SECONDS_TO_FINISH if self.cancelled else None):
                    await self._finish_writing(writing)
            except TimeoutError:
                log.warning("run.not_drained", extra={"seconds": SECONDS_TO_FINISH})
        finally:
            tasks = (writing, fetching, stopping)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _finish_writing(self, writing: asyncio.Task[None]) -> None:
        """Lets the writer write what is finished, then accounts for what is not."""
        draining = asyncio.create_task(self._writer.drain())
        try:
            await asyncio.wait({draining, writing}, return_when=asyncio.FIRST_COMPLETED)
            if writing.done():
                writing.result()
        finally:
            draining.cancel()
        rest = self._rest("the run was stopped")
        if rest:
            self._written(await self._writer.write(rest))

    def give_up(self) -> list[ScopeResult]:
        """Counts scopes that ``execute`` could not account for as cancelled, and gives them."""
        rest = self._rest("the run ended before this was written")
        self._written(rest)
        return rest

    def _rest(self, reason: str) -> list[ScopeResult]:
        now = self._work.now()
        return [
            ScopeResult.not_tried(whose, Outcome.CANCELLED, reason, now)
            for whose in self._books.rest()
        ]

    def _written(self, results: Sequence[ScopeResult]) -> None:
        self._books.record(results)
        self._on_progress()
