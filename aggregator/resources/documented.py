"""What the API's documentation says of fields: the parts of it, and the table for connections."""

from __future__ import annotations

from collections.abc import Mapping

from aggregator.model import Field

TEXT = Field(frozenset({"string"}))
OPTIONAL_TEXT = TEXT._replace(optional=True)
ID = Field(frozenset({"string", "integer"}))  # old and self-hosted servers
OPTIONAL_ID = ID._replace(optional=True)
FLAG = Field(frozenset({"boolean"}))
COUNT = Field(frozenset({"integer"}))
LIST = Field(frozenset({"array"}), optional=True)
OBJECT = Field(frozenset({"object"}))

_CALLER = TEXT._replace(terms=frozenset({"user", "organization", "partner", "system"}))  # 1.5
_OPERATION = TEXT._replace(
    terms=frozenset(
        {"bulksyncsource", "fieldsetquery", "filters", "identityfunctions", "istruncatable"}
        | {"polytomicconnection", "supportssql", "target", "targetcreator"}
    )
)


def actor(path: str) -> dict[str, Field]:
    """The fields of who created or updated something, such as ``created_by``."""
    return {path: OBJECT, f"{path}.id": ID, f"{path}.name": TEXT, f"{path}.type": _CALLER}


def names(fields: Mapping[str, Field], prefix: str = "") -> frozenset[str]:
    """Names of the documented fields of the object with this prefix."""
    below = (path.removeprefix(prefix) for path in fields if path.startswith(prefix))
    return frozenset(name for name in below if name.isidentifier())


CONNECTION: Mapping[str, Field] = {  # polytomic-api 4.1 to 4.4
    "id": ID,
    "organization_id": ID,
    "name": TEXT,
    "type": OBJECT,
    "type.id": ID,
    "type.name": TEXT,
    "type.logo_url": TEXT,
    "type.logo_dark_url": OPTIONAL_TEXT,
    "type.operations": LIST,
    "type.operations[]": _OPERATION,
    "type.Operations": LIST,  # the older spelling, 4.2
    "type.Operations[]": TEXT,
    "configuration": OBJECT,  # what is in it differs by type
    "status": TEXT._replace(terms=frozenset({"healthy", "unhealthy"})),
    "status_error": OPTIONAL_TEXT,
    "saved": FLAG,
    "policies": LIST,
    "policies[]": TEXT,
    "parent_connection_id": OPTIONAL_ID,
    "created_at": TEXT,
    **actor("created_by"),
    "updated_at": TEXT,
    **actor("updated_by"),
    "api_calls_last_24_hours": COUNT._replace(optional=True),
    "rate_limit": OBJECT._replace(optional=True),
    "rate_limit.currently_limited": FLAG,
    "rate_limit.limited_since": OPTIONAL_TEXT,
    "rate_limit.expires_at": OPTIONAL_TEXT,
}
