"""Roles: what ``GET /api/permissions/roles`` lists (polytomic-api 5.8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aggregator.resource import Field, Resource
from aggregator.resources.fields import Notes, flag, text
from aggregator.resources.records import Raw, normalizer, organization_unless_system
from aggregator.resources.vocabulary import ID, OPTIONAL_FLAG, TEXT

COLUMNS = ("name", "is_system", "extra", "sanitized")

FIELDS: Mapping[str, Field] = {
    "id": ID,
    "organization_id": ID,
    "name": TEXT,
    "system": OPTIONAL_FLAG,
}


def _values(record: Raw, notes: Notes) -> tuple[Any, ...]:
    return (
        text(record.get("name"), "name", notes),
        flag(record.get("system"), "system", notes),
    )


ROLES = Resource(
    name="roles",
    path="/api/permissions/roles",
    item_path="/api/permissions/roles/{id}",
    version=1,
    columns=COLUMNS,
    readings=(),
    normalize=normalizer(_values, FIELDS, organization_id=organization_unless_system),
    is_default=False,
    fields=FIELDS,
)
