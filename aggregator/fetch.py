"""Reads what a scope holds, whichever way its resource is read, and normalizes it on the way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any, NamedTuple

from aggregator import api, diff, lookup, payload
from aggregator.backpressure import ByteBudget
from aggregator.client import Caller, Client
from aggregator.database import Database
from aggregator.errors import ScopeError
from aggregator.model import Credential, Organization, Outcome, Page, Rejection, Request, Response
from aggregator.refresh import Refresher
from aggregator.resource import Each, Target
from aggregator.resources.fields import usable_id
from aggregator.schemas import Schemas
from aggregator.sieve import Sieve
from aggregator.visit import Scope, Snapshot

log = logging.getLogger(__name__)

_HAS_NONE = {400, 403, 404, 405, 409, 410, 422, 501}
"""Statuses by which a server says that this connection has no such thing."""
_NOT_OFFERED = {Outcome.FORBIDDEN, Outcome.NOT_FOUND}
_ITS_OWN = {Outcome.UPSTREAM_ERROR, Outcome.TIMEOUT, Outcome.BAD_PAYLOAD, Outcome.TOO_LARGE}
"""Outcomes that may be one connection's and say nothing about the others."""
MOST_FAILURES_IN_A_ROW = 3


class _Whole(NamedTuple):
    """All that was answered to one question, and the bodies in which it came."""

    value: Any = None
    sanitized: bool = False
    bodies: Sequence[bytes] = (b"",)
    refused_with: int | None = None
    """The status by which the server says that there is no such thing."""


