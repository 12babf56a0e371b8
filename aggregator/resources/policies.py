"""Policies: what ``GET /api/permissions/policies`` lists: which roles may do what (5.8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aggregator.redact import Json
from aggregator.resource import Field, Resource
from aggregator.resources.fields import (
    Notes,
    flag,
    identifiers,
    in_order,
    json_list,
    note,
    text,
    unknown,
)
from aggregator.resources.records import Raw, normalizer, organization_unless_system
from aggregator.resources.vocabulary import ID, OBJECT, OPTIONAL_FLAG, OPTIONAL_LIST, TEXT

COLUMNS = ("name", "is_system", "policy_actions", "extra", "sanitized")

FIELDS: Mapping[str, Field] = {
    "id": ID,
    "organization_id": ID,
    "name": TEXT,
    "system": OPTIONAL_FLAG,
    "policy_actions": OPTIONAL_LIST,
    "policy_actions[]": OBJECT,
}

_ACTION_FIELDS = frozenset({"action", "role_ids"})


def _values(record: Raw, notes: Notes) -> tuple[Any, ...]:
    get = record.get
    return (
        text(get("name"), "name", notes),
        flag(get("system"), "system", notes),
        _actions(get("policy_actions"), notes),
    )


def _actions(value: Json, notes: Notes) -> str | None:
    """The actions with their roles as JSON text; what was odd about them becomes one note."""
    if type(value) is not list:
        if value is not None:
            note(value, "policy_actions", notes)
        return None
    found, odd = [], []
    for each in value:
        own: Notes = {}
        if type(each) is dict:
            found.append(_action(each, own))
        else:
            note(each, "action", own)
        if own:
            odd.append(own)
    if odd:
        notes["policy_actions"] = in_order(odd)
    return json_list(found, "policy_actions", notes)


def _action(given: Raw, notes: Notes) -> dict[str, Any]:
    if not given.keys() <= _ACTION_FIELDS:
        unknown(given, _ACTION_FIELDS, "", notes)
    return {
        "action": text(given.get("action"), "action", notes),
        "role_ids": identifiers(given.get("role_ids"), "role_ids", notes),
    }


POLICIES = Resource(
    name="policies",
    path="/api/permissions/policies",
    item_path="/api/permissions/policies/{id}",
    version=1,
    columns=COLUMNS,
    readings=(),
    normalize=normalizer(_values, FIELDS, organization_id=organization_unless_system),
    is_default=False,
    fields=FIELDS,
)
