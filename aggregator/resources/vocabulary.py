"""What the API's documentation says of fields that several resources have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aggregator.resource import Field

TEXT = Field(frozenset({"string"}))
OPTIONAL_TEXT = TEXT._replace(optional=True)
ID = Field(frozenset({"string", "integer"}))
"""Old and self-hosted servers number."""
OPTIONAL_ID = ID._replace(optional=True)
FLAG = Field(frozenset({"boolean"}))
OPTIONAL_FLAG = FLAG._replace(optional=True)
OPTIONAL_INTEGER = Field(frozenset({"integer"}), optional=True)
OPTIONAL_LIST = Field(frozenset({"array"}), optional=True)
OBJECT = Field(frozenset({"object"}))
OPTIONAL_OBJECT = OBJECT._replace(optional=True)
UNREAD = Field(
    frozenset({"string", "integer", "number", "boolean", "array", "object"}), optional=True
)
"""Documented, and nothing that an inventory keeps: it is not looked at."""

CALLER = TEXT._replace(terms=frozenset({"user", "organization", "partner", "system"}))
"""polytomic-api 1.5."""
_FREQUENCY = TEXT._replace(
    terms=frozenset(
        {"manual", "continuous", "hourly", "daily", "weekly", "custom", "builder", "runafter"}
        | {"multi", "dbtcloud"}
    )
)


def actor(path: str, whole: Field = OBJECT) -> dict[str, Field]:
    """The fields of who created or updated something, such as ``created_by``."""
    return {path: whole, f"{path}.id": ID, f"{path}.name": TEXT, f"{path}.type": CALLER}


AUTHORSHIP: Mapping[str, Field] = {
    "created_at": OPTIONAL_TEXT,
    **actor("created_by", OPTIONAL_OBJECT),
    "updated_at": OPTIONAL_TEXT,
    **actor("updated_by", OPTIONAL_OBJECT),
}
"""Who made a record and who changed it last; added inside a version, so servers lack it (1.7)."""

SCHEDULE_PARTS = ("frequency", "minute", "hour", "day_of_week", "day_of_month", "month")
"""Of a schedule; numbers are texts (5.4), integers on some servers."""


def schedule(path: str, *unread: str) -> dict[str, Field]:
    """The fields of the schedule at ``path``, of which ``unread`` are not looked at."""
    return {
        path: OPTIONAL_OBJECT,
        **{f"{path}.{part}": OPTIONAL_ID for part in SCHEDULE_PARTS},
        f"{path}.frequency": _FREQUENCY,
        **{f"{path}.{name}": UNREAD for name in unread},
    }


def names(fields: Iterable[str], prefix: str = "") -> frozenset[str]:
    """Names of the documented fields of the object with this prefix, such as ``schedule.``."""
    below = (path.removeprefix(prefix) for path in fields if path.startswith(prefix))
    return frozenset(name for name in below if name.isidentifier())
