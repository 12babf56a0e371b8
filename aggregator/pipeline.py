"""The story of a run: who is asked, in which order, what is written, and how it ends.

The only place that creates tasks: one for each admitted scope, and one that writes.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import TypeVar
from uuid import UUID

from aggregator import ledger
from aggregator.backpressure import ByteBudget, Hold
from aggregator.client import Caller
from aggregator.collect import Collector
from aggregator.database import Database
from aggregator.incident import AuthIncident, FleetIncident
from aggregator.model import Organization, Outcome
from aggregator.proof import Prover
from aggregator.resource import Resource
from aggregator.scope import OrganizationState, ScopeResult
from aggregator.summary import Summary
from aggregator.visit import Scope, Visit
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
MOST_READERS = 3
"""Keys that are tried to read what a deployment has in common."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a run is to do, and what it borrows for that; the caller opens and closes it all."""

    organizations: Sequence[Organization]
    resources: Sequence[Resource]
    database: Database
    collector: Collector
    prover: Prover
    caller: Callable[[Organization, Hold], Caller]
    """Whoever asks for a scope, within the limits of its organization and host."""
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
        self._first = [r for r in work.resources if r.needs is None and r.per == "organization"]
        self._later = [r for r in work.resources if r.needs is not None]
        planned = [*self._first, *self._later]
        self.summary = Summary(
            organizations=len(work.organizations),
            scopes=len(work.organizations) * len(planned),
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
            for resource in planned
        }
        self._complete: dict[str, dict[str, str | None]] = defaultdict(dict)
        """By resource the organizations of which it was read completely, with their ids."""
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
        order = await ledger.stalest_first(self._work.database, self._first)
        self._incident = AuthIncident(sum(stale.worked for stale in order))
        organizations = _stalest_first(
            self._work.organizations, [stale.organization for stale in order]
        )
        await self._collect_all(organizations, self._first)
        await self._collect_all(organizations, self._later)
        await self._each(self._deployments(organizations), self._collect_once)
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

    async def _collect_all(
        self, organizations: Sequence[Organization], resources: Sequence[Resource]
    ) -> None:
        """Collects these resources of all organizations, and waits until they are written."""
        await self._each(self._scopes(organizations, resources), self._collect)
        await self._each(self._confirmations(), self._collect_again)
        await self._writer.queue.join()

    async def _scopes(
        self, organizations: Sequence[Organization], resources: Sequence[Resource]
    ) -> AsyncIterator[Scope]:
        remaining = iter(organizations if resources else ())
        while chunk := list(islice(remaining, CHUNK)):
            names = [organization.name for organization in chunk]
            states = await ledger.load_states(self._work.database, names)
            for organization in chunk:
                visit = self._visit(organization, states.get(organization.name))
                for resource in resources:
                    yield self._scope(visit, resource)

    async def _confirmations(self) -> AsyncIterator[Scope]:
        """Scopes whose key was refused, as they were at the start; none in an auth incident."""
        refused, self._refused_keys = self._refused_keys, []
        visits: dict[str, Visit] = {}
        for scope, result in refused:
            if self._incident.active:
                await self._deliver(scope, result)
            else:
                visit = self._visit(scope.organization, scope.visit.state)
                again = self._scope(
                    visits.setdefault(scope.organization.name, visit), scope.resource
                )
                again.caller.tally, again.started_at = scope.tally, scope.started_at
                yield again

    async def _deployments(
        self, organizations: Sequence[Organization]
    ) -> AsyncIterator[tuple[Resource, list[Organization]]]:
        """What organizations of one host have in common, and whose keys may read it."""
        works = set().union(*self._complete.values())
        for resource in self._work.resources:
            if resource.per != "deployment" or self._incident.active:
                continue
            readers = await ledger.latest_readers(self._work.database, resource)
            candidates: dict[str, list[Organization]] = defaultdict(list)
            for organization in _first_those(organizations, readers):
                if organization.refusal is None and (
                    organization.name in works or not self._unaccounted
                ):
                    candidates[organization.deployment].append(organization)
            for some in candidates.values():
                yield resource, some[:MOST_READERS]

    async def _collect_once(self, work: tuple[Resource, list[Organization]]) -> None:
        """Collects a resource with the first key that may."""
        resource, candidates = work
        names = [organization.name for organization in candidates]
        states = await ledger.load_states(self._work.database, names)
        for organization in candidates:
            visit = self._visit(organization, states.get(organization.name))
            scope = self._scope(visit, resource)
            self.summary.scopes += 1
            result = await self._result(scope)
            await self._deliver(scope, result)
            if result.outcome in READ:
                return

    async def _collect(self, scope: Scope) -> None:
        result = await self._result(scope)
        self._incident.record(
            scope.organization.name,
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
                scope.resource.name,
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

    def _visit(self, organization: Organization, state: OrganizationState | None) -> Visit:
        """A visit that knows whose the key is where this run has proven it."""
        name = organization.name
        proven = (ids[name] for ids in self._complete.values() if ids.get(name))
        visit = Visit(organization, state or OrganizationState())
        visit.organization_id = next(proven, None)
        return visit

    def _scope(self, visit: Visit, resource: Resource) -> Scope:
        hold = Hold(self._work.budget)
        caller = self._work.caller(visit.organization, hold)
        return Scope(visit, resource, caller, hold, self._work.now())

    async def _result(self, scope: Scope) -> ScopeResult:
        organization, resource = scope.organization, scope.resource
        refusal = organization.refusal
        if refusal is not None:
            return self._not_tried(organization, resource, refusal.outcome, refusal.reason)
        if self._incident.active:
            return self._not_tried(organization, resource, Outcome.DEFERRED, NOT_TRIED)
        if resource.needs and organization.name not in self._complete[resource.needs]:
            reason = f"its {resource.needs} were not read completely"
            return self._not_tried(organization, resource, Outcome.DEFERRED, reason)
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
            for resource in (*self._first, *self._later)
            if organization.name in self._unaccounted[resource.name]
        ]

    def _written(self, results: Sequence[ScopeResult]) -> None:
        for result in results:
            result.release()
            self._unaccounted.get(result.resource.name, set()).discard(result.organization.name)
            if result.outcome is Outcome.COMPLETE:
                complete = self._complete[result.resource.name]
                complete[result.organization.name] = result.organization_id
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


def _first_those(organizations: Sequence[Organization], names: Sequence[str]) -> list[Organization]:
    """The named organizations in the order of their names' list, then the others as they were."""
    rank = {name: position for position, name in enumerate(names)}
    return sorted(organizations, key=lambda each: rank.get(each.name, len(rank)))
