"""Frozen values that every part of the program speaks; no I/O and no rules of their own."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from operator import add, attrgetter
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, NoReturn


class Outcome(StrEnum):
    """How one resource of one organization ended in a run: exactly one of these."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    RATE_LIMITED = "rate_limited"
    UPSTREAM_ERROR = "upstream_error"
    NETWORK = "network"
    TLS = "tls"
    TIMEOUT = "timeout"
    BAD_PAYLOAD = "bad_payload"
    TOO_LARGE = "too_large"
    REDIRECTED = "redirected"
    ORG_MISMATCH = "org_mismatch"
    DUPLICATE_ORG = "duplicate_org"
    BAD_KEY = "bad_key"
    WRONG_KEY_TYPE = "wrong_key_type"
    VERSION_MISMATCH = "version_mismatch"
    DEFERRED = "deferred"
    CANCELLED = "cancelled"
    DATABASE_ERROR = "database_error"
    INTERNAL_ERROR = "internal_error"


class Secret:
    """A key that no printing, formatting, pickling or comparing ever shows; ``reveal`` does."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def digest(self, pepper: bytes) -> bytes:
        """16 bytes that tell whether the key changed and nothing about it (HMAC-SHA-256, cut)."""
        return hmac.digest(pepper, self._value.encode(), "sha256")[:16]

    def __repr__(self) -> str:
        return "Secret(**)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled or copied")


@dataclass(frozen=True, slots=True)
class Credential:
    """One key and how it is sent (polytomic-api: plain Bearer, or Basic ``username:key``)."""

    secret: Secret
    scheme: Literal["bearer", "basic"] = "bearer"
    username: str = ""

    def authorization(self) -> str:
        """The ``Authorization`` header; built only at the moment of sending, never kept."""
        key = self.secret.reveal()
        if self.scheme == "bearer":
            return f"Bearer {key}"
        return "Basic " + base64.b64encode(f"{self.username}:{key}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an organization is not asked at all: its outcome is known before the first request."""

    outcome: Outcome
    reason: str


NO_TAGS: Mapping[str, str] = MappingProxyType({})
"""One for all: a fleet may be large, and memory is to follow what is at work."""


@dataclass(frozen=True, slots=True)
class Organization:
    """One tenant we collect from.

    Exactly one of ``credential`` and ``refusal`` is set, and neither where it is not enabled.
    """

    name: str
    base_url: str
    """Origin without a trailing slash, such as ``https://app.polytomic.com``."""
    deployment: str
    """Host name of ``base_url``; the first part of every inventory key."""
    source: str
    """Where it was configured, for messages: a setting's or a file's name, never a value."""
    credential: Credential | None = None
    refusal: Refusal | None = None
    organization_id: str | None = None
    """Pinned by the registry or by discovery; None: whatever ``/api/me`` says at first use."""
    organization_name: str | None = None
    tags: Mapping[str, str] = field(default_factory=lambda: NO_TAGS)
    requests_per_second: float | None = None
    """Ceiling of its own; None: the setting's."""
    enabled: bool = True
    discovered: bool = False
    """Found through the partner key instead of being configured by hand."""


class Listed(NamedTuple):
    """One organization of the partner's list, under our name for it."""

    organization: str
    organization_id: str
    organization_name: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """The partner's whole list of the organizations of one deployment; never an empty one."""

    deployment: str
    organizations: Sequence[Listed]


def _escaped(part: str | None) -> str:
    if part == "-":
        return "%2D"
    return part.replace("%", "%25").replace("/", "%2F") if part else "-"


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a key speaks for, as ``/api/me`` says; None where the answer does not say."""

    organization_id: str | None
    organization_name: str | None = None
    key_class: str | None = None
    """``user``, ``organization``, ``partner`` or ``system``."""
    role: str | None = None
    mode: str | None = None
    profile: str | None = None
    """Id of the API key profile and a digest of what it allows: it may be some connections only."""

    @property
    def rights(self) -> str:
        """All that decides what the key sees, as one text to compare: others give another one."""
        parts = (self.key_class, self.role, self.mode, self.profile)
        return "/".join(map(_escaped, parts))


@dataclass(frozen=True, slots=True)
class Request:
    """One request: the path below the base URL, and query parameters in order."""

    path: str
    query: tuple[tuple[str, str], ...] = ()
    method: Literal["GET", "POST"] = "GET"
    template: str | None = None
    """The path with ``{id}`` for what differs between records; None: nothing does."""

    @property
    def endpoint(self) -> str:
        return self.template or self.path


@dataclass(frozen=True, slots=True)
class Response:
    """One answer as it came: status, headers with lower-case names, decoded bytes of the body.

    Printed, it shows the status only: a server may repeat a key, and bodies hold secrets.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Page:
    """One deciphered list answer; every string in it is storable text (no NUL, no surrogates)."""

    records: list[Any]
    next_page_token: str | None = None
    sanitized: frozenset[int] = frozenset()
    """Indexes of records in which something had to be replaced to make it storable."""


class Record(NamedTuple):
    """One normalized record; everything in it is masked and may be stored.

    A named tuple because a run makes one for each record: it is built three times as fast.
    """

    id: str
    organization_id: str | None
    """The organization that the record names, if any; checked against the pinned one."""
    values: tuple[Any, ...]
    """Tracked values in the order of ``Resource.columns``; JSON values as text."""
    reading: tuple[Any, ...] | None = None
    """Volatile values in the order of ``Resource.readings``; None: nothing was reported."""
    is_odd: bool = False
    """Something in it was not as ``Resource.fields`` has it, or could not be taken in full."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that cannot be stored, why, and the record itself, masked, as JSON text."""

    record_id: str | None
    reason: str
    record: str


@dataclass(frozen=True, slots=True)
class Counts:
    """What a scope's records came to; the columns of the ledger and of ``sync --json``."""

    seen: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    restored: int = 0
    withheld: int = 0
    rejected: int = 0

    def as_dict(self) -> dict[str, int]:
        return dict(zip(_COUNTED, _counted(self), strict=True))

    def __add__(self, other: Counts) -> Counts:
        return Counts(*map(add, _counted(self), _counted(other)))


_COUNTED = tuple(Counts.__dataclass_fields__)
_counted = attrgetter(*_COUNTED)
