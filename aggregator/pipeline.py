"""The story of a run: who is asked, in which order, what is written, and how it ends.

The only place that creates tasks: one for each admitted scope, and one that writes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import TypeVar
from uuid import UUID

from aggregator import ledger
from aggregator.backpressure import ByteBudget, Hold
from aggregator.client import Tally
from aggregator.collect import Collector
from aggregator.database import Database
from aggregator.incident import AuthIncident, FleetIncident
from aggregator.limits import OrganizationLimits
from aggregator.model import Organization, Outcome, Resource
from aggregator.proof import Prover
from aggregator.scope import OrganizationState, ScopeResult
from aggregator.summary import Summary
from aggregator.visit import Scope
from aggregator.writer import Writer

T = TypeVar("T")

log = logging.getLogger(__name__)

CHUNK = 256
"""Organizations whose state is loaded at once."""
SECONDS_TO_FINISH = 6.0
"""How long finished scopes may take to be committed after a signal."""
NOT_TRIED = "not tried: auth incident"
REFUSED = {Outcome.UNAUTHORIZED, Outcome.FORBIDDEN}
"""Outcomes that are tried once more at the end of the run: servers have bad moments too."""
READ = {Outcome.COMPLETE, Outcome.PARTIAL}


@dataclass(frozen=True, slots=True)
class Work:
    """What a run is to do, and what it borrows for that; the caller opens and closes it all."""

    organizations: Sequence[Organization]
    resources: Sequence[Resource]
    database: Database
    collector: Collector
    prover: Prover
    limits: Callable[[Organization], OrganizationLimits]
    """The limits of an organization, below those of its host."""
    give_up: Callable[[str], None]
    """Stops all asking, for the reason given."""
    budget: ByteBudget
    run_id: UUID
    generation: int
    plan_version: str | None
    configured: frozenset[str] | None
    """Names of the whole configuration, to which a plan has to limit the ledger's; None: it does
    not say them all."""
    most_admitted: int
    """Scopes at a time; more than requests in flight, so that waiting ones hold up no others."""
    now: Callable[[], datetime]


class Run:
    """One run over ``work``; ``summary`` grows while it goes on."""

    def __init__(self, work: Work, on_progress: Callable[[], None]) -> None:
        self._work = work
        self._on_progress = on_progress
        self.summary = Summary(
            organizations=len(work.organizations),
            scopes=len(work.organizations) * len(work.resources),
        )
        self.cancelled = False
        self._stop = asyncio.Event()
        self._incident = AuthIncident(0)
        self._fleet = FleetIncident(len(work.organizations))
        self._refused_keys: list[tuple[Scope, ScopeResult]] = []
        self._with_absence: dict[tuple[str, str], Scope] = {}
        self._unproven: list[tuple[Scope, ScopeResult]] = []
        self._unaccounted = {
            resource.name: {organization.name for organization in work.organizations}
            for resource in work.resources
        }
        self._writer = Writer(
            work.database,
            work.run_id,
            work.generation,
            written=self._written,
            plan_version=work.plan_version,
            configured=work.configured,
        )

    def stop(self) -> None:
        """Nothing new starts; what is finished is committed, the rest is ``cancelled``."""
        self.cancelled = True
        self._stop.set()

    async def execute(self) -> None:
        """Collects and writes every scope; raises ``RunError`` where the run cannot go on."""
        writing = asyncio.create_task(self._writer.run())
        fetching = asyncio.create_task(self._fetch())
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
        ending = asyncio.create_task(self._writer.queue.put(None))
        try:
            await asyncio.wait({ending, writing}, return_when=asyncio.FIRST_COMPLETED)
            await writing
        finally:
            ending.cancel()
        rest = self._rest("the run was stopped")
        if rest:
            self._written(await self._writer.write(rest))

    # Fetching

    async def _fetch(self) -> None:
        order = await ledger.stalest_first(self._work.database, self._work.resources)
        self._incident = AuthIncident(sum(stale.worked for stale in order))
        await self._each(self._scopes([stale.organization for stale in order]), self._collect)
        await self._each(self._confirmations(), self._collect_again)
        await self._writer.queue.join()
        if headline := self._incident.headline or self._fleet.headline:
            self.summary.headlines.append(headline)
        else:
            await self._each(self._absences(), self._prove)

    async def _each(
        self, items: AsyncIterator[T], handle: Callable[[T], Coroutine[None, None, None]]
    ) -> None:
        """One task for each item, in order, with a bounded number of them at a time."""
        admission = asyncio.Semaphore(self._work.most_admitted)
        try:
            async with asyncio.TaskGroup() as tasks:
                async for item in items:
                    await admission.acquire()
                    task = tasks.create_task(handle(item))
                    task.add_done_callback(lambda _: admission.release())
        except ExceptionGroup as group:
            raise group.exceptions[0] from None  # callers tell errors apart by their type

    async def _scopes(self, order: Sequence[str]) -> AsyncIterator[Scope]:
        organizations = iter(_stalest_first(self._work.organizations, order))
        while chunk := list(islice(organizations, CHUNK)):
            names = [organization.name for organization in chunk]
            states = await ledger.load_states(self._work.database, names)
            for organization in chunk:
                state = states.get(organization.name) or OrganizationState()
                for resource in self._work.resources:
                    yield self._scope(organization, resource, state)

    async def _confirmations(self) -> AsyncIterator[Scope]:
        """Scopes whose key was refused, as they were at the start; none in an auth incident."""
        for scope, result in self._refused_keys:
            if self._incident.active:
                await self._deliver(scope, result)
            else:
                again = self._scope(scope.organization, scope.resource, scope.state)
                again.tally, again.started_at = scope.tally, scope.started_at
                yield again

    async def _collect(self, scope: Scope) -> None:
        result = await self._result(scope)
        self._incident.record(
            worked_before=scope.worked_before,
            unauthorized=result.outcome is Outcome.UNAUTHORIZED,
        )
        if self._incident.active:
            self._work.give_up(NOT_TRIED)
        if result.outcome in REFUSED:
            self._refused_keys.append((scope, result))
        else:
            await self._deliver(scope, result)

    async def _collect_again(self, scope: Scope) -> None:
        await self._deliver(scope, await self._result(scope))

    async def _deliver(self, scope: Scope, result: ScopeResult) -> None:
        """Hands a scope's result to the writer, and notes what the end of the run depends on."""
        if scope.worked_before:
            self._fleet.record(
                scope.organization.name,
                emptied=result.outcome in READ
                and result.counts.seen == 0
                and scope.known.answered > 0,
                refused=result.outcome in REFUSED,
            )
        if result.absence is not None:
            self._with_absence[scope.organization.name, scope.resource.name] = scope
        await self._writer.queue.put(result)

    async def _absences(self) -> AsyncIterator[tuple[Scope, ScopeResult]]:
        for scope, result in self._unproven:
            yield scope, result

    async def _prove(self, unproven: tuple[Scope, ScopeResult]) -> None:
        scope, result = unproven
        if result.absence is not None:
            verdict = await self._work.prover.prove(scope, result, result.absence)
            await self._writer.queue.put(verdict)

    def _scope(
        self, organization: Organization, resource: Resource, state: OrganizationState
    ) -> Scope:
        limits = self._work.limits(organization)
        hold = Hold(self._work.budget)
        return Scope(organization, resource, state, limits, self._work.now(), Tally(), hold)

    async def _result(self, scope: Scope) -> ScopeResult:
        refusal = scope.organization.refusal
        if refusal is not None:
            return self._not_tried(
                scope.organization, scope.resource, refusal.outcome, refusal.reason
            )
        if self._incident.active:
            return self._not_tried(scope.organization, scope.resource, Outcome.DEFERRED, NOT_TRIED)
        return await self._work.collector.collect(scope)

    # Accounting

    def give_up(self) -> list[ScopeResult]:
        """Counts scopes that ``execute`` could not account for as cancelled, and gives them."""
        rest = self._rest("the run ended before this was written")
        self._written(rest)
        return rest

    def _rest(self, reason: str) -> list[ScopeResult]:
        return [
            self._not_tried(organization, resource, Outcome.CANCELLED, reason)
            for organization in self._work.organizations
            for resource in self._work.resources
            if organization.name in self._unaccounted[resource.name]
        ]

    def _written(self, results: Sequence[ScopeResult]) -> None:
        for result in results:
            result.release()
            self._unaccounted[result.resource.name].discard(result.organization.name)
            self._note_absence(result)
        self.summary.add(results)
        self._on_progress()

    def _note_absence(self, result: ScopeResult) -> None:
        """Remembers a written result whose absent rows are to be judged, without its records."""
        scope = self._with_absence.pop((result.organization.name, result.resource.name), None)
        absence = result.absence
        if scope and absence and (absence.candidates or absence.counts_as_agreement):
            slim = replace(result, change=None, identity=None, rejections=(), shape=None)
            self._unproven.append((scope, slim))

    def _not_tried(
        self, organization: Organization, resource: Resource, outcome: Outcome, reason: str
    ) -> ScopeResult:
        now = self._work.now()
        return ScopeResult(
            organization, resource, outcome, started_at=now, finished_at=now, error=reason
        )


def _stalest_first(
    organizations: Iterable[Organization], order: Sequence[str]
) -> list[Organization]:
    """New organizations first, then in the given order, so that a run cut short still converges."""
    rank = {name: position for position, name in enumerate(order)}
    return sorted(organizations, key=lambda organization: rank.get(organization.name, -1))
