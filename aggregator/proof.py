"""Proves that rows are gone: reads them by id, and beside them one that must still read.

A list that lacks a row is no proof: edits race with it, and a key may see less than before. A row
is gone where its own address answers 404 while a row of the same answer still reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from aggregator import api, diff
from aggregator.client import Client, Tally
from aggregator.errors import ScopeError
from aggregator.model import Counts, Outcome, Record, Rejection
from aggregator.schemas import Schemas
from aggregator.scope import UNPROVEN, Absence, Change, Digests, ScopeResult
from aggregator.visit import Scope

HIDDEN = "rows that the answer does contain cannot be read by id either"

ODD_ID = "it answers 404, which is no proof for an id that addresses need escapes for"
A_PAGE = "it answers 404 with a page for people, which is not the API's"
CHANGED = "what the key may see changed while its rows were read by id"

_HIDING = {Outcome.NOT_FOUND, Outcome.FORBIDDEN}
"""Servers also answer so about what the caller may not see."""
_NOT_SHOWING = {Outcome.BAD_PAYLOAD, Outcome.REDIRECTED, Outcome.UPSTREAM_ERROR}
"""Some answer so forever about what is gone, and some for a moment about anything."""
_GO_ON_AFTER = {Outcome.COMPLETE, Outcome.NOT_FOUND, Outcome.BAD_PAYLOAD, Outcome.TOO_LARGE}
"""What a read may come to without a doubt about the next one."""
_WORTH_A_NEIGHBOR = _NOT_SHOWING | {Outcome.NOT_FOUND}
_GO_ON_BESIDE_NEIGHBOR = {Outcome.FORBIDDEN, Outcome.REDIRECTED, Outcome.UPSTREAM_ERROR}
"""The same where a neighbor still reads: else one such row would keep all others for ever."""


NEIGHBOR_EVERY = 20
"""Looks after which a neighbor is looked at again: so much is lost where the run ends early."""


class Look(NamedTuple):
    """What one read by id came to: ``complete`` with the record, or else why there is none."""

    outcome: Outcome
    message: str = ""
    record: Record | None = None


class Verdict(NamedTuple):
    """What becomes of a scope's absent rows: each is in one of the three."""

    removed: tuple[str, ...]
    raced: tuple[Record, ...]
    """Rows that exist: the list was read while somebody edited."""
    kept: dict[str, str]
    """Rows of which nothing is proven, with the reason."""


def judge(absence: Absence, looks: Mapping[str, Look], neighbor: Look | None) -> Verdict:
    """``looks`` by id, as far as was looked; ``neighbor``: the last look at it, if there is one.

    What a person accepted goes also where the neighbor cannot be read, unless it is there; and
    where the neighbor can be, whatever the server makes of an address that is not in use.
    """
    hidden = neighbor is not None and neighbor.outcome is not Outcome.COMPLETE
    vouched = neighbor is not None and not hidden
    removed, raced, kept = [], [], dict(absence.withheld)
    for identifier in absence.candidates:
        accepted = identifier in absence.accepted
        look = looks.get(identifier, Look(Outcome.DEFERRED))
        if look.record is not None:
            raced.append(look.record)
        elif accepted and (look.outcome in _HIDING or (vouched and look.outcome in _NOT_SHOWING)):
            removed.append(identifier)
        elif look.outcome is Outcome.NOT_FOUND and hidden:
            kept[identifier] = HIDDEN
        elif look.outcome is Outcome.NOT_FOUND and not api.is_plain(identifier):
            kept[identifier] = ODD_ID
        elif look.outcome is Outcome.NOT_FOUND:
            removed.append(identifier)
        else:
            kept[identifier] = look.message or UNPROVEN
    return Verdict(tuple(removed), tuple(raced), kept)


def _without_proof(verdict: Verdict, absence: Absence) -> Verdict:
    """The verdict where 404 may mean that a row is hidden: only what a person accepted goes."""
    removed = tuple(key for key in verdict.removed if key in absence.accepted)
    doubted = {key: CHANGED for key in verdict.removed if key not in absence.accepted}
    return verdict._replace(removed=removed, kept={**verdict.kept, **doubted})


