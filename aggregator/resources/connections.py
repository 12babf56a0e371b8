"""Connections: what ``GET /api/connections`` lists, one row per connection (polytomic-api 4)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from aggregator.model import Record, Rejection
from aggregator.redact import Json, Rule, mask, mask_object
from aggregator.resource import Resource
from aggregator.resources.documented import CONNECTION
from aggregator.resources.endpoint import endpoint_of
from aggregator.resources.fields import (
    VOLATILE,
    Notes,
    flag,
    identifier,
    integer,
    json_text,
    members,
    moment,
    note,
    text,
    texts,
    unknown,
    usable_id,
)
from aggregator.resources.parts import AUTHORSHIP_COLUMNS, authorship, error_text
from aggregator.resources.records import without_id
from aggregator.resources.vocabulary import names
from aggregator.rules import Rules

COLUMNS = (
    "name",
    "type_id",
    "type_name",
    "type_logo_url",
    "type_logo_dark_url",
    "operations",
    "status",
    "status_error",
    "endpoint",
    "saved",
    "configuration",
    "policies",
    "parent_connection_id",
    *AUTHORSHIP_COLUMNS,
    "extra",
    "sanitized",
)
READINGS = (
    "api_calls_last_24_hours",
    "rate_limit_reported",
    "rate_limited",
    "rate_limited_since",
    "rate_limit_expires_at",
)

_FIELDS = names(CONNECTION)
_TYPE_FIELDS = names(CONNECTION, "type.")
_RATE_LIMIT_FIELDS = names(CONNECTION, "rate_limit.")

NO_RULES: Mapping[str, Rules] = MappingProxyType({})

_TypeColumns: TypeAlias = tuple[str | None, str | None, str | None, str | None, list[str] | None]
_types: dict[str, tuple[dict[str, Any], _TypeColumns]] = {}
"""Types by id, as they came and as they are stored: few types come with many connections."""
_MOST_TYPES = 1024
_LONGEST_TYPE = 4096
"""Characters of JSON text; a longer type is not remembered."""


def normalize(
    record: Json,
    sanitized: bool,  # noqa: FBT001 -- the interface of Resource
    rules: Mapping[str, Rules] = NO_RULES,
) -> Record | Rejection:
    """The connection as it is stored, or why it cannot be; ``rules`` are by type id.

    Never raises for a JSON value whose texts are storable. The same connection gives the same
    values whatever the order of its keys, policies and operations.
    """
    if type(record) is not dict:
        return Rejection(
            None, "the record is not an object", json_text(mask(record, Rule.OTHER), "record", {})
        )
    connection_id = usable_id(record.get("id"))
    if connection_id is None:
        return _without_id(record, rules)

    get = record.get
    notes: Notes = {}
    organization_id = identifier(get("organization_id"), "organization_id", notes)
    kind = _type(get("type"), notes)
    configuration, endpoint = _configuration(
        get("configuration"), rules.get(kind[0] or "") if rules else None, notes
    )
    values = (
        text(get("name"), "name", notes),
        *kind,
        text(get("status"), "status", notes),
        error_text(get("status_error"), "status_error", notes),
        endpoint,
        flag(get("saved"), "saved", notes),
        configuration,
        texts(get("policies"), "policies", notes),
        identifier(get("parent_connection_id"), "parent_connection_id", notes),
        *authorship(record, notes),
    )
    reading = _reading(record, notes)
    if not _FIELDS.issuperset(record):
        unknown(record, _FIELDS, "", notes)
    extra = json_text(notes, "extra", {}) if notes else None
    return Record(
        connection_id, organization_id, (*values, extra, sanitized), reading, extra is not None
    )


def kind_of(record: Json) -> str | None:
    """The id of a raw record's type, where it could have a schema."""
    kind = record.get("type") if type(record) is dict else None
    type_id = kind.get("id") if type(kind) is dict else kind
    return usable_id(type_id) if type(type_id) is str else None


