"""The story of one scope: who are we, fetch, normalize, compare, and say what is to be written."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from aggregator import api, diff, payload, store
from aggregator.backpressure import ByteBudget
from aggregator.client import Client
from aggregator.database import Database
from aggregator.drift import CONFLICTING_DUPLICATES, Radar
from aggregator.errors import DatabaseError, OutageError, ScopeError
from aggregator.identity import Identities
from aggregator.model import (
    Counts,
    Outcome,
    Page,
    Record,
    Rejection,
    Request,
    Resource,
    Response,
)
from aggregator.scope import (
    NONE_COUNTED,
    SOME_REJECTED,
    Absence,
    Change,
    Digests,
    Known,
    ScopeResult,
    Shape,
)
from aggregator.visit import MOST_QUARANTINED, ForeignRecordsError, Scope, Snapshot

log = logging.getLogger(__name__)

YIELD_EVERY = 500
"""Records normalized in one go before other tasks get a turn."""


class Collector:
    """Collects scopes with what all scopes of a run share."""

    def __init__(  # noqa: PLR0913 (what the scopes of a run share)
        self,
        client: Client,
        database: Database,
        *,
        deadline: float,
        pepper: bytes,
        rules: diff.RemovalRules,
        budget: ByteBudget,
        configured: frozenset[str] | None = None,
        now: Callable[[], datetime],
    ) -> None:
        """``configured``: names that may hold an organization; None: those of the ledger."""
        self._client = client
        self._database = database
        self._deadline = deadline
        self._pepper = pepper
        self._rules = rules
        self._budget = budget
        self._now = now
        self._identities = Identities(
            self._get, database, pepper=pepper, configured=configured, now=now
        )
        self._version_noticed = False
        # One scope computes at a time: so the event loop comes round to the writer and to the
        # timers after each of them, and not only after all that have an answer.
        self._turn = asyncio.Lock()

    async def collect(self, scope: Scope) -> ScopeResult:
        """The result of a scope, whatever happens; raises only where the whole run must end."""
        result = await self._collect_safely(scope)
        if result.change is None:
            scope.hold.release()
        return result

    async def _collect_safely(self, scope: Scope) -> ScopeResult:
        try:
            return await self._collect(scope)
        except ForeignRecordsError as error:
            return self._ended(
                scope,
                error.outcome,
                error.message,
                rejections=error.rejections[:MOST_QUARANTINED],
                counts=Counts(rejected=len(error.rejections)),
            )
        except ScopeError as error:
            return self._ended(scope, error.outcome, error.message)
        except OutageError:
            raise
        except DatabaseError as error:
            return self._ended(scope, Outcome.DATABASE_ERROR, str(error))
        except Exception as error:
            # A bug in one scope must not hurt the others. The traceback has no locals.
            log.exception("scope.bug", extra={"organization": scope.organization.name})
            return self._ended(scope, Outcome.INTERNAL_ERROR, type(error).__name__)

    async def _collect(self, scope: Scope) -> ScopeResult:
        if self._identities.is_due(scope):
            await self._identities.ask(scope)
            scope.hold.drop()
        await self._budget.acquire(0)  # while answers wait to be computed, no more are fetched
        first = await self._get(scope, Request(scope.resource.path))
        scope.request_id = scope.tally.request_id
        self._notice_version(first)
        digest = diff.bytes_digest([first.body], scope.resource.version)
        if digest == scope.known.bytes_digest:
            scope.organization_id = scope.pinned
            return self._unchanged(scope)
        await scope.hold.keep(payload.weight(first.body))
        snapshot = await self._read(scope, first, digest)
        await self._identities.settle(scope, snapshot)
        return await self._compare(scope, snapshot)

    def _notice_version(self, response: Response) -> None:
        """Says once a run that a server does not name its version (fault B19)."""
        if not self._version_noticed and api.served_version(response) is None:
            self._version_noticed = True
            log.warning("version.not_named")

    async def _load_stored(self, scope: Scope) -> dict[str, Known]:
        """The stored rows of the scope; without a query where there cannot be any."""
        deployment, organization_id = scope.organization.deployment, scope.organization_id
        if organization_id is None:
            return {}
        was_pinned = scope.state.organization_id is not None
        if not was_pinned and not await self._identities.is_known(deployment, organization_id):
            return {}
        return await store.load_known(self._database, scope.resource, deployment, organization_id)

    # Fetching and normalizing

    async def _get(self, scope: Scope, request: Request) -> Response:
        return await self._client.get(
            scope.organization, request, scope.limits, scope.tally, self._deadline, scope.hold
        )

    async def _read(self, scope: Scope, first: Response, digest: bytes) -> Snapshot:
        """The whole list, normalized; computes in turns, and fetches further pages outside them."""
        records: list[Record] = []
        rejections: list[Rejection] = []
        rejected = 0
        radar = Radar(scope.resource, self._pepper)
        pages = self._client.pages(
            first,
            scope.organization,
            Request(scope.resource.path),
            scope.limits,
            scope.tally,
            self._deadline,
            scope.hold,
        )
        async with self._turn:  # the first page is at hand: no network in here
            _, page = await anext(pages)
            rejected += await self._normalize(scope.resource, page, records, rejections, radar)
        is_single = page.next_page_token is None
        async for response, page in pages:
            scope.request_id = scope.tally.request_id
            await scope.hold.keep(payload.weight(response.body))
            async with self._turn:
                rejected += await self._normalize(scope.resource, page, records, rejections, radar)
        async with self._turn:
            by_id, conflicts = diff.unique(records)
            hashes = {key: diff.content_hash(record) for key, record in by_id.items()}
        if conflicts:
            log.warning(
                "records.conflicting",
                extra={"organization": scope.organization.name, "ids": conflicts},
            )
        shape = radar.shape([CONFLICTING_DUPLICATES] if conflicts else [])
        return Snapshot(by_id, hashes, rejections, rejected, digest if is_single else None, shape)

    async def _normalize(
        self,
        resource: Resource,
        page: Page,
        records: list[Record],
        rejections: list[Rejection],
        radar: Radar,
    ) -> int:
        """Sorts a page's records into ``records`` and ``rejections``; the number rejected."""
        rejected = 0
        normalize, sanitized = resource.normalize, page.sanitized
        for start in range(0, len(page.records), YIELD_EVERY):
            portion = page.records[start : start + YIELD_EVERY]
            odd = []
            for index, raw in enumerate(portion, start):
                item = normalize(raw, index in sanitized)
                if isinstance(item, Record):
                    records.append(item)
                    if item.is_odd:
                        odd.append(raw)
                else:
                    odd.append(raw)
                    rejected += 1
                    if len(rejections) < MOST_QUARANTINED:
                        rejections.append(item)
            radar.look(portion, odd)
            if len(portion) == YIELD_EVERY:
                await asyncio.sleep(0)
        return rejected

    # Comparing

    async def _compare(self, scope: Scope, snapshot: Snapshot) -> ScopeResult:
        known, records, hashes = scope.known, snapshot.records, snapshot.hashes
        tracked = diff.tracked_digest(hashes)
        readings = diff.readings_digest(records.values())
        digests = Digests(snapshot.bytes_digest, tracked, readings)
        rejected = snapshot.rejected
        seen = len(records) + rejected
        partial = rejected > 0
        total = len(records)
        change = None
        absence = None
        if tracked != known.tracked_digest:
            stored = await self._load_stored(scope)
            total = len(stored.keys() | records.keys())
            if stored and records.keys() - stored.keys():
                await self._identities.ask(scope)  # under which rights are they seen?
            if stored.keys() - records.keys():
                absence = await self._judge(scope, snapshot, stored, digests)
            change = Change(
                records=[
                    (records[key], digest)
                    for key, digest in hashes.items()
                    if key not in stored or stored[key].content_hash != digest
                ],
                withheld=absence.kept if absence else {},
                is_first=not stored,
            )
        if readings != known.readings_digest:
            reported = [record for record in records.values() if record.reading is not None]
            change = replace(change or Change(), readings=reported)
        return self._ended(
            scope,
            Outcome.PARTIAL if partial else Outcome.COMPLETE,
            SOME_REJECTED if partial else self._identities.note(scope),
            counts=Counts(
                seen=seen,
                unchanged=seen - rejected,
                withheld=len(absence.kept) if absence else 0,
                rejected=rejected,
            ),
            change=change,
            absence=absence,
            digests=Digests(None, None, readings) if partial or absence else digests,
            records=total,
            rejections=snapshot.rejections,
            shape=snapshot.shape,
        )

    async def _judge(
        self, scope: Scope, snapshot: Snapshot, stored: Mapping[str, Known], digests: Digests
    ) -> Absence:
        """What may become of the rows that the answer did not contain, once all are read."""
        doubt = SOME_REJECTED if snapshot.rejected else await self._identities.doubt(scope)
        rules = replace(self._rules, provable=scope.resource.item_path is not None)
        vouching = self._identities.vouching(scope)
        missing = diff.judge_missing(
            stored, snapshot.records, rules, doubt=doubt, vouching=vouching
        )
        return Absence(
            missing.candidates,
            # Of a partial answer what a person accepted is no more than worth a look by id.
            frozenset() if snapshot.rejected else missing.accepted,
            neighbor=min(filter(api.is_plain, snapshot.records), default=None)
            or min(snapshot.records, default=None),
            withheld=missing.withheld,
            counts_as_agreement=doubt is None and diff.UNVOUCHED not in missing.withheld.values(),
            digests=digests,
        )

    # Results

    def _unchanged(self, scope: Scope) -> ScopeResult:
        known = scope.known
        return self._ended(
            scope,
            Outcome.COMPLETE,
            self._identities.note(scope),
            counts=Counts(seen=known.records, unchanged=known.records),
            digests=Digests(known.bytes_digest, known.tracked_digest, known.readings_digest),
            records=known.records,
        )

    def _ended(  # noqa: PLR0913 (what differs by how the scope ended)
        self,
        scope: Scope,
        outcome: Outcome,
        error: str | None,
        *,
        counts: Counts = NONE_COUNTED,
        change: Change | None = None,
        absence: Absence | None = None,
        digests: Digests | None = None,
        records: int = 0,
        rejections: Sequence[Rejection] = (),
        shape: Shape | None = None,
    ) -> ScopeResult:
        tally = scope.tally
        return ScopeResult(
            organization=scope.organization,
            resource=scope.resource,
            outcome=outcome,
            started_at=scope.started_at,
            finished_at=self._now(),
            organization_id=scope.organization_id or scope.pinned,
            error=error,
            http_status=tally.http_status,
            requests=tally.requests,
            retries=tally.retries,
            waited_seconds=tally.waited_seconds,
            request_id=scope.request_id or tally.request_id,
            counts=counts,
            identity=scope.identity or self._identities.by_records(scope),
            key_digest=self._identities.key_digest(scope) if scope.identity else None,
            was_renamed=scope.was_renamed,
            change=change,
            based_on=scope.known.generation,
            rights=scope.identity.rights if scope.identity else None,
            absence=absence,
            digests=digests,
            records=records,
            rejections=rejections,
            release=scope.hold.release,
            shape=shape,
        )
