"""Shared connections: the copies of a connection in other organizations (polytomic-api 4.6).

A copy is another organization's connection, listed by its parent's: little of it is kept, and none
of its configuration. Lists of the other organization say more, where a key for it is at hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aggregator.redact import Json
from aggregator.resource import Each, Field, Resource, Target
from aggregator.resources.fields import (
    Notes,
    flag,
    identifier,
    members,
    moment,
    note,
    text,
    unknown,
    usable_id,
)
from aggregator.resources.parts import error_text
from aggregator.resources.records import Raw, no_organization, normalizer
from aggregator.resources.vocabulary import (
    FLAG,
    ID,
    OBJECT,
    OPTIONAL_ID,
    OPTIONAL_TEXT,
    TEXT,
    UNREAD,
    names,
)

COLUMNS = (
    "parent_connection_id",
    "child_organization_id",
    "name",
    "type_id",
    "type_name",
    "status",
    "status_error",
    "saved",
    "created_at",
    "updated_at",
    "extra",
    "sanitized",
)

_LISTED_BY = "listed_by_connection_id"
"""Added to each copy: the connection that was asked for its copies."""

FIELDS: Mapping[str, Field] = {
    _LISTED_BY: ID,
    "id": ID,
    "organization_id": ID,
    "parent_connection_id": OPTIONAL_ID,
    "name": TEXT,
    "type": OBJECT,
    "type.id": ID,
    "type.name": TEXT,
    "type.logo_url": UNREAD,
    "type.logo_dark_url": UNREAD,
    "type.operations": UNREAD,
    "type.Operations": UNREAD,
    "status": TEXT._replace(terms=frozenset({"healthy", "unhealthy"})),
    "status_error": OPTIONAL_TEXT,
    "saved": FLAG,
    "configuration": UNREAD,
    "policies": UNREAD,
    "created_at": OPTIONAL_TEXT,
    "created_by": UNREAD,
    "updated_at": OPTIONAL_TEXT,
    "updated_by": UNREAD,
    "api_calls_last_24_hours": UNREAD,
    "rate_limit": UNREAD,
}
_TYPE_FIELDS = names(FIELDS, "type.")


def applies(target: Target) -> bool:
    """Copies are made of a connection by the organization that owns it, never of a copy."""
    return not target.is_shared


def records(target: Target, data: Json) -> list[Any]:
    """The copies, each with the connection that was asked; a connection is no copy of its own."""
    if data is None:
        return []
    return [
        {**copy, _LISTED_BY: target.id} if type(copy) is dict else copy
        for copy in (data if type(data) is list else [data])
        if type(copy) is not dict or usable_id(copy.get("id")) != target.id
    ]


def _values(copy: Raw, notes: Notes) -> tuple[Any, ...]:
    get = copy.get
    return (
        _parent(copy, notes),
        identifier(get("organization_id"), "organization_id", notes),
        text(get("name"), "name", notes),
        *_type(get("type"), notes),
        text(get("status"), "status", notes),
        error_text(get("status_error"), "status_error", notes),
        flag(get("saved"), "saved", notes),
        moment(get("created_at"), "created_at", notes),
        moment(get("updated_at"), "updated_at", notes),
    )


def _parent(copy: Raw, notes: Notes) -> str | None:
    """The parent that the copy names; the connection that was asked where it names none or itself.

    Its own word goes first: so a copy of a copy has one parent, whoever lists it.
    """
    asked = identifier(copy.get(_LISTED_BY), _LISTED_BY, notes)
    parent = identifier(copy.get("parent_connection_id"), "parent_connection_id", notes)
    if parent is not None and parent == usable_id(copy.get("id")):
        note(parent, "parent_connection_id", notes)
        return asked
    return asked if parent is None else parent


def _type(value: Json, notes: Notes) -> tuple[str | None, str | None]:
    """Id and name of the copy's type."""
    if type(value) is str:  # as requests have it
        note(value, "type", notes)
        value = {"id": value}
    kind = members(value, "type", notes)
    unknown(kind, _TYPE_FIELDS, "type.", notes)
    return (
        identifier(kind.get("id"), "type.id", notes),
        text(kind.get("name"), "type.name", notes),
    )


SHARED_CONNECTIONS = Resource(
    name="shared_connections",
    path="/api/connections/{id}/shared",
    item_path=None,
    version=1,
    columns=COLUMNS,
    readings=(),
    normalize=normalizer(_values, FIELDS, organization_id=no_organization, is_private=True),
    is_private=True,
    is_default=False,
    per="connection",
    needs="connections",
    each=Each(
        applies=applies,
        records=records,
        belongs_by="parent_connection_id",
        partner_path="/api/organizations/{organization}/connections/{id}/shared",
    ),
    fields=FIELDS,
)
