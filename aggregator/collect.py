"""The story of one scope: who are we, fetch, normalize, compare, and say what is to be written."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from aggregator import api, diff, store
from aggregator.backpressure import ByteBudget
from aggregator.client import Client, Tally
from aggregator.database import Database
from aggregator.errors import DatabaseError, ScopeError
from aggregator.limits import OrganizationLimits
from aggregator.model import (
    Counts,
    Identity,
    Organization,
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
    NOTHING_KNOWN,
    SOME_REJECTED,
    Change,
    Digests,
    Known,
    OrganizationState,
    ScopeResult,
    ScopeState,
)

log = logging.getLogger(__name__)

IDENTITY_VALID_FOR = timedelta(days=1)
CLOCKS_APART = timedelta(minutes=5)
"""How far the database's clock may be ahead of ours before we take it for wrong."""
YIELD_EVERY = 500
"""Records normalized in one go before other tasks get a turn."""
MOST_QUARANTINED = 100

_GO_ON_WITHOUT_IDENTITY = {
    Outcome.UNAUTHORIZED,
    Outcome.FORBIDDEN,
    Outcome.NOT_FOUND,
    Outcome.UPSTREAM_ERROR,
    Outcome.BAD_PAYLOAD,
}


@dataclass(slots=True)
class Scope:
    """One scope while it is collected; what is learned on the way is noted in it."""

    organization: Organization
    resource: Resource
    state: OrganizationState
    limits: OrganizationLimits
    started_at: datetime
    tally: Tally
    identity: Identity | None = None
    identity_refused: ScopeError | None = None
    organization_id: str | None = None
    was_renamed: bool = False
    held_bytes: int = 0

    @property
    def known(self) -> ScopeState:
        return self.state.scopes.get(self.resource.name) or NOTHING_KNOWN

    @property
    def pinned(self) -> str | None:
        """The organization that the key must speak for: the registry's word, or the past's."""
        return self.organization.organization_id or self.state.organization_id

    @property
    def worked_before(self) -> bool:
        return self.known.last_outcome == Outcome.COMPLETE


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a scope returned in one complete fetch, normalized."""

    records: dict[str, Record]
    hashes: dict[str, bytes]
    """Content hashes, by id like the records."""
    rejections: list[Rejection]
    """The first ``MOST_QUARANTINED`` of them."""
    rejected: int
    """All of them."""
    bytes_digest: bytes | None


class ForeignRecordsError(ScopeError):
    """An answer holds records of another organization; they are quarantined, nothing is stored."""

    def __init__(self, expected: str | None, snapshot: Snapshot) -> None:
        super().__init__(Outcome.ORG_MISMATCH, "the answer holds records of another organization")
        self.rejections = [
            Rejection(record.id, "it names another organization", "null")
            for record in snapshot.records.values()
            if record.organization_id not in {expected, None}
        ]


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
        self._configured = configured
        self._now = now
        self._claims: dict[tuple[str, str], str] = {}
        self._pins: dict[tuple[str, str], store.Pin] | None = None
        self._loading_pins = asyncio.Lock()
        self._version_noticed = False
        # One scope computes at a time: so the event loop comes round to the writer and to the
        # timers after each of them, and not only after all that have an answer.
        self._turn = asyncio.Lock()

    async def collect(self, scope: Scope) -> ScopeResult:
        """The result of a scope, whatever happens; only cancelling it raises."""
        try:
            result = await self._collect(scope)
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
        except DatabaseError as error:
            return self._ended(scope, Outcome.DATABASE_ERROR, str(error))
        except Exception as error:
            # A bug in one scope must not hurt the others. The traceback has no locals.
            log.exception("scope.bug", extra={"organization": scope.organization.name})
            return self._ended(scope, Outcome.INTERNAL_ERROR, type(error).__name__)
        return result

    async def _collect(self, scope: Scope) -> ScopeResult:
        if self._identity_is_due(scope):
            await self._ask_identity(scope)
        await self._budget.acquire(0)  # while answers wait to be computed, no more are fetched
        first = await self._get(scope, Request(scope.resource.path))
        self._notice_version(first)
        digest = diff.bytes_digest([first.body], scope.resource.version)
        if digest == scope.known.bytes_digest:
            scope.organization_id = scope.pinned
            return self._unchanged(scope)
        await self._budget.acquire(len(first.body))
        scope.held_bytes = len(first.body)
        snapshot = await self._read(scope, first, digest)
        await self._settle_organization(scope, snapshot)
        return await self._compare(scope, snapshot)

    def _notice_version(self, response: Response) -> None:
        """Says once a run that a server does not name its version (fault B19)."""
        if not self._version_noticed and api.served_version(response) is None:
            self._version_noticed = True
            log.warning("version.not_named")

    # Identity

    def _identity_is_due(self, scope: Scope) -> bool:
        state = scope.state
        return (
            state.identity_checked_at is None
            or state.key_digest != self._key_digest(scope)
            or not -CLOCKS_APART <= self._now() - state.identity_checked_at < IDENTITY_VALID_FOR
            or scope.pinned != state.organization_id
        )

    def _key_digest(self, scope: Scope) -> bytes | None:
        credential = scope.organization.credential
        return credential.secret.digest(self._pepper) if credential else None

    async def _ask_identity(self, scope: Scope) -> None:
        """Notes who the key speaks for, or that it may not ask; asks once a run at most."""
        if scope.identity is not None or scope.identity_refused is not None:
            return
        try:
            response = await self._get(scope, api.IDENTITY)
            scope.identity = api.decipher_identity(response)
        except ScopeError as error:
            if error.outcome not in _GO_ON_WITHOUT_IDENTITY:
                raise
            scope.identity_refused = error
            return
        identity, pinned = scope.identity, scope.pinned
        if identity.organization_id is None:
            raise ScopeError(
                Outcome.WRONG_KEY_TYPE,
                f"the key speaks for no organization (it is a {identity.key_class or 'other'} key)",
            )
        if pinned is not None and identity.organization_id != pinned:
            raise ScopeError(
                Outcome.ORG_MISMATCH,
                f"the key speaks for organization {identity.organization_id}, not for {pinned}; if"
                " that is meant, give the organization another name or pin its organization_id",
            )
        await self._claim(scope, identity.organization_id)

    async def _claim(self, scope: Scope, organization_id: str) -> None:
        """Makes sure that one organization is read with one key only: the one that had it before.

        Whoever is pinned holds the claim, also where a newcomer asks first (fault A2).
        """
        name, key = scope.organization.name, (scope.organization.deployment, organization_id)
        if scope.state.organization_id != organization_id:
            pin = (await self._load_pins()).get(key)
            if pin is not None and self._is_read(pin):
                self._claims.setdefault(key, pin.organization)
            scope.was_renamed = pin is not None
        holder = self._claims.setdefault(key, name)
        if holder != name:
            raise ScopeError(
                Outcome.DUPLICATE_ORG, f"the key speaks for the same organization as {holder!r}"
            )
        scope.organization_id = organization_id

    def _is_read(self, pin: store.Pin) -> bool:
        """Whether its holder may still be read; a plan has not told the ledger who is left."""
        return pin.active and (self._configured is None or pin.organization in self._configured)

    async def _load_pins(self) -> dict[tuple[str, str], store.Pin]:
        """Every organization id known before this run; read once, and only if anything is new."""
        async with self._loading_pins:
            if self._pins is None:
                self._pins = await store.load_pins(self._database)
        return self._pins

    async def _load_stored(self, scope: Scope) -> dict[str, Known]:
        """The stored rows of the scope; without a query where there cannot be any."""
        deployment, organization_id = scope.organization.deployment, scope.organization_id
        if organization_id is None:
            return {}
        if scope.state.organization_id is None and (
            (deployment, organization_id) not in await self._load_pins()
        ):
            return {}
        return await store.load_known(self._database, scope.resource, deployment, organization_id)

    async def _settle_organization(self, scope: Scope, snapshot: Snapshot) -> None:
        """Makes sure, before anything is written, whose records these are."""
        named = {record.organization_id for record in snapshot.records.values()}
        if scope.pinned is None or named - {scope.pinned}:
            await self._ask_identity(scope)
        was_changed = scope.state.key_digest not in {None, self._key_digest(scope)}
        if was_changed and scope.identity is None and named <= {None}:
            raise ScopeError(
                Outcome.ORG_MISMATCH,
                "the key is not the one of the last run, and nothing says whose it is",
            )
        expected = scope.identity.organization_id if scope.identity else scope.pinned
        if expected is None and len(named) == 1:
            expected = next(iter(named))
        if expected is None and named:
            raise ScopeError(
                Outcome.ORG_MISMATCH, "nothing says which organization the records belong to"
            )
        if named - {expected, None}:
            raise ForeignRecordsError(expected, snapshot)
        if expected is not None:
            await self._claim(scope, expected)

    def _identity_by_records(self, scope: Scope) -> Identity | None:
        """What is pinned where the key may not ask who it is, but its records say it."""
        if scope.organization_id is None or scope.organization_id == scope.state.organization_id:
            return None
        return Identity(scope.organization_id)

    # Fetching and normalizing

    async def _get(self, scope: Scope, request: Request) -> Response:
        return await self._client.get(
            scope.organization, request, scope.limits, scope.tally, self._deadline
        )

    async def _read(self, scope: Scope, first: Response, digest: bytes) -> Snapshot:
        """The whole list, normalized; computes in turns, and fetches further pages outside them."""
        records: list[Record] = []
        rejections: list[Rejection] = []
        rejected = 0
        pages = self._client.pages(
            first,
            scope.organization,
            Request(scope.resource.path),
            scope.limits,
            scope.tally,
            self._deadline,
        )
        async with self._turn:  # the first page is at hand: no network in here
            _, page = await anext(pages)
            rejected += await self._normalize(scope.resource, page, records, rejections)
        is_single = page.next_page_token is None
        async for response, page in pages:
            self._budget.add(len(response.body))
            scope.held_bytes += len(response.body)
            async with self._turn:
                rejected += await self._normalize(scope.resource, page, records, rejections)
        async with self._turn:
            by_id, conflicts = diff.unique(records)
            hashes = {key: diff.content_hash(record) for key, record in by_id.items()}
        if conflicts:
            log.warning(
                "records.conflicting",
                extra={"organization": scope.organization.name, "ids": conflicts},
            )
        return Snapshot(by_id, hashes, rejections, rejected, digest if is_single else None)

    async def _normalize(
        self,
        resource: Resource,
        page: Page,
        records: list[Record],
        rejections: list[Rejection],
    ) -> int:
        """Sorts a page's records into ``records`` and ``rejections``; the number rejected."""
        rejected = 0
        normalize, sanitized = resource.normalize, page.sanitized
        for index, raw in enumerate(page.records):
            item = normalize(raw, index in sanitized)
            if isinstance(item, Record):
                records.append(item)
            else:
                rejected += 1
                if len(rejections) < MOST_QUARANTINED:
                    rejections.append(item)
            if index % YIELD_EVERY == YIELD_EVERY - 1:
                await asyncio.sleep(0)
        return rejected

    # Comparing

    async def _compare(self, scope: Scope, snapshot: Snapshot) -> ScopeResult:
        known, records, hashes = scope.known, snapshot.records, snapshot.hashes
        tracked = diff.tracked_digest(hashes)
        readings = diff.readings_digest(records.values())
        rejected = snapshot.rejected
        seen = len(records) + rejected
        partial = rejected > 0
        total = len(records)
        change = None
        withheld: dict[str, str] = {}
        if tracked != known.tracked_digest:
            stored = await self._load_stored(scope)
            missing = stored.keys() - records.keys()
            total = len(stored.keys() | records.keys())
            removals = diff.Removals((), {})
            if missing and partial:
                removals = diff.Removals((), dict.fromkeys(missing, SOME_REJECTED))
            elif missing:
                removals = diff.decide_removals(
                    stored, records, self._rules, doubt=await self._doubt(scope)
                )
            withheld = removals.withheld
            total -= len(removals.removed)
            change = Change(
                records=[
                    (records[key], digest)
                    for key, digest in hashes.items()
                    if key not in stored or stored[key].content_hash != digest
                ],
                removed=removals.removed,
                withheld=withheld,
                is_first=not stored,
            )
        if readings != known.readings_digest:
            reported = [record for record in records.values() if record.reading is not None]
            change = replace(change or Change(withheld=withheld), readings=reported)
        settled = not partial and not withheld
        return self._ended(
            scope,
            Outcome.PARTIAL if partial else Outcome.COMPLETE,
            SOME_REJECTED if partial else self._note(scope),
            counts=Counts(
                seen=seen,
                unchanged=seen - rejected,
                withheld=len(withheld),
                rejected=rejected,
            ),
            change=change,
            digests=Digests(
                snapshot.bytes_digest if settled else None,
                tracked if settled else None,
                readings,
            ),
            records=total,
            rejections=snapshot.rejections,
        )

    async def _doubt(self, scope: Scope) -> str | None:
        """Why rows that vanished may still exist: the key may see less than last time."""
        await self._ask_identity(scope)
        before, now = scope.state.identity, scope.identity
        if now is None:
            return "the key's identity could not be read"
        if before is None:
            return "the key's identity was not known before"
        if (before.key_class, before.role, before.mode, before.profile) != (
            now.key_class,
            now.role,
            now.mode,
            now.profile,
        ):
            return "the key's rights are not those of the last run"
        return None

    # Results

    def _unchanged(self, scope: Scope) -> ScopeResult:
        known = scope.known
        return self._ended(
            scope,
            Outcome.COMPLETE,
            self._note(scope),
            counts=Counts(seen=known.records, unchanged=known.records),
            digests=Digests(known.bytes_digest, known.tracked_digest, known.readings_digest),
            records=known.records,
        )

    def _note(self, scope: Scope) -> str | None:
        if scope.identity_refused is None:
            return None
        return f"read without identity: {scope.identity_refused.message}"

    def _ended(  # noqa: PLR0913 (what differs by how the scope ended)
        self,
        scope: Scope,
        outcome: Outcome,
        error: str | None,
        *,
        counts: Counts = NONE_COUNTED,
        change: Change | None = None,
        digests: Digests | None = None,
        records: int = 0,
        rejections: Sequence[Rejection] = (),
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
            counts=counts,
            identity=scope.identity or self._identity_by_records(scope),
            key_digest=self._key_digest(scope) if scope.identity else None,
            was_renamed=scope.was_renamed,
            change=change,
            based_on=scope.known.generation,
            digests=digests,
            records=records,
            rejections=rejections,
            held_bytes=scope.held_bytes,
        )
