"""Connection types: what a deployment can connect to, and how that is configured (5.1).

``configurationForm``, ``initialConfiguration`` and ``envConfig`` may hold settings of the
deployment and are never kept; what configurations of a type have in them, its schema says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aggregator.redact import Json
from aggregator.resource import Field, Resource
from aggregator.resources.fields import (
    Notes,
    filled,
    flag,
    json_text,
    members,
    note,
    texts,
    unknown,
)
from aggregator.resources.records import Raw, no_organization, normalizer
from aggregator.resources.vocabulary import (
    FLAG,
    ID,
    OPTIONAL_OBJECT,
    OPTIONAL_TEXT,
    TEXT,
    UNREAD,
)

COLUMNS = (
    "name",
    "logo_url",
    "logo_dark_url",
    "use_oauth",
    "capabilities",
    "configuration_fields",
    "extra",
    "sanitized",
)

FIELDS: Mapping[str, Field] = {
    "id": ID,
    "name": TEXT,
    "logo_url": TEXT,
    "logo_dark_url": OPTIONAL_TEXT,
    "use_oauth": FLAG,
    "oauth_prompt": UNREAD,
    "capabilities": Field(frozenset({"object", "array"})),
    "configurationForm": UNREAD,
    "initialConfiguration": UNREAD,
    "envConfig": UNREAD,
    "enabled": UNREAD,  # for the organization of the key, and a deployment is asked with any key
    "schema": OPTIONAL_OBJECT,  # added by whoever read the type's schema
}


def _values(record: Raw, notes: Notes) -> tuple[Any, ...]:
    get = record.get
    return (
        filled(get("name"), "name", notes),
        filled(get("logo_url"), "logo_url", notes),
        filled(get("logo_dark_url"), "logo_dark_url", notes),
        flag(get("use_oauth"), "use_oauth", notes),
        _capabilities(get("capabilities"), notes),
        _configuration_fields(get("schema"), notes),
    )


def _capabilities(value: Json, notes: Notes) -> list[str] | None:
    """The capabilities that a type has, sorted; servers may also list just these."""
    if type(value) is dict:
        odd = {name: given for name, given in value.items() if type(given) is not bool}
        unknown(odd, frozenset(), "capabilities.", notes)
        value = [name for name, has in value.items() if has is True]
    return texts(value, "capabilities", notes)


def _configuration_fields(schema: Json, notes: Notes) -> str | None:
    """The reduced schema as JSON text; None where it was not read. Empty: it lists nothing."""
    fields = members(schema, "schema", notes)
    try:
        is_read = type(schema) is dict
        return json_text(fields, "configuration_fields", notes) if is_read else None
    except TypeError:  # nested too deep, or a number that is too large
        note(schema, "schema", notes)
        return None


CONNECTION_TYPES = Resource(
    name="connection_types",
    path="/api/connection_types",
    item_path=None,
    version=1,
    columns=COLUMNS,
    readings=(),
    normalize=normalizer(_values, FIELDS, organization_id=no_organization, is_private=True),
    is_private=True,
    per="deployment",
    detail_path="/api/connection_types/{id}",
    fields=FIELDS,
)
