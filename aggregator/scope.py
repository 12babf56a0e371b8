"""Values about one scope, one resource of one organization: what was known, what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from aggregator.model import Counts, Identity, Organization, Outcome, Record, Rejection
from aggregator.resource import Resource

NONE_COUNTED = Counts()
UNPROVEN = "its absence is not proven yet"
MOST_NAMED = 20
"""Rows of a scope that a plan names for each kind of change; all are counted."""
SOME_REJECTED = "some records were rejected: see reporting.rejected_records"


@dataclass(frozen=True, slots=True)
class ScopeState:
    """What the ledger knew of a scope before this run."""

    last_outcome: str | None = None
    records: int = 0
    withheld: int = 0
    bytes_digest: bytes | None = None
    tracked_digest: bytes | None = None
    readings_digest: bytes | None = None
    generation: int = 0
    """Of the run that wrote the scope last."""
    rights_seen: Mapping[str, datetime] = field(default_factory=dict)
    """What the key was allowed when it was asked and the answer lacked no row, the latest few; and
    when: rows that came later may need other rights."""
    rights_hold: bool = False
    """Whether no row came later, and they were the same the time before."""
    kinds: tuple[str, ...] = ()
    """Connection types in the last answer, whose schemas its normalized form depends on; sorted."""
    details_read_at: datetime | None = None

    @property
    def answered(self) -> int:
        """Records that the last answer held."""
        return self.records - self.withheld


NOTHING_KNOWN = ScopeState()


@dataclass(frozen=True, slots=True)
class OrganizationState:
    """What the ledger knew of an organization before this run; all None at its first use."""

    organization_id: str | None = None
    key_digest: bytes | None = None
    identity_checked_at: datetime | None = None
    scopes: Mapping[str, ScopeState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Known:
    """One stored row of a scope, as far as deciding about it needs."""

    content_hash: bytes
    came_at: datetime | None = None
    """When it was first seen, or restored; None: before the database's clock was set back."""
    rights: str | None = None
    """What the key was allowed then; None: not known."""
    missing_runs: int = 0
    """Complete runs in a row, before this one, whose answer did not contain the row."""
    withheld_because: str = ""


class Vouching(NamedTuple):
    """What the key is allowed now, and when an answer with these rights last lacked no row."""

    rights: str
    at: datetime | None

    def covers(self, row: Known) -> bool:
        """Whether the row was seen with these rights."""
        is_old = row.came_at is None or (self.at is not None and row.came_at <= self.at)
        return row.rights == self.rights or (self.at is not None and is_old)


@dataclass(frozen=True, slots=True)
class Change:
    """What a scope's snapshot changes in the inventory; ids are unique and sorted."""

    records: Sequence[tuple[Record, bytes]] = ()
    """Records that are new or differ, with their content hash."""
    readings: Sequence[Record] | None = None
    """Every record that reports a reading; None: the readings are as they were."""
    removed: Sequence[str] = ()
    withheld: Mapping[str, str] = field(default_factory=dict)
    """Every id that is missing but kept, with the reason."""
    is_first: bool = False
    """Nothing of the scope is stored yet: there is nothing to replace, to end or to settle."""


class Drift(NamedTuple):
    """One way in which an answer differs from the documentation; it holds no value."""

    kind: str
    """``unknown_field``, ``changed_type``, ``new_value`` or ``conflicting_duplicates``;
    ``vanished_field`` is found by comparing with the last answer."""
    path: str
    mark: str = ""
    """Digest of a new value, or the JSON type that was met."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What an answer looked like beside the documentation.

    Documented fields that are not optional are ``everywhere``, ``somewhere`` or ``nowhere``: in
    all, in some or in none of the objects that they belong to. Where there is no such object, as
    in an answer without records, they are in none of the three.
    """

    everywhere: AbstractSet[str]
    somewhere: AbstractSet[str]
    nowhere: AbstractSet[str]
    drift: AbstractSet[Drift]


