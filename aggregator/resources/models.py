"""Models: what ``GET /api/models`` lists, but no query and no example value (polytomic-api 5.6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aggregator.redact import Json
from aggregator.resource import Field, Resource
from aggregator.resources.fields import (
    Notes,
    filled,
    identifier,
    identifiers,
    members,
    note,
    text,
    texts,
    unknown,
    whole,
)
from aggregator.resources.parts import AUTHORSHIP_COLUMNS, authorship, named
from aggregator.resources.records import Raw, normalizer
from aggregator.resources.vocabulary import (
    AUTHORSHIP,
    ID,
    OBJECT,
    OPTIONAL_ID,
    OPTIONAL_INTEGER,
    OPTIONAL_LIST,
    OPTIONAL_OBJECT,
    OPTIONAL_TEXT,
    TEXT,
    UNREAD,
    names,
)

COLUMNS = (
    "name",
    "connection_id",
    "enricher_connection_id",
    "enricher_id",
    "type",
    "model_version",
    "identifier",
    "tracking_columns",
    "labels",
    "policies",
    "related_model_ids",
    "fields",
    *AUTHORSHIP_COLUMNS,
    "extra",
    "sanitized",
)

_NAMED = Field(frozenset({"object", "string"}))

FIELDS: Mapping[str, Field] = {
    "id": ID,
    "organization_id": ID,
    "name": TEXT,
    "connection_id": OPTIONAL_ID,
    "type": OPTIONAL_TEXT,
    "version": OPTIONAL_INTEGER,
    "identifier": OPTIONAL_TEXT,
    "tracking_columns": OPTIONAL_LIST,
    "tracking_columns[]": TEXT,
    "labels": OPTIONAL_LIST,
    "labels[]": _NAMED,
    "policies": OPTIONAL_LIST,
    "policies[]": ID,
    "relations": OPTIONAL_LIST,
    "relations[]": OBJECT,
    "fields": OPTIONAL_LIST,
    "fields[]": _NAMED,
    "enricher": OPTIONAL_OBJECT,
    "enricher.connection_id": OPTIONAL_ID,
    "enricher.enricher_id": OPTIONAL_ID,
    "enricher.configuration": UNREAD,
    "enricher.fields": UNREAD,
    "enricher.mappings": UNREAD,
    "configuration": UNREAD,  # the query
    **AUTHORSHIP,
}

_ENRICHER_FIELDS = names(FIELDS, "enricher.")


def _values(record: Raw, notes: Notes) -> tuple[Any, ...]:
    get = record.get
    return (
        text(get("name"), "name", notes),
        identifier(get("connection_id"), "connection_id", notes),
        *_enricher(get("enricher"), notes),
        filled(get("type"), "type", notes),
        whole(get("version"), "version", notes),
        filled(get("identifier"), "identifier", notes),
        texts(get("tracking_columns"), "tracking_columns", notes),
        named(get("labels"), ("name", "label", "id"), "labels", notes),
        identifiers(get("policies"), "policies", notes),
        _related_models(get("relations"), notes),
        named(get("fields"), ("name",), "fields", notes),
        *authorship(record, notes),
    )


def _enricher(value: Json, notes: Notes) -> tuple[str | None, str | None]:
    """Ids of the enricher's connection and of the enricher."""
    enricher = members(value, "enricher", notes)
    if not enricher.keys() <= _ENRICHER_FIELDS:
        unknown(enricher, _ENRICHER_FIELDS, "enricher.", notes)
    return (
        identifier(enricher.get("connection_id"), "enricher.connection_id", notes),
        identifier(enricher.get("enricher_id"), "enricher.enricher_id", notes),
    )


def _related_models(value: Json, notes: Notes) -> list[str] | None:
    if type(value) is not list:
        if value is not None:
            note(value, "relations", notes)
        return None
    return identifiers([_target(each) for each in value], "relations", notes)


def _target(relation: Json) -> Json:
    to = relation.get("to") if type(relation) is dict else None
    return to.get("model_id") if type(to) is dict else None


MODELS = Resource(
    name="models",
    path="/api/models",
    item_path="/api/models/{id}",
    version=1,
    columns=COLUMNS,
    readings=(),
    normalize=normalizer(_values, FIELDS, is_private=True),
    is_private=True,
    fields=FIELDS,
)
