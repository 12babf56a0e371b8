"""Bulk syncs: what ``GET /api/bulk/syncs`` lists, and how they run (polytomic-api 5.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from aggregator.model import Request
from aggregator.redact import Json
from aggregator.resource import Field, Resource, States
from aggregator.resources.fields import (
    LARGEST_SMALL_INTEGER,
    Notes,
    filled,
    flag,
    identifier,
    identifiers,
    in_order,
    integer,
    json_list,
    moment,
    note,
    text,
    texts,
    whole,
)
from aggregator.resources.parts import (
    AUTHORSHIP_COLUMNS,
    authorship,
    configuration,
    error_text,
    schedule,
)
from aggregator.resources.records import Raw, normalizer
from aggregator.resources.vocabulary import (
    AUTHORSHIP,
    FLAG,
    ID,
    OBJECT,
    OPTIONAL_FLAG,
    OPTIONAL_ID,
    OPTIONAL_INTEGER,
    OPTIONAL_LIST,
    OPTIONAL_OBJECT,
    OPTIONAL_TEXT,
    SCHEDULE_PARTS,
    TEXT,
    names,
)
from aggregator.resources.vocabulary import schedule as schedule_fields

COLUMNS = (
    "name",
    "active",
    "mode",
    "source_connection_id",
    "destination_connection_id",
    "schedule",
    "schedules",
    "source_configuration",
    "destination_configuration",
    "automatically_add_new_fields",
    "automatically_add_new_objects",
    "normalize_names",
    "concurrency_limit",
    "resync_concurrency_limit",
    "data_cutoff_timestamp",
    "disable_record_timestamps",
    "policies",
    *AUTHORSHIP_COLUMNS,
    "extra",
    "sanitized",
)
READINGS = (
    "current_status",
    "next_execution_at",
    "last_started_at",
    "last_completed_at",
    "schemas_total",
    "schemas_failed",
    "records",
    "errors",
    "warnings",
    "status_message",
)

_DISCOVERY = OPTIONAL_TEXT._replace(
    terms=frozenset({"all", "onlyincremental", "onlynonincremental", "none"})
)
_OF_A_SCHEDULE = ("id", "created_at", "created_by", "updated_at", "updated_by")

FIELDS: Mapping[str, Field] = {
    "id": ID,
    "organization_id": ID,
    "name": TEXT,
    "active": FLAG,
    "mode": TEXT._replace(terms=frozenset({"snapshot", "replicate", "append"})),
    "source_connection_id": ID,
    "destination_connection_id": OPTIONAL_ID,
    "dest_connection_id": OPTIONAL_ID,  # the older name
    **schedule_fields("default_schedule", *_OF_A_SCHEDULE),
    **schedule_fields("schedule", *_OF_A_SCHEDULE),  # before 2025-09-18
    "additional_schedules": OPTIONAL_LIST,
    "additional_schedules[]": OBJECT,
    "source_configuration": OPTIONAL_OBJECT,  # what is in it differs by type
    "destination_configuration": OPTIONAL_OBJECT,
    "automatically_add_new_fields": _DISCOVERY,
    "automatically_add_new_objects": _DISCOVERY,
    "normalize_names": OPTIONAL_TEXT._replace(terms=frozenset({"enabled", "disabled", "legacy"})),
    "concurrency_limit": OPTIONAL_INTEGER,
    "resync_concurrency_limit": OPTIONAL_INTEGER,
    "data_cutoff_timestamp": OPTIONAL_TEXT,
    "disable_record_timestamps": OPTIONAL_FLAG,
    "policies": OPTIONAL_LIST,
    "policies[]": ID,
    **AUTHORSHIP,
}

_SCHEDULE_FIELDS = names(FIELDS, "default_schedule.")
_ADDITIONAL_PARTS = frozenset({*SCHEDULE_PARTS, "resync_mode", "selective_mode"})
_ADDITIONAL_FIELDS = _SCHEDULE_FIELDS | _ADDITIONAL_PARTS | {"schemas"}
_FAILED = frozenset({"failed", "errors"})


def _values(record: Raw, notes: Notes) -> tuple[Any, ...]:
    get = record.get
    destination = identifier(get("destination_connection_id"), "destination_connection_id", notes)
    older = identifier(get("dest_connection_id"), "dest_connection_id", notes)
    return (
        text(get("name"), "name", notes),
        flag(get("active"), "active", notes),
        filled(get("mode"), "mode", notes),
        identifier(get("source_connection_id"), "source_connection_id", notes),
        destination or older,
        *_schedules(record, notes),
        configuration(get("source_configuration"), "source_configuration", notes),
        configuration(get("destination_configuration"), "destination_configuration", notes),
        filled(get("automatically_add_new_fields"), "automatically_add_new_fields", notes),
        filled(get("automatically_add_new_objects"), "automatically_add_new_objects", notes),
        filled(get("normalize_names"), "normalize_names", notes),
        _limit(get("concurrency_limit"), "concurrency_limit", notes),
        _limit(get("resync_concurrency_limit"), "resync_concurrency_limit", notes),
        moment(get("data_cutoff_timestamp"), "data_cutoff_timestamp", notes),
        flag(get("disable_record_timestamps"), "disable_record_timestamps", notes),
        identifiers(get("policies"), "policies", notes),
        *authorship(record, notes),
    )


def _limit(value: Json, label: str, notes: Notes) -> int | None:
    return whole(value, label, notes, LARGEST_SMALL_INTEGER)


def _schedules(record: Raw, notes: Notes) -> tuple[str | None, str | None]:
    """The frequency of the default schedule, and all schedules as JSON text."""
    default = schedule(record.get("default_schedule"), "default_schedule", notes, _SCHEDULE_FIELDS)
    if "schedule" in record:
        older = schedule(record["schedule"], "schedule", notes, _SCHEDULE_FIELDS)
        default = default or older
    found = [default] if default else []
    additional = record.get("additional_schedules")
    if type(additional) is list:
        found += _additional(additional, notes)
    elif additional is not None:
        note(additional, "additional_schedules", notes)
    schedules = json_list(found, "schedules", notes) if found else None
    return default.get("frequency"), schedules


def _additional(given: list[Any], notes: Notes) -> list[dict[str, Any]]:
    """The additional schedules that say anything; what was odd about them becomes one note."""
    found, odd = [], []
    for each in given:
        own: Notes = {}
        parts = schedule(each, "schedule", own, _ADDITIONAL_FIELDS, _ADDITIONAL_PARTS)
        if type(each) is dict and (schemas := texts(each.get("schemas"), "schedule.schemas", own)):
            parts["schemas"] = schemas
        if parts:
            found.append(parts)
        if own:
            odd.append(own)
    if odd:
        notes["additional_schedules"] = in_order(odd)
    return found


def read_status(entry: Json) -> tuple[Any, ...] | None:
    """The readings in one entry of the status list; None where it is none.

    Starts and ends are the latest of any schema, counts the sums over all that have them. The
    message is that of the first schema by name that failed, else of one that had errors.
    """
    if type(entry) is not dict:
        return None
    odd: Notes = {}
    next_execution = entry.get("nextExecutionTime")  # among names in the other spelling
    schemas = entry.get("schemas", ())
    known = schemas is None or type(schemas) is list
    of_schemas = [each for each in schemas if type(each) is dict] if known and schemas else []
    failed = [each for each in of_schemas if _has_failed(each)]
    return (
        filled(entry.get("status"), "status", odd),
        moment(next_execution, "nextExecutionTime", odd),
        _latest(of_schemas, "started_at"),
        _latest(of_schemas, "completed_at"),
        len(of_schemas) if known else None,
        len(failed) if known else None,
        _sum(of_schemas, "record_count"),
        _sum(of_schemas, "error_count"),
        _sum(of_schemas, "warning_count"),
        _message(failed) or _message([each for each in of_schemas if _has_errors(each)]),
    )


def _has_failed(schema: Raw) -> bool:
    status = schema.get("status")
    return type(status) is str and status.lower() in _FAILED


def _has_errors(schema: Raw) -> bool:
    return (integer(schema.get("error_count")) or 0) > 0


def _latest(schemas: Sequence[Raw], name: str) -> datetime | None:
    moments = (moment(each.get(name), name, {}) for each in schemas)
    return max(filter(None, moments), default=None)


def _sum(schemas: Sequence[Raw], name: str) -> int | None:
    counts = [count for each in schemas if (count := integer(each.get(name))) is not None]
    return integer(sum(counts)) if counts else None


def _message(schemas: Sequence[Raw]) -> str | None:
    said = (
        (str(each.get("schema")), message)
        for each in schemas
        if type(message := each.get("status_message")) is str and message
    )
    return error_text(min(said, default=("", None))[1], "status_message", {})


BULK_SYNCS = Resource(
    name="bulk_syncs",
    path="/api/bulk/syncs",
    item_path="/api/bulk/syncs/{id}",
    version=1,
    columns=COLUMNS,
    readings=READINGS,
    normalize=normalizer(_values, FIELDS),
    states=States(
        request=Request("/api/bulk/syncs/status", (("all", "true"),)),
        id_of="sync_id",
        read=read_status,
    ),
    fields=FIELDS,
)
