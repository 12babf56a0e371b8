"""The story of one scope: who are we, fetch, compare, and say what is to be written."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from aggregator import api, diff, lookup
from aggregator.backpressure import ByteBudget
from aggregator.client import Client
from aggregator.database import Database
from aggregator.errors import DatabaseError, OutageError, ScopeError
from aggregator.fetch import Fetcher
from aggregator.identity import Identities
from aggregator.model import Counts, Outcome, Rejection
from aggregator.refresh import Refresher
from aggregator.schemas import Schemas
from aggregator.scope import (
    NONE_COUNTED,
    SOME_REJECTED,
    UNPROVEN,
    Absence,
    Change,
    Digests,
    Known,
    ScopeResult,
    Shape,
)
from aggregator.visit import MOST_QUARANTINED, ForeignRecordsError, Scope, Snapshot

log = logging.getLogger(__name__)


class Collector:
    """Collects scopes with what all scopes of a run share."""

    def __init__(  # noqa: PLR0913 (what the scopes of a run share)
        self,
        client: Client,
        database: Database,
        *,
        schemas: Schemas,
        refresher: Refresher | None = None,
        pepper: bytes,
        rules: diff.RemovalRules,
        budget: ByteBudget,
        configured: frozenset[str] | None = None,
        now: Callable[[], datetime],
    ) -> None:
        """``configured``: names that may hold an organization; None: those of the ledger."""
        self._database = database
        self._rules = rules
        self._now = now
        self._fetcher = Fetcher(
            client, database, schemas, refresher=refresher, pepper=pepper, budget=budget
        )
        self._identities = Identities(
            client, database, pepper=pepper, configured=configured, now=now
        )

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
        snapshot = await self._fetcher.fetch(scope)
        if snapshot is None:
            scope.visit.organization_id = scope.visit.pinned
            return self._unchanged(scope)
        await self._identities.settle(scope, snapshot)
        if snapshot.is_refused:
            await self._identities.vouch(scope)
        return await self._compare(scope, snapshot)

    async def _load_stored(self, scope: Scope) -> dict[str, Known]:
        """The stored rows of the scope; without a query where there cannot be any."""
        deployment, owner = scope.organization.deployment, _owner(scope)
        if owner is None:
            return {}
        was_pinned = scope.visit.state.organization_id is not None
        if not was_pinned and owner and not await self._identities.is_known(deployment, owner):
            return {}
        return await lookup.load_known(self._database, scope.resource, deployment, owner)

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
                await self._identities.ask(scope, anew=True)  # with which rights are they seen?
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
            kinds=snapshot.kinds,
        )

    async def _judge(
        self, scope: Scope, snapshot: Snapshot, stored: Mapping[str, Known], digests: Digests
    ) -> Absence:
        """What may become of the rows that the answer did not contain, once all are read."""
        doubt = SOME_REJECTED if snapshot.rejected else await self._identities.doubt(scope)
        vouching = self._identities.vouching(scope)
        silent = await lookup.load_belonging(
            self._database,
            scope.resource,
            scope.organization.deployment,
            _owner(scope) or "",
            dict.fromkeys(snapshot.silent, diff.SILENT) | dict.fromkeys(snapshot.going, UNPROVEN),
        )
        rules = replace(self._rules, provable=scope.resource.item_path is not None, silent=silent)
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
            kinds=known.kinds,
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
        kinds: tuple[str, ...] = (),
    ) -> ScopeResult:
        tally, visit = scope.tally, scope.visit
        return ScopeResult(
            organization=scope.organization,
            resource=scope.resource,
            outcome=outcome,
            started_at=scope.started_at,
            finished_at=self._now(),
            organization_id=visit.organization_id or visit.pinned,
            error=error,
            http_status=tally.http_status,
            requests=tally.requests,
            retries=tally.retries,
            waited_seconds=tally.waited_seconds,
            request_id=scope.request_id or tally.request_id,
            counts=counts,
            identity=visit.identity or self._identities.by_records(scope),
            key_digest=self._identities.key_digest(scope) if visit.identity else None,
            was_renamed=visit.was_renamed,
            change=change,
            based_on=scope.known.generation,
            rights=visit.identity.rights if visit.identity else None,
            absence=absence,
            digests=digests,
            records=records,
            rejections=rejections,
            release=scope.hold.release,
            shape=shape,
            kinds=kinds,
            details_read=scope.details_read,
        )


def _owner(scope: Scope) -> str | None:
    """The organization whose rows these are; empty for those of the whole deployment."""
    return "" if scope.resource.per == "deployment" else scope.visit.organization_id