def _type(value: Json, notes: Notes) -> _TypeColumns:
    """Id, name, both logos and operations of the connection's type."""
    if type(value) is str:  # as requests have it
        note(value, "type", notes)
        value = {"id": value}
    kind = members(value, "type", notes)
    type_id = kind.get("id")
    if type(type_id) is str and (known := _types.get(type_id)) and known[0] == kind:
        return known[1]
    operations = kind.get("operations")
    if operations is None:  # the older spelling, polytomic-api 4.2
        operations = kind.get("Operations")
    odd: Notes = {}
    columns = (
        identifier(type_id, "type.id", odd),
        text(kind.get("name"), "type.name", odd),
        text(kind.get("logo_url"), "type.logo_url", odd),
        text(kind.get("logo_dark_url"), "type.logo_dark_url", odd),
        texts(operations, "type.operations", odd),
    )
    if not kind.keys() <= _TYPE_FIELDS:
        unknown(kind, _TYPE_FIELDS, "type.", odd)
    notes.update(odd)
    # Remembered only if it is stored in full: so it holds nothing but texts (to which no number
    # or boolean is equal), and no secret.
    if type(type_id) is str and not odd and "Operations" not in kind:
        _remember_type(type_id, kind, columns)
    return columns


def _remember_type(type_id: str, kind: dict[str, Any], columns: _TypeColumns) -> None:
    if len(json_text(kind, "type", {})) > _LONGEST_TYPE:
        return
    if len(_types) >= _MOST_TYPES:
        _types.clear()
    _types[type_id] = kind, columns


def _configuration(value: Json, rules: Rules | None, notes: Notes) -> tuple[str | None, str | None]:
    """The masked configuration as JSON text, and the host or account that it names."""
    if value is None:
        return None, None
    if type(value) is not dict:
        notes["configuration"] = mask(value, Rule.SECRET)
        return None, None
    masked = mask_object(value, rules)
    return json_text(masked, "configuration", notes), endpoint_of(masked)


def _reading(record: dict[str, Any], notes: Notes) -> tuple[Any, ...] | None:
    """The volatile values; ``rate_limit`` null is unknown, absent is not reported (4.3).

    What is odd about them is noted without its value, which would make history of every reading.
    """
    calls = record.get("api_calls_last_24_hours")
    reported = "rate_limit" in record
    if calls is None and not reported:
        return None
    odd: Notes = {}
    limit = members(record.get("rate_limit"), "rate_limit", odd)
    count = integer(calls)
    reading = (
        count,
        reported,
        flag(limit.get("currently_limited"), "rate_limit.currently_limited", odd),
        moment(limit.get("limited_since"), "rate_limit.limited_since", odd),
        moment(limit.get("expires_at"), "rate_limit.expires_at", odd),
    )
    if calls is not None and count is None:
        notes["api_calls_last_24_hours"] = VOLATILE
    if not limit.keys() <= _RATE_LIMIT_FIELDS:
        unknown(limit, _RATE_LIMIT_FIELDS, "rate_limit.", odd)
    if odd:
        notes.update(dict.fromkeys(odd, VOLATILE))
    return None if not reported and count is None else reading


def _without_id(record: dict[str, Any], rules: Mapping[str, Rules]) -> Rejection:
    """The rejection of a record that has no usable id (fault C21)."""
    storable = mask_object(record)
    configuration, type_id = record.get("configuration"), _type(record.get("type"), {})[0]
    if type(configuration) is dict:
        storable["configuration"] = mask_object(configuration, rules.get(type_id or ""))
    return without_id(record.get("id"), json_text(storable, "record", {}))


CONNECTIONS = Resource(
    name="connections",
    path="/api/connections",
    item_path="/api/connections/{id}",
    version=4,
    columns=COLUMNS,
    readings=READINGS,
    normalize=normalize,
    fields=CONNECTION,
    kind_of=kind_of,
)
