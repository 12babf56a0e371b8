"""What a resource is: all that fetching, storing and the ledger know about a kind of thing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from aggregator.model import Record, Rejection, Request


class Field(NamedTuple):
    """What the documentation says of one field."""

    types: frozenset[str]
    """JSON types besides null: string, integer, number, boolean, array, object."""
    optional: bool = False
    """It comes and goes by itself: its absence is no news."""
    terms: frozenset[str] = frozenset()
    """Known terms of an open vocabulary, in lower case; empty: its texts are no vocabulary."""


@dataclass(frozen=True, slots=True)
class States:
    """One call whose answer holds the volatile values of all records of a list."""

    request: Request
    id_of: str
    """The field of an entry that names the record it belongs to."""
    read: Callable[[Any], tuple[Any, ...] | None]
    """The values of one entry in the order of ``Resource.readings``; never raises."""


class Target(NamedTuple):
    """A stored connection of which other resources may be asked."""

    id: str
    operations: frozenset[str]
    """In lower case."""
    is_healthy: bool | None
    is_shared: bool
    """It is a copy of another organization's connection."""
    reports_api_calls: bool
    is_missing: bool = False
    """The last list of connections lacked it."""


@dataclass(frozen=True, slots=True)
class Refresh:
    """How the server is made to look anew before a connection is asked about; only on request."""

    path: str
    """Where to POST, with ``{id}`` in it."""
    is_done: Callable[[Any, Any], bool]
    """Whether it has looked, by the ``data`` of an answer now and of one before the POST."""


@dataclass(frozen=True, slots=True)
class Each:
    """How a resource is read that is asked for connection by connection."""

    applies: Callable[[Target], bool]
    """Whether it is worth a request to ask of this connection."""
    records: Callable[[Target, Any], list[Any]]
    """The raw records in the ``data`` of an answer, which is None where the server says that this
    connection has no such thing (400, 403, 404); never raises."""
    belongs_by: str = "connection_id"
    """The column that names the connection a record belongs to: of one that has no such thing, what
    is stored is kept."""
    partner_path: str | None = None
    """Where it is asked with a partner key, with ``{organization}`` and ``{id}`` in it."""
    refresh: Refresh | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of thing that is collected: all that client, pipeline and store know about it.

    ``inventory.<name>`` has the key, ``columns`` and bookkeeping; ``inventory.<name>_readings``
    has the key and ``readings``, and exists only where there are any.
    """

    name: str
    path: str
    item_path: str | None
    """Where one record of the list is read, with ``{id}`` in it; None: nowhere."""
    version: int
    """Raise it when ``normalize`` or ``fields`` change: what is unchanged is read once more."""
    columns: tuple[str, ...]
    readings: tuple[str, ...]
    normalize: Callable[[Any, bool], Record | Rejection]
    """Takes one record of the list and whether it was sanitized; never raises."""
    is_default: bool = True
    """Read where nobody says which resources to read."""
    per: Literal["organization", "connection", "deployment"] = "organization"
    """What one path answers for: ``connection`` paths have ``{id}`` in them."""
    is_single: bool = False
    """The answer is one record and not a list."""
    needs: str | None = None
    """The resource that has to be complete before this one is read."""
    states: States | None = None
    each: Each | None = None
    """Set where ``per`` is ``connection``, and only there."""
    item_is_whole: bool = True
    """Whether ``item_path`` answers with the fields of the list; else it proves existence only."""
    detail_path: str | None = None
    """Where the JSON Schema of one record of a deployment is read, with ``{id}`` in it."""
    kind_of: Callable[[Any], str | None] | None = None
    """The connection type of a raw record, where that type's schema says what may be kept of it:
    ``normalize`` then takes the rules by type as a third argument."""
    is_private: bool = False
    """Values of its records are shown where its own views show them, and nowhere else: neither with
    a rejection nor in a plan."""
    fields: Mapping[str, Field] = field(default_factory=dict, hash=False)
    """The documented fields of a record by path, such as ``type``, ``type.id`` and ``policies[]``
    for the entries of a list; an object without paths into it is not looked into. Empty: nobody
    watches for drift."""