@dataclass(frozen=True, slots=True)
class Absence:
    """Stored rows that an answer did not contain; judged when the whole fleet has been read."""

    candidates: tuple[str, ...]
    """Ids that are removed where reads by id prove it."""
    accepted: frozenset[str]
    """Those of them that a person lets go, whether their neighbors can be read or not."""
    neighbor: str | None
    """An id that the answer did contain; None: the answer was empty."""
    withheld: Mapping[str, str]
    """Ids that stay whatever a read by id would say, with the reason."""
    counts_as_agreement: bool
    """Whether a later run may refer to this one's answer."""
    digests: Digests
    """Of the answer, for the case that nothing stays withheld."""

    @property
    def kept(self) -> dict[str, str]:
        """All of them, for as long as nothing is proven."""
        return {**dict.fromkeys(self.candidates, UNPROVEN), **self.withheld}


@dataclass(frozen=True, slots=True)
class Digests:
    """Digests of a snapshot; None where the next run must look again whatever it gets."""

    bytes_digest: bytes | None
    tracked_digest: bytes | None
    readings_digest: bytes | None


class Planned(NamedTuple):
    """One row that a plan would change or keep in spite of its absence."""

    change: str
    """``created``, ``updated``, ``removed``, ``restored`` or ``withheld``."""
    id: str
    name: str | None
    fields: Sequence[str]
    """Those that an update would change."""
    reason: str | None
    """Why it would be withheld."""


def _nothing() -> None:
    """Releases nothing: most results hold nothing."""


@dataclass(frozen=True, slots=True)
class ScopeResult:
    """How one scope ended, and what is to be written for it."""

    organization: Organization
    resource: Resource
    outcome: Outcome
    started_at: datetime
    finished_at: datetime
    organization_id: str | None = None
    error: str | None = None
    http_status: int | None = None
    requests: int = 0
    retries: int = 0
    waited_seconds: float = 0.0
    request_id: str | None = None
    """The server's name for its last answer to the list, as far as it gave one."""
    counts: Counts = NONE_COUNTED
    identity: Identity | None = None
    """Set where ``/api/me`` was asked in this run; pinned when the result is written."""
    key_digest: bytes | None = None
    was_renamed: bool = False
    """The organization was known under a name that nobody configures any more."""
    change: Change | None = None
    """None: nothing in the inventory changes."""
    based_on: int = 0
    """Generation of the state that ``change`` and ``digests`` were found by comparing with."""
    digests: Digests | None = None
    """None: the scope was not read, what the ledger knows of it stays."""
    records: int = 0
    """Rows the scope has after this result, those withheld included."""
    rejections: Sequence[Rejection] = ()
    release: Callable[[], None] = _nothing
    """Gives back what it holds of the run's memory; called once it is written."""
    rights: str | None = None
    """What the key was allowed to do, where ``/api/me`` was asked; kept once nothing is missing."""
    absence: Absence | None = None
    """Rows that the answer did not contain; in this result all of them are still kept."""
    is_verdict: bool = False
    """The second result of a scope in one run, about its absent rows only: ``counts``, requests,
    retries and waiting are what it adds to the first one."""
    planned: Sequence[Planned] = ()
    """What would change, where the run is only a plan: all updates, the first rows of the rest."""
    walk_races: int = 0
    """Rows that the list did not contain and that a read by id found."""
    shape: Shape | None = None
    """None: no answer was parsed, or nobody watches its resource for drift."""
    kinds: tuple[str, ...] = ()
    """Connection types in the answer, sorted."""
    details_read: bool = False

    @classmethod
    def not_tried(
        cls, whose: tuple[Organization, Resource], outcome: Outcome, reason: str, at: datetime
    ) -> ScopeResult:
        """How a scope ended of which nothing was asked."""
        return cls(*whose, outcome, started_at=at, finished_at=at, error=reason)

    @property
    def owner(self) -> tuple[str, str]:
        """Deployment and organization id of its rows; the latter is empty where nobody knows it
        yet, and for rows of a whole deployment.
        """
        is_shared = self.resource.per == "deployment"
        return self.organization.deployment, "" if is_shared else self.organization_id or ""

    @property
    def is_new(self) -> bool:
        """Whether no run has ever written anything of this scope or its organization."""
        is_first = self.change is not None and self.change.is_first
        return is_first and self.based_on == 0 and not self.was_renamed
