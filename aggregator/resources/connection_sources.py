"""Connection sources: what a connection offers to bulk syncs that read it (polytomic-api 5.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aggregator.resource import Each, Field, Resource
from aggregator.resources import answers
from aggregator.resources.fields import Notes, flag, members, unknown
from aggregator.resources.parts import named
from aggregator.resources.records import Raw, no_organization, normalizer
from aggregator.resources.vocabulary import (
    OPTIONAL_FLAG,
    OPTIONAL_LIST,
    OPTIONAL_OBJECT,
    UNREAD,
    names,
)

COLUMNS = (
    *answers.COLUMNS,
    "supports_tracking_fields",
    "supports_namespaces",
    "schema_count",
    "schemas",
    "extra",
    "sanitized",
)

FIELDS: Mapping[str, Field] = answers.documented(
    {
        "capabilities": OPTIONAL_OBJECT,
        "capabilities.supports_tracking_fields": OPTIONAL_FLAG,
        "capabilities.supports_namespaces": OPTIONAL_FLAG,
        "configuration": UNREAD,  # may hold anything
        "schemas": OPTIONAL_LIST,
    }
)
_SOURCE_FIELDS = names(FIELDS, "data.")
_CAPABILITIES = names(FIELDS, "data.capabilities.")


def _values(record: Raw, notes: Notes) -> tuple[Any, ...]:
    source = members(record.get("data"), "data", notes)
    capabilities = members(source.get("capabilities"), "data.capabilities", notes)
    unknown(source, _SOURCE_FIELDS, "data.", notes)
    unknown(capabilities, _CAPABILITIES, "data.capabilities.", notes)
    return (
        *answers.availability(record),
        flag(
            capabilities.get("supports_tracking_fields"),
            "data.capabilities.supports_tracking_fields",
            notes,
        ),
        flag(
            capabilities.get("supports_namespaces"), "data.capabilities.supports_namespaces", notes
        ),
        *_schemas(source, notes),
    )


def _schemas(source: Raw, notes: Notes) -> tuple[int | None, list[str] | None]:
    """How many there are and their ids, sorted and once each; null is how servers write none."""
    schemas = source.get("schemas")
    if schemas is None and "schemas" in source:
        schemas = []
    count = len(schemas) if type(schemas) is list else None
    return count, named(schemas, ("id",), "data.schemas", notes)


CONNECTION_SOURCES = Resource(
    name="connection_sources",
    path="/api/connections/{id}/bulksync/source",
    item_path=None,
    version=1,
    columns=COLUMNS,
    readings=(),
    normalize=normalizer(_values, FIELDS, organization_id=no_organization),
    is_default=False,
    per="connection",
    needs="connections",
    each=Each(applies=answers.is_source, records=answers.record_of),
    fields=FIELDS,
)
