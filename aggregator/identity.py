"""Whose records are these: identities are asked for when something could have changed, and pinned.

In the steady state nothing is asked: every record names its organization, and that is the pinned
one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from aggregator import api, roster
from aggregator.client import Client
from aggregator.database import Database
from aggregator.errors import ScopeError
from aggregator.model import Identity, Outcome
from aggregator.scope import Vouching
from aggregator.visit import ForeignRecordsError, Scope, Snapshot, Visit

IDENTITY_VALID_FOR = timedelta(days=1)
CLOCKS_APART = timedelta(minutes=5)
"""How far the database's clock may be ahead of ours before we take it for wrong."""

_GO_ON_WITHOUT_IDENTITY = {
    Outcome.UNAUTHORIZED,
    Outcome.FORBIDDEN,
    Outcome.NOT_FOUND,
    Outcome.UPSTREAM_ERROR,
    Outcome.BAD_PAYLOAD,
}


class Identities:
    """What the scopes of a run prove about their keys; one organization is claimed once.

    ``configured`` are the names that may hold an organization; None: those of the ledger.
    """

    def __init__(
        self,
        client: Client,
        database: Database,
        *,
        pepper: bytes,
        configured: frozenset[str] | None,
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._database = database
        self._pepper = pepper
        self._configured = configured
        self._now = now
        self._claims: dict[tuple[str, str], str] = {}
        self._pins: dict[tuple[str, str], roster.Pin] | None = None
        self._loading_pins = asyncio.Lock()

    async def is_known(self, deployment: str, organization_id: str) -> bool:
        """Whether any run before this one has pinned the organization."""
        return (deployment, organization_id) in await self._load_pins()

    def is_due(self, scope: Scope) -> bool:
        state = scope.visit.state
        return (
            state.identity_checked_at is None
            or state.key_digest != self.key_digest(scope)
            or not scope.known.rights_hold
            or not -CLOCKS_APART <= self._now() - state.identity_checked_at < IDENTITY_VALID_FOR
            or scope.visit.pinned != state.organization_id
        )

    def key_digest(self, scope: Scope) -> bytes | None:
        credential = scope.organization.credential
        return credential.secret.digest(self._pepper) if credential else None

    async def ask(self, scope: Scope, *, anew: bool = False) -> None:
        """Notes who the key speaks for, or that it may not ask; once for all scopes of a visit.

        ``anew``: unless this scope has asked, what another one has learned is too old.
        """
        visit = scope.visit
        async with visit.asking:
            if visit.failure is not None:
                raise visit.failure.with_traceback(None)
            if visit.asked_by is not None and (visit.asked_by is scope or not anew):
                return
            await self._ask(scope)
            visit.asked_by = scope
            try:
                await self._believe(visit)
            except ScopeError as error:
                visit.failure = error
                raise

    async def _ask(self, scope: Scope) -> None:
        visit = scope.visit
        try:
            response = await self._client.send(scope.caller, api.IDENTITY)
            visit.identity, visit.identity_refused = api.decipher_identity(response), None
        except ScopeError as error:
            if error.outcome not in _GO_ON_WITHOUT_IDENTITY:
                raise
            visit.identity = None
            visit.identity_refused = error.with_traceback(None)  # its frames hold the body
        finally:
            scope.hold.drop()

    async def _believe(self, visit: Visit) -> None:
        """Raises where the key is not the one of the organization that is visited."""
        identity, pinned = visit.identity, visit.pinned
        if identity is None:
            return
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
        await self._claim(visit, identity.organization_id)

    async def _claim(self, visit: Visit, organization_id: str) -> None:
        """Makes sure that one organization is read with one key only: the one that had it before.

        Whoever is pinned holds the claim, also where a newcomer asks first (fault A2).
        """
        name, key = visit.organization.name, (visit.organization.deployment, organization_id)
        if visit.state.organization_id != organization_id:
            pin = (await self._load_pins()).get(key)
            if pin is not None and self._is_read(pin):
                self._claims.setdefault(key, pin.organization)
            visit.was_renamed = pin is not None
        holder = self._claims.setdefault(key, name)
        if holder != name:
            raise ScopeError(
                Outcome.DUPLICATE_ORG, f"the key speaks for the same organization as {holder!r}"
            )
        visit.organization_id = organization_id

    def _is_read(self, pin: roster.Pin) -> bool:
        """Whether its holder may still be read; a plan has not told the ledger who is left."""
        return pin.active and (self._configured is None or pin.organization in self._configured)

    async def _load_pins(self) -> dict[tuple[str, str], roster.Pin]:
        """Every organization id known before this run; read once, and only if anything is new."""
        async with self._loading_pins:
            if self._pins is None:
                self._pins = await roster.load_pins(self._database)
        return self._pins

    async def settle(self, scope: Scope, snapshot: Snapshot) -> None:
        """Makes sure, before anything is written, whose records these are."""
        visit = scope.visit
        named = {record.organization_id for record in snapshot.records.values()}
        # Of one connection nobody asks who does not know whose it is.
        proven = {visit.pinned} if scope.resource.per == "organization" else {visit.pinned, None}
        if visit.pinned is None or named - proven:
            await self.ask(scope)
        was_changed = visit.state.key_digest not in {None, self.key_digest(scope)}
        if was_changed and visit.identity is None and named <= {None}:
            raise ScopeError(
                Outcome.ORG_MISMATCH,
                "the key is not the one of the last run, and nothing says whose it is",
            )
        expected = visit.identity.organization_id if visit.identity else visit.pinned
        if expected is None and len(named) == 1:
            expected = next(iter(named))
        if expected is None and named:
            raise ScopeError(
                Outcome.ORG_MISMATCH, "nothing says which organization the records belong to"
            )
        if named - {expected, None}:
            raise ForeignRecordsError(expected, snapshot)
        if expected is not None:
            await self._claim(visit, expected)

    def by_records(self, scope: Scope) -> Identity | None:
        """What is pinned where the key may not ask who it is, but its records say it."""
        visit = scope.visit
        if visit.organization_id is None or visit.organization_id == visit.state.organization_id:
            return None
        return Identity(visit.organization_id)

    async def doubt(self, scope: Scope) -> str | None:
        """Why rows that vanished may still exist: the key may see less than when they were seen."""
        await self.ask(scope)
        return "the key's identity could not be read" if scope.visit.identity is None else None

    async def vouch(self, scope: Scope) -> None:
        """Raises where the key is not known to have seen this scope with the rights of now.

        One connection that is forbidden has no such thing; that all are may also be the key's lot.
        """
        if scope.known.rights_seen:
            await self.ask(scope, anew=True)
            identity = scope.visit.identity
            if identity is None or identity.rights not in scope.known.rights_seen:
                raise ScopeError(
                    Outcome.FORBIDDEN, "all is forbidden since the key's rights changed"
                )

    def vouching(self, scope: Scope) -> Vouching | None:
        """What tells rows that were seen with the rights of now; None: these are not known."""
        if scope.visit.identity is None:
            return None
        rights = scope.visit.identity.rights
        return Vouching(rights, scope.known.rights_seen.get(rights))

    def note(self, scope: Scope) -> str | None:
        """What a person should know of a complete answer; None: nothing."""
        refused = scope.visit.identity_refused
        notes = [*scope.notes, *([f"read without identity: {refused.message}"] if refused else [])]
        return "; ".join(notes) or None
