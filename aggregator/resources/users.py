"""Users: what ``GET /api/organization/users`` lists; personal data (polytomic-api 5.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aggregator.redact import Json
from aggregator.resource import Field, Resource
from aggregator.resources.fields import Notes, filled, flag, identifiers
from aggregator.resources.records import Raw, normalizer
from aggregator.resources.vocabulary import (
    ID,
    OPTIONAL_FLAG,
    OPTIONAL_LIST,
    OPTIONAL_TEXT,
    TEXT,
)

COLUMNS = ("email", "role", "role_ids", "harbor_only", "harbor_ids", "extra", "sanitized")

FIELDS: Mapping[str, Field] = {
    "id": ID,
    "organization_id": ID,
    "email": TEXT,
    "role": OPTIONAL_TEXT,
    "role_ids": OPTIONAL_LIST,
    "role_ids[]": ID,
    "harbor_only": OPTIONAL_FLAG,
    "harbor_ids": OPTIONAL_LIST,
    "harbor_ids[]": ID,
}


def _values(record: Raw, notes: Notes) -> tuple[Any, ...]:
    get = record.get
    return (
        _email(get("email"), notes),
        filled(get("role"), "role", notes),
        identifiers(get("role_ids"), "role_ids", notes),
        flag(get("harbor_only"), "harbor_only", notes),
        identifiers(get("harbor_ids"), "harbor_ids", notes),
    )


def _email(value: Json, notes: Notes) -> str | None:
    """In lower case: addresses compare so, and one in other letters is no change."""
    email = filled(value, "email", notes)
    return email and email.lower()


USERS = Resource(
    name="users",
    path="/api/organization/users",
    item_path="/api/organization/users/{id}",
    version=1,
    columns=COLUMNS,
    readings=(),
    normalize=normalizer(_values, FIELDS, is_private=True),
    is_private=True,
    is_default=False,
    fields=FIELDS,
)
