"""Whom a run asks for what, and in which order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from uuid import UUID

from aggregator import ledger
from aggregator.backpressure import ByteBudget, Hold
from aggregator.books import Books
from aggregator.client import Caller
from aggregator.collect import Collector
from aggregator.database import Database
from aggregator.model import Organization
from aggregator.proof import Prover
from aggregator.resource import Resource
from aggregator.scope import OrganizationState
from aggregator.visit import Scope, Visit

CHUNK = 256
"""Organizations whose state is loaded at once."""
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


class Agenda:
    """The scopes of ``work``, made when it is their turn; what ``books`` knows goes into them."""

    def __init__(self, work: Work, books: Books) -> None:
        self._work = work
        self._books = books

    async def scopes(
        self, organizations: Sequence[Organization], resources: Sequence[Resource]
    ) -> AsyncIterator[Scope]:
        """One for each organization and resource; a chunk's state is loaded when it is reached."""
        remaining = iter(organizations if resources else ())
        while chunk := list(islice(remaining, CHUNK)):
            names = [organization.name for organization in chunk]
            states = await ledger.load_states(self._work.database, names)
            for organization in chunk:
                visit = self.visit(organization, states.get(organization.name))
                for resource in resources:
                    yield self.scope(visit, resource)

    async def deployments(
        self, organizations: Sequence[Organization]
    ) -> AsyncIterator[tuple[Resource, list[Organization]]]:
        """What organizations of one host have in common, and whose keys may read it."""
        for resource in self._work.resources:
            if resource.per != "deployment":
                continue
            readers = await ledger.latest_readers(self._work.database, resource)
            candidates: dict[str, list[Organization]] = defaultdict(list)
            for organization in _first_those(organizations, readers):
                if organization.refusal is None and self._books.works(organization.name):
                    candidates[organization.deployment].append(organization)
            for some in candidates.values():
                yield resource, some[:MOST_READERS]

    def visit(self, organization: Organization, state: OrganizationState | None) -> Visit:
        visit = Visit(organization, state or OrganizationState())
        visit.organization_id = self._books.id_of(organization.name)
        return visit

    def scope(self, visit: Visit, resource: Resource) -> Scope:
        hold = Hold(self._work.budget)
        caller = self._work.caller(visit.organization, hold)
        return Scope(visit, resource, caller, hold, self._work.now())


def lists_of(resources: Iterable[Resource]) -> list[Resource]:
    """Those that are read as a whole of each organization."""
    return [r for r in resources if r.needs is None and r.per == "organization"]


def by_connection_of(resources: Iterable[Resource]) -> list[Resource]:
    """Those that need another one read first."""
    return [r for r in resources if r.needs is not None]


def stalest_first(
    organizations: Iterable[Organization], order: Sequence[str]
) -> list[Organization]:
    """New organizations first, then in the given order, so that a run cut short still converges."""
    rank = {name: position for position, name in enumerate(order)}
    return sorted(organizations, key=lambda organization: rank.get(organization.name, -1))


def _first_those(organizations: Sequence[Organization], names: Sequence[str]) -> list[Organization]:
    """The named organizations in the order of their names' list, then the others as they were."""
    rank = {name: position for position, name in enumerate(names)}
    return sorted(organizations, key=lambda each: rank.get(each.name, len(rank)))
