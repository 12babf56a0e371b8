"""The stages of a run: lists first, then what is asked connection by connection, then what
organizations have in common, and last the proof of what is gone.

One task for each scope, a bounded number of them at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import TypeVar

from aggregator import ledger
from aggregator.agenda import Agenda, Work, by_connection_of, lists_of, stalest_first
from aggregator.books import Books
from aggregator.incident import AuthIncident, FleetIncident
from aggregator.model import Organization, Outcome
from aggregator.resource import Resource
from aggregator.scope import ScopeResult
from aggregator.visit import Scope, Visit
from aggregator.writer import Writer

T = TypeVar("T")

NOT_TRIED = "not tried: auth incident"
REFUSED = {Outcome.UNAUTHORIZED, Outcome.FORBIDDEN}
"""Outcomes that are tried once more at the end of the stage: servers have bad moments too."""
READ = {Outcome.COMPLETE, Outcome.PARTIAL}


class Stages:
    """Collects the resources of ``work`` and hands every result to ``writer``.

    A stage begins when all of the one before is written and recorded in ``books``.
    """

    def __init__(self, work: Work, books: Books, writer: Writer) -> None:
        self._work = work
        self._books = books
        self._agenda = Agenda(work, books)
        self._writer = writer
        self._incident = AuthIncident(0)
        self._worked: frozenset[str] = frozenset()
        """Organizations whose keys worked in their last attempts; one that was refused then is no
        news, whichever of its lists were complete before."""
        self._fleet = FleetIncident(len(work.organizations))
        self._refused_keys: list[tuple[Scope, ScopeResult]] = []

    async def go_through(self) -> None:
        """Returns when everything is read and judged; raises what a stage cannot survive."""
        lists = lists_of(self._work.resources)
        order = await ledger.stalest_first(self._work.database, lists)
        asked = {each.name for each in self._work.organizations if each.refusal is None}
        self._worked = frozenset(each.organization for each in order if each.worked) & asked
        self._incident = AuthIncident(len(self._worked))
        organizations = stalest_first(
            self._work.organizations, [stale.organization for stale in order]
        )
        await self._collect_all(organizations, lists)
        await self._collect_all(organizations, by_connection_of(self._work.resources))
        if not self._incident.active:
            await self._each(self._agenda.deployments(organizations), self._collect_once)
        await self._writer.drain()
        if headline := self._incident.headline or self._fleet.headline:
            self._books.summary.headlines.append(headline)
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
        await self._each(self._agenda.scopes(organizations, resources), self._collect)
        await self._each(self._confirmations(), self._collect_again)
        await self._writer.drain()

    async def _confirmations(self) -> AsyncIterator[Scope]:
        """Scopes whose key was refused, as they were at the start; none in an auth incident."""
        refused, self._refused_keys = self._refused_keys, []
        visits: dict[str, Visit] = {}
        for scope, result in refused:
            if self._incident.active:
                await self._deliver(scope, result)
            else:
                visit = self._agenda.visit(scope.organization, scope.visit.state)
                again = self._agenda.scope(
                    visits.setdefault(scope.organization.name, visit), scope.resource
                )
                again.caller.tally, again.started_at = scope.tally, scope.started_at
                yield again

    async def _collect_once(self, work: tuple[Resource, list[Organization]]) -> None:
        """Collects a resource with the first key that may."""
        resource, candidates = work
        names = [organization.name for organization in candidates]
        states = await ledger.load_states(self._work.database, names)
        for organization in candidates:
            visit = self._agenda.visit(organization, states.get(organization.name))
            scope = self._agenda.scope(visit, resource)
            self._books.summary.scopes += 1
            result = await self._result(scope)
            await self._deliver(scope, result)
            if result.outcome in READ:
                return

    async def _collect(self, scope: Scope) -> None:
        result = await self._result(scope)
        self._incident.record(
            scope.organization.name,
            worked_before=scope.worked_before and scope.organization.name in self._worked,
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
            self._books.await_proof(scope)
        await self._writer.put(result)

    async def _absences(self) -> AsyncIterator[tuple[Scope, ScopeResult]]:
        for scope, result in self._books.unproven:
            yield scope, result

    async def _prove(self, unproven: tuple[Scope, ScopeResult]) -> None:
        scope, result = unproven
        if result.absence is not None:
            verdict = await self._work.prover.prove(scope, result, result.absence)
            await self._writer.put(verdict)

    async def _result(self, scope: Scope) -> ScopeResult:
        organization, resource = scope.organization, scope.resource
        refusal = organization.refusal
        if refusal is not None:
            return self._not_tried(scope, refusal.outcome, refusal.reason)
        if self._incident.active:
            return self._not_tried(scope, Outcome.DEFERRED, NOT_TRIED)
        if resource.needs and organization.name not in self._books.complete(resource.needs):
            reason = f"its {resource.needs} were not read completely"
            return self._not_tried(scope, Outcome.DEFERRED, reason)
        return await self._work.collector.collect(scope)

    def _not_tried(self, scope: Scope, outcome: Outcome, reason: str) -> ScopeResult:
        whose = (scope.organization, scope.resource)
        return ScopeResult.not_tried(whose, outcome, reason, self._work.now())
