"""One organization and its scopes while they are visited: what was known, what is learned."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from aggregator.backpressure import Hold
from aggregator.client import Caller, Tally
from aggregator.errors import ScopeError
from aggregator.model import Identity, Organization, Outcome, Record, Rejection
from aggregator.resource import Resource
from aggregator.scope import NOTHING_KNOWN, OrganizationState, ScopeState, Shape

MOST_QUARANTINED = 100
"""Rejected or foreign records of one scope that are kept to be looked at; all are counted."""


@dataclass(slots=True)
class Visit:
    """What the scopes of one organization learn of its key; it is asked once for all of them."""

    organization: Organization
    state: OrganizationState
    identity: Identity | None = None
    identity_refused: ScopeError | None = None
    asked_by: Scope | None = None
    failure: ScopeError | None = None
    """Why nothing of this organization may be written."""
    organization_id: str | None = None
    was_renamed: bool = False
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def pinned(self) -> str | None:
        """The organization that the key must speak for: the registry's word, or the past's."""
        return self.organization.organization_id or self.state.organization_id


@dataclass(slots=True)
class Scope:
    """One scope while it is collected; what is learned on the way is noted in it."""

    visit: Visit
    resource: Resource
    caller: Caller
    hold: Hold
    started_at: datetime
    request_id: str | None = None
    """Of the last answer that was a part of the list."""
    notes: list[str] = field(default_factory=list)
    """What a person should know of an answer that is complete all the same."""
    details_read: bool = False
    """What ``Resource.detail_path`` tells was read anew."""

    @property
    def organization(self) -> Organization:
        return self.visit.organization

    @property
    def tally(self) -> Tally:
        return self.caller.tally

    @property
    def known(self) -> ScopeState:
        return self.visit.state.scopes.get(self.resource.name) or NOTHING_KNOWN

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
    shape: Shape | None
    kinds: tuple[str, ...] = ()
    """Ids of the connection types whose schemas said what may be kept, sorted."""
    is_refused: bool = False
    """Every connection that was asked about answered 403."""
    silent: Sequence[str] = ()
    """Connections of which the server says that they have no such thing."""
    going: Sequence[str] = ()
    """The same of connections that their own list lacks: what belongs to them goes after them."""


class ForeignRecordsError(ScopeError):
    """An answer holds records of another organization; they are quarantined, nothing is stored."""

    def __init__(self, expected: str | None, snapshot: Snapshot) -> None:
        super().__init__(Outcome.ORG_MISMATCH, "the answer holds records of another organization")
        self.rejections = [
            Rejection(record.id, "it names another organization", "null")
            for record in snapshot.records.values()
            if record.organization_id not in {expected, None}
        ]
