"""Reduces the schema of a connection type to what masking and people need (polytomic-api 4.5).

The server is not trusted: a schema may be nested without end, of wrong types, or full of secrets.
What is not understood is taken for sensitive, and so is what would be cut; what is not listed is
masked by its name.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import orjson

from aggregator.redact import Json, masked_name
from aggregator.resources.fields import LARGEST_JSON
from aggregator.tripwire import SET, mask_text

DEEPEST = 8
"""Levels of objects and lists; what is nested deeper is sensitive as a whole."""
MOST_PROPERTIES = 500
"""Of one object. Of a configuration itself the sensitive ones come first; an object within it that
has more is sensitive as a whole."""
MOST_FIELDS = 5_000
"""Of one schema; an object or list that comes after that many is sensitive as a whole."""
LONGEST_TITLE = 200
"""Characters."""

_TYPES = frozenset({"string", "integer", "number", "boolean", "array", "object"})
_NOT_UNDERSTOOD = (
    *("$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if", "then", "else"),
    *("patternProperties", "dependentSchemas", "prefixItems"),
)
_Fields: TypeAlias = dict[str, Any]


def reduce(schema: Json) -> _Fields | None:
    """The properties by name; None where there are none, or more than can be stored. Never raises.

    Kept of each property, where it is set: ``type``, ``title``, ``sensitive``, ``required``,
    ``read_only``, and ``properties`` and ``items`` in the same way.
    """
    if not isinstance(schema, dict):
        return None
    properties = schema.get("properties")
    if not isinstance(properties, dict) or not properties:
        return None
    by_need = sorted(properties.items(), key=lambda member: not _is_sensitive(member[1]))
    fields = _Reduction().members(dict(by_need[:MOST_PROPERTIES]), schema, 1)
    if _is_flagged(schema):
        fields = {name: {**field, "sensitive": True} for name, field in fields.items()}
    return fields if fields and len(orjson.dumps(fields)) <= LARGEST_JSON else None


class _Reduction:
    """Counts the fields of one schema while it is reduced."""

    def __init__(self) -> None:
        self._fields = 0

    def members(self, properties: dict[str, Any], parent: dict[str, Any], depth: int) -> _Fields:
        required = parent.get("required")
        names = set(filter(_is_text, required)) if isinstance(required, list) else set()
        fields = {}
        for name, schema in properties.items():
            if not isinstance(schema, dict) or masked_name(name)[0] == SET:
                continue  # not listed, so masked by its name; a name that is a value, wholly
            fields[name] = self._field(schema, depth)
            if name in names:
                fields[name]["required"] = True
        return fields

    def _field(self, schema: dict[str, Any], depth: int) -> _Fields:
        self._fields += 1
        field: _Fields = {}
        if (kind := schema.get("type")) is not None and (known := _type(kind)):
            field["type"] = known
        if isinstance(title := schema.get("title"), str) and title:
            field["title"] = mask_text(title)[:LONGEST_TITLE]
        if schema.get("readOnly") is True or schema.get("readonly") is True:
            field["read_only"] = True
        if _is_sensitive(schema) or self._is_cut(schema, depth):
            field["sensitive"] = True
            return field
        if properties := schema.get("properties"):
            field["properties"] = self.members(properties, schema, depth + 1)
        if "items" in schema and isinstance(items := schema["items"], dict):
            field["items"] = self._field(items, depth + 1)
        return field

    def _is_cut(self, schema: dict[str, Any], depth: int) -> bool:
        properties = schema.get("properties") or ()
        if len(properties) > MOST_PROPERTIES:
            return True
        is_nested = bool(properties) or isinstance(schema.get("items"), dict)
        return is_nested and (depth >= DEEPEST or self._fields >= MOST_FIELDS)


def _is_sensitive(schema: Json) -> bool:
    """Whether it is flagged, or says something that we do not understand."""
    if not isinstance(schema, dict):
        return False
    return (
        _is_flagged(schema)
        or not schema.keys().isdisjoint(_NOT_UNDERSTOOD)
        or not isinstance(schema.get("properties") or {}, dict)
        or not isinstance(schema.get("items") or {}, (dict, bool))
        or not _is_plain(schema.get("additionalProperties"))
    )


def _is_plain(values: Json) -> bool:
    """Whether nothing is said of the values of a map, but perhaps their type."""
    return not isinstance(values, dict) or values.keys() <= {"type"}


def _is_flagged(schema: dict[str, Any]) -> bool:
    marks = (schema.get("sensitive"), schema.get("password"), schema.get("writeOnly"))
    return any(marks) or schema.get("format") == "password"


def _type(kind: Json) -> str | None:
    """The type, or the first of several that says what is there."""
    kinds = kind if isinstance(kind, list) else [kind]
    return next((item for item in kinds if isinstance(item, str) and item in _TYPES), None)


def _is_text(value: Json) -> bool:
    return isinstance(value, str)
