"""Organizations: what ``GET /api/organization`` says of the key's own (polytomic-api 1.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aggregator.resource import Field, Resource
from aggregator.resources.fields import Notes, filled, identifier, text, usable_id
from aggregator.resources.records import Raw, normalizer
from aggregator.resources.vocabulary import ID, OPTIONAL_ID, OPTIONAL_TEXT, TEXT

COLUMNS = ("name", "sso_domain", "sso_org_id", "issuer", "extra", "sanitized")

FIELDS: Mapping[str, Field] = {
    "id": ID,
    "name": TEXT,
    "sso_domain": OPTIONAL_TEXT,
    "sso_org_id": OPTIONAL_ID,
    "issuer": OPTIONAL_TEXT,
}


def _values(record: Raw, notes: Notes) -> tuple[Any, ...]:
    get = record.get
    return (
        text(get("name"), "name", notes),
        filled(get("sso_domain"), "sso_domain", notes),
        identifier(get("sso_org_id"), "sso_org_id", notes),
        filled(get("issuer"), "issuer", notes),
    )


def _own_id(record: Raw, _: Notes) -> str | None:
    return usable_id(record.get("id"))


ORGANIZATIONS = Resource(
    name="organizations",
    path="/api/organization",
    item_path=None,
    version=1,
    columns=COLUMNS,
    readings=(),
    normalize=normalizer(_values, FIELDS, organization_id=_own_id),
    is_single=True,
    fields=FIELDS,
)