class Prover:
    """Judges the absent rows of scopes whose answers are written; borrows what the run shares."""

    def __init__(self, client: Client, schemas: Schemas, *, now: Callable[[], datetime]) -> None:
        self._client = client
        self._schemas = schemas
        self._now = now

    async def prove(self, scope: Scope, result: ScopeResult, absence: Absence) -> ScopeResult:
        """The verdict on the rows that ``result``, which is written by now, lacked and kept."""
        scope.caller = replace(scope.caller, tally=Tally())
        if scope.resource.item_path is None:  # then earlier runs had to agree
            verdict = Verdict(absence.candidates, (), dict(absence.withheld))
        else:
            verdict = judge(absence, *await self._look(scope, absence, scope.resource.item_path))
        if set(verdict.removed) - absence.accepted and not await self._sees_as_much(scope):
            verdict = _without_proof(verdict, absence)
        settled = not verdict.kept and not verdict.raced and result.outcome is Outcome.COMPLETE
        readings = absence.digests.readings_digest
        return replace(
            result,
            is_verdict=True,
            finished_at=self._now(),
            requests=scope.tally.requests,
            retries=scope.tally.retries,
            waited_seconds=scope.tally.waited_seconds,
            counts=Counts(seen=len(verdict.raced), withheld=len(verdict.kept) - len(absence.kept)),
            change=Change(
                records=[(record, diff.content_hash(record)) for record in verdict.raced]
                if scope.resource.item_is_whole
                else (),
                removed=verdict.removed,
                withheld=verdict.kept,
            ),
            digests=absence.digests if settled else Digests(None, None, readings),
            records=result.records - len(verdict.removed),
            walk_races=len(verdict.raced),
        )

    async def _look(
        self, scope: Scope, absence: Absence, path: str
    ) -> tuple[dict[str, Look], Look | None]:
        """Looks at the candidates in order, and at a neighbor after the first, some, and the last.

        Where the neighbor does not read in the end, what it vouched for before counts still.
        """
        looks: dict[str, Look] = {}
        by, neighbor = absence.neighbor, None
        vouched, good = 0, None
        waiting = 0
        """Looks that are worth nothing without a neighbor."""
        for identifier in absence.candidates:
            look = looks[identifier] = await self._look_at(scope, path, identifier)
            if look.record is not None:
                by = identifier
            accepted = identifier in absence.accepted
            waiting += look.outcome in _WORTH_A_NEIGHBOR
            is_doubtful = look.outcome not in _GO_ON_AFTER and not accepted
            if is_doubtful and look.outcome not in _GO_ON_BESIDE_NEIGHBOR:
                break
            is_due = waiting >= (NEIGHBOR_EVERY if neighbor else 1)
            if by is not None and (is_doubtful or is_due):
                neighbor, waiting = await self._look_at(scope, path, by), 0
                if neighbor.outcome is Outcome.COMPLETE:
                    vouched, good = len(looks), neighbor
                elif not absence.accepted:
                    break
            elif is_doubtful:
                break
        if waiting and by is not None:
            neighbor = await self._look_at(scope, path, by)
        if good is not None and neighbor is not None and neighbor.outcome is not Outcome.COMPLETE:
            return dict(islice(looks.items(), vouched)), good
        return looks, neighbor

    async def _sees_as_much(self, scope: Scope) -> bool:
        """Whether the key has, after all the reads, the rights that it had at the answer."""
        try:
            response = await self._client.send(scope.caller, api.IDENTITY)
            identity = api.decipher_identity(response)
        except ScopeError:
            return False
        finally:
            scope.hold.drop()
        then = scope.visit.identity
        return identity.organization_id == scope.visit.organization_id and (
            identity.rights in scope.known.rights_seen
            if then is None
            else identity.rights == then.rights
        )

    async def _look_at(self, scope: Scope, path: str, identifier: str) -> Look:
        try:
            response = await self._client.send(scope.caller, api.item_request(path, identifier))
            item, sanitized = api.decipher_item(response)
        except ScopeError as error:
            if error.outcome is Outcome.NOT_FOUND and error.is_page:
                return Look(Outcome.BAD_PAYLOAD, A_PAGE)
            return Look(error.outcome, f"it cannot be read by id: {error.message}")
        finally:
            scope.hold.drop()
        record = await self._normalized(scope, item, sanitized=sanitized)
        if (
            not isinstance(record, Record)
            or record.id != identifier
            or record.organization_id not in {scope.visit.organization_id, None}
        ):
            return Look(Outcome.BAD_PAYLOAD, "a read by id answers with another record")
        return Look(Outcome.COMPLETE, record=record)

    async def _normalized(
        self, scope: Scope, item: dict[str, Any], *, sanitized: bool
    ) -> Record | Rejection:
        """The record as the list would give it."""
        normalize: Callable[..., Record | Rejection] = scope.resource.normalize
        kind_of = scope.resource.kind_of
        if kind_of is None:
            return normalize(item, sanitized)
        kind = kind_of(item)
        rules = await self._schemas.rules(scope, [] if kind is None else [kind])
        return normalize(item, sanitized, rules)
