"""What the API's documentation says of the fields of a connection."""

from __future__ import annotations

from collections.abc import Mapping

from aggregator.resource import Field
from aggregator.resources.vocabulary import (
    FLAG,
    ID,
    OBJECT,
    OPTIONAL_ID,
    OPTIONAL_INTEGER,
    OPTIONAL_LIST,
    OPTIONAL_OBJECT,
    OPTIONAL_TEXT,
    TEXT,
    actor,
)

_OPERATION = TEXT._replace(
    terms=frozenset(
        {"bulksyncsource", "fieldsetquery", "filters", "identityfunctions", "istruncatable"}
        | {"polytomicconnection", "supportssql", "target", "targetcreator"}
    )
)

CONNECTION: Mapping[str, Field] = {  # polytomic-api 4.1 to 4.4
    "id": ID,
    "organization_id": ID,
    "name": TEXT,
    "type": OBJECT,
    "type.id": ID,
    "type.name": TEXT,
    "type.logo_url": TEXT,
    "type.logo_dark_url": OPTIONAL_TEXT,
    "type.operations": OPTIONAL_LIST,
    "type.operations[]": _OPERATION,
    "type.Operations": OPTIONAL_LIST,  # the older spelling, 4.2
    "type.Operations[]": TEXT,
    "configuration": OBJECT,  # what is in it differs by type
    "status": TEXT._replace(terms=frozenset({"healthy", "unhealthy"})),
    "status_error": OPTIONAL_TEXT,
    "saved": FLAG,
    "policies": OPTIONAL_LIST,
    "policies[]": TEXT,
    "parent_connection_id": OPTIONAL_ID,
    "created_at": TEXT,
    **actor("created_by"),
    "updated_at": TEXT,
    **actor("updated_by"),
    "api_calls_last_24_hours": OPTIONAL_INTEGER,
    "rate_limit": OPTIONAL_OBJECT,
    "rate_limit.currently_limited": FLAG,
    "rate_limit.limited_since": OPTIONAL_TEXT,
    "rate_limit.expires_at": OPTIONAL_TEXT,
}
