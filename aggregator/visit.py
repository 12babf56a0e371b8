"""One scope while it is visited: what was known of it, and what is learned on the way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from aggregator.backpressure import Hold
from aggregator.client import Tally
from aggregator.errors import ScopeError
from aggregator.limits import OrganizationLimits
from aggregator.model import Identity, Organization, Outcome, Record, Rejection, Resource
from aggregator.scope import NOTHING_KNOWN, OrganizationState, ScopeState, Shape

MOST_QUARANTINED = 100
"""Rejected or foreign records of one scope that are kept to be looked at; all are counted."""


@dataclass(slots=True)
class Scope:
    """One scope while it is collected; what is learned on the way is noted in it."""

    organization: Organization
    resource: Resource
    state: OrganizationState
    limits: OrganizationLimits
    started_at: datetime
    tally: Tally
    hold: Hold
    identity: Identity | None = None
    identity_refused: ScopeError | None = None
    organization_id: str | None = None
    was_renamed: bool = False
    request_id: str | None = None
    """Of the last answer that was a part of the list."""

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
    shape: Shape | None


class ForeignRecordsError(ScopeError):
    """An answer holds records of another organization; they are quarantined, nothing is stored."""

    def __init__(self, expected: str | None, snapshot: Snapshot) -> None:
        super().__init__(Outcome.ORG_MISMATCH, "the answer holds records of another organization")
        self.rejections = [
            Rejection(record.id, "it names another organization", "null")
            for record in snapshot.records.values()
            if record.organization_id not in {expected, None}
        ]