class Fetcher:
    """Reads scopes; borrows what all scopes of a run share."""

    def __init__(  # noqa: PLR0913 (what the scopes of a run share)
        self,
        client: Client,
        database: Database,
        schemas: Schemas,
        *,
        refresher: Refresher | None,
        pepper: bytes,
        budget: ByteBudget,
    ) -> None:
        """``refresher``: None where no server is to be made to do anything."""
        self._client = client
        self._refresher = refresher
        self._database = database
        self._schemas = schemas
        self._pepper = pepper
        self._budget = budget
        self._version_noticed = False
        # One scope computes at a time: so the event loop comes round to the writer and to the
        # timers after each of them, and not only after all that have an answer.
        self._turn = asyncio.Lock()

    async def fetch(self, scope: Scope) -> Snapshot | None:
        """The whole of a scope, normalized; None where it is byte by byte what it was.

        Raises ScopeError where it could not be read to the end.
        """
        await self._budget.acquire(0)  # while answers wait to be computed, no more are fetched
        await self._schemas.load()
        if scope.resource.each is not None:
            return await self._each(scope, scope.resource.each)
        if scope.resource.per == "deployment":
            return await self._deployment(scope)
        return await self._list(scope)

    # A list, or a single record

    async def _list(self, scope: Scope) -> Snapshot | None:
        request = Request(scope.resource.path)
        first = await self._send(scope, request)
        scope.request_id = scope.tally.request_id
        self._notice_version(first)
        states, more = await self._states(scope)
        bodies = [first.body, *more]
        if self._digest(scope, bodies, scope.known.kinds) == scope.known.bytes_digest:
            return None
        await scope.hold.keep(sum(map(payload.weight, bodies)))
        sieve = Sieve(scope.resource, self._pepper, _by_id(scope, states))
        is_single = True
        if scope.resource.is_single:
            item, sanitized = api.decipher_item(first)
            page = Page([item], sanitized=frozenset({0} if sanitized else ()))
            await self._sift(scope, sieve, page)
        else:
            pages = self._client.pages(scope.caller, request, first)
            async with self._turn:  # the first page is at hand: no network in here
                _, page = await anext(pages)
            await self._sift(scope, sieve, page)
            is_single = page.next_page_token is None
            async for response, page in pages:
                scope.request_id = scope.tally.request_id
                await scope.hold.keep(payload.weight(response.body))
                await self._sift(scope, sieve, page)
        digest = self._digest(scope, bodies, sorted(sieve.kinds)) if is_single else None
        return await self._snapshot(scope, sieve, digest)

    async def _states(self, scope: Scope) -> tuple[Any, Sequence[bytes]]:
        """The volatile values of the list's records, if there are such, as they came."""
        states = scope.resource.states
        if states is None:
            return None, []
        try:
            response = await self._send(scope, states.request)
        except ScopeError as error:
            if error.outcome not in _NOT_OFFERED:
                raise
            scope.notes.append(f"read without states: {error.message}")
            return None, []
        answer = await self._whole(scope.caller, states.request, response)
        return answer.value, answer.bodies

    # Connection by connection

    async def _each(self, scope: Scope, each: Each) -> Snapshot | None:
        """What every stored connection of the organization says.

        One that cannot be read is rejected and keeps its rows; several in a row end the scope.
        """
        deployment, owner = scope.organization.deployment, scope.visit.organization_id
        if owner is None:  # the connections of this run have proven it
            raise ScopeError(Outcome.INTERNAL_ERROR, "nobody knows whose connections to ask about")
        stored = await lookup.load_targets(self._database, deployment, owner)
        targets = [target for target in stored if each.applies(target)]
        if self._refresher is not None and each.refresh is not None:
            await self._refresher.refresh(scope, each.refresh, targets)
        sieve = Sieve(scope.resource, self._pepper, {})
        bodies: list[bytes] = []
        silent: list[str] = []
        going: list[str] = []
        extent = self._client.extent()
        failures = refused = 0
        for target in targets:
            try:
                answer = await self._ask(scope, each, target)
            except ScopeError as error:
                failures += 1
                if error.outcome not in _ITS_OWN or failures >= MOST_FAILURES_IN_A_ROW:
                    raise
                scope.hold.drop()
                sieve.reject(Rejection(target.id, f"{error.outcome}: {error.message}", "null"))
                continue
            failures = 0
            refused += answer.refused_with == HTTPStatus.FORBIDDEN
            if answer.refused_with is not None:
                (going if target.is_missing else silent).append(target.id)
            bodies += [target.id.encode(), diff.bytes_digest(answer.bodies, 0)]
            await scope.hold.keep(sum(map(payload.weight, answer.bodies)))
            extent.add_bytes(sum(map(len, answer.bodies)))
            if target.is_missing and answer.refused_with is not None:
                continue  # it is gone, rather than without such a thing
            records = each.records(target, answer.value)
            extent.add_records(len(records))
            marks = frozenset(range(len(records)) if answer.sanitized else ())
            await self._sift(scope, sieve, Page(records, sanitized=marks))
        if sieve.rejected:
            return await self._snapshot(scope, sieve, None)
        digest = self._digest(scope, bodies, ())
        if digest == scope.known.bytes_digest:
            return None
        snapshot = await self._snapshot(scope, sieve, digest)
        is_refused = refused == len(targets) > 0
        return replace(snapshot, is_refused=is_refused, silent=silent, going=going)

    async def _ask(self, scope: Scope, each: Each, target: Target) -> _Whole:
        """The answer for one connection; None where the server says that it has no such thing."""
        caller, request = scope.caller, api.item_request(scope.resource.path, target.id)
        partner = _as_partner(scope.organization)
        if each.partner_path is not None and partner is not None:
            owner = scope.visit.organization_id or ""
            caller = replace(caller, credential=partner)
            request = api.item_request(each.partner_path, target.id, organization=owner)
        try:
            response = await self._client.send(caller, request)
        except ScopeError as error:
            if error.http_status in _HAS_NONE and not error.is_page:
                scope.hold.drop()
                return _Whole(refused_with=error.http_status)
            raise
        scope.request_id = scope.tally.request_id
        return await self._whole(caller, request, response)

    # A whole deployment

    async def _deployment(self, scope: Scope) -> Snapshot | None:
        """The connection types of a host, each with what its schema says of configurations.

        Schemas are read where connections use the type, and again once a day. A type that is in use
        stays, whether the server lists it or not, if its schema is known.
        """
        request = Request(scope.resource.path)
        first = await self._send(scope, request)
        scope.request_id = scope.tally.request_id
        self._notice_version(first)
        was_new = await self._schemas.refresh(scope)
        if not was_new and diff.bytes_digest([first.body], scope.resource.version) == (
            scope.known.bytes_digest
        ):
            return None
        await scope.hold.keep(payload.weight(first.body))
        deployment = scope.organization.deployment
        fields = self._schemas.fields(deployment)
        sieve = Sieve(scope.resource, self._pepper, {})
        listed: set[str] = set()
        is_single = True
        async for response, page in self._client.pages(scope.caller, request, first):
            is_single = is_single and page.next_page_token is None
            if response is not first:
                await scope.hold.keep(payload.weight(response.body))
            for raw in page.records:
                if isinstance(raw, dict):  # what a list calls so is not what we have read
                    kind = usable_id(raw.get("id")) or ""
                    raw["schema"] = fields.get(kind)
                    listed.add(kind)
            await self._sift(scope, sieve, page)
        if fields.keys() - listed:
            in_use = await lookup.load_kinds_in_use(self._database, deployment)
            hidden = [
                {**in_use[kind], "id": kind, "schema": fields[kind]}
                for kind in sorted(fields.keys() & in_use.keys() - listed)
            ]
            await self._sift(scope, sieve, Page(hidden))
        digest = diff.bytes_digest([first.body], scope.resource.version) if is_single else None
        return await self._snapshot(scope, sieve, digest)

    # Common to all

    async def _send(self, scope: Scope, request: Request) -> Response:
        return await self._client.send(scope.caller, request)

    async def _whole(self, caller: Caller, request: Request, first: Response) -> _Whole:
        """What an answer to ``request`` holds: of a list that comes in pages, all of them."""
        data = api.decipher_data(first)
        if not data.has_more:
            return _Whole(data.value, data.sanitized, [first.body])
        records: list[Any] = []
        bodies: list[bytes] = []
        sanitized = False
        async for response, page in self._client.pages(caller, request, first):
            records += page.records
            bodies.append(response.body)
            sanitized = sanitized or bool(page.sanitized)
        return _Whole(records, sanitized, bodies)

    async def _sift(self, scope: Scope, sieve: Sieve, page: Page) -> None:
        """Normalizes a page; fetches the schemas that are missing first, outside of any turn."""
        kind_of = scope.resource.kind_of
        rules: Mapping[str, Any] | None = None
        if kind_of is not None:
            kinds = {kind for raw in page.records if (kind := kind_of(raw)) is not None}
            rules = await self._schemas.rules(scope, kinds)
            sieve.kinds.update(kinds)
        async with self._turn:
            await sieve.sift(page, rules)

    def _digest(self, scope: Scope, bodies: list[bytes], kinds: Iterable[str]) -> bytes:
        known = self._schemas.digests(scope.organization.deployment, kinds)
        return diff.bytes_digest([*bodies, *known], scope.resource.version)

    async def _snapshot(self, scope: Scope, sieve: Sieve, digest: bytes | None) -> Snapshot:
        async with self._turn:
            snapshot, conflicts = sieve.snapshot(digest)
        if conflicts:
            log.warning(
                "records.conflicting",
                extra={"organization": scope.organization.name, "ids": conflicts},
            )
        return snapshot

    def _notice_version(self, response: Response) -> None:
        """Says once a run that a server does not name its version (fault B19)."""
        if not self._version_noticed and api.served_version(response) is None:
            self._version_noticed = True
            log.warning("version.not_named")


def _as_partner(organization: Organization) -> Credential | None:
    """The partner key as itself, where the organization was found with one; else None."""
    credential = organization.credential
    return Credential(credential.secret) if credential and organization.discovered else None


def _by_id(scope: Scope, states: Any) -> Mapping[str, Any]:  # noqa: ANN401 - any JSON value
    """The entries among the states, by the record that each tells of."""
    key = scope.resource.states.id_of if scope.resource.states else ""
    entries = states if isinstance(states, list) else []
    named = ((entry.get(key), entry) for entry in entries if isinstance(entry, dict))
    return {name: entry for name, entry in named if isinstance(name, str)}
