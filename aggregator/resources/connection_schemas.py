"""Connection schemas: how fresh the cached schemas of a source are (polytomic-api 5.3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aggregator.redact import Json
from aggregator.resource import Each, Field, Refresh, Resource
from aggregator.resources import answers
from aggregator.resources.fields import Notes, filled, members, moment, unknown
from aggregator.resources.records import Raw, no_organization, normalizer
from aggregator.resources.vocabulary import OPTIONAL_TEXT, TEXT, names

COLUMNS = (*answers.COLUMNS, "extra", "sanitized")
READINGS = ("cache_status", "last_refresh_started_at", "last_refresh_finished_at")

REFRESH_PATH = "/api/connections/{id}/schemas/refresh"
"""A POST to it makes the server inspect the customer's system: only if somebody asked for that."""

FIELDS: Mapping[str, Field] = answers.documented(
    {
        "cache_status": TEXT._replace(terms=frozenset({"cached", "fresh", "refreshing"})),
        "last_refresh_started": OPTIONAL_TEXT,
        "last_refresh_finished": OPTIONAL_TEXT,
    }
)
_STATUS_FIELDS = names(FIELDS, "data.")


def is_refreshed(status: Json, before: Json = None) -> bool:
    """Whether the refresh has ended that was asked for when the status was ``before``.

    Both are the ``data`` of answers. Until the server has begun, it still answers ``before``, in
    which an earlier refresh has ended; the status itself has several words for the end.
    """
    _, started, finished = _read(members(status, "", {}), {})
    _, _, earlier = _read(members(before, "", {}), {})
    return finished is not None and all(finished > each for each in (started, earlier) if each)


def _reading(record: Raw, odd: Notes) -> tuple[Any, ...] | None:
    status = members(record.get("data"), "data", odd)
    unknown(status, _STATUS_FIELDS, "data.", odd)
    reading = _read(status, odd)
    return reading if any(reading) else None


def _read(status: Raw, odd: Notes) -> tuple[str | None, datetime | None, datetime | None]:
    get = status.get
    return (
        filled(get("cache_status"), "data.cache_status", odd),
        moment(get("last_refresh_started"), "data.last_refresh_started", odd),
        moment(get("last_refresh_finished"), "data.last_refresh_finished", odd),
    )


def _values(record: Raw, _: Notes) -> tuple[Any, ...]:
    return answers.availability(record)


CONNECTION_SCHEMAS = Resource(
    name="connection_schemas",
    path="/api/connections/{id}/schemas/status",
    item_path=None,
    version=1,
    columns=COLUMNS,
    readings=READINGS,
    normalize=normalizer(_values, FIELDS, organization_id=no_organization, reading=_reading),
    is_default=False,
    per="connection",
    needs="connections",
    each=Each(
        applies=answers.is_source,
        records=answers.record_of,
        refresh=Refresh(REFRESH_PATH, is_refreshed),
    ),
    fields=FIELDS,
)
