"""Model syncs: what ``GET /api/syncs`` lists, 50 a page (polytomic-api 5.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aggregator.redact import Json
from aggregator.resource import Field, Resource
from aggregator.resources.fields import (
    Notes,
    filled,
    flag,
    identifier,
    identifiers,
    json_list,
    members,
    text,
    unknown,
    usable_id,
)
from aggregator.resources.parts import AUTHORSHIP_COLUMNS, authorship, schedule
from aggregator.resources.records import Raw, normalizer
from aggregator.resources.vocabulary import (
    AUTHORSHIP,
    FLAG,
    ID,
    OPTIONAL_FLAG,
    OPTIONAL_ID,
    OPTIONAL_LIST,
    OPTIONAL_OBJECT,
    OPTIONAL_TEXT,
    TEXT,
    UNREAD,
    names,
)
from aggregator.resources.vocabulary import schedule as schedule_fields

COLUMNS = (
    "name",
    "active",
    "mode",
    "model_ids",
    "target_connection_id",
    "target_object",
    "schedule",
    "schedules",
    "schedule_connection_id",
    "runs_after_sync_ids",
    "runs_after_bulk_sync_ids",
    "runs_after_success_only",
    "sync_all_records",
    "skip_initial_backfill",
    "only_enrich_updates",
    *AUTHORSHIP_COLUMNS,
    "extra",
    "sanitized",
)

_OLDER = (
    *("encryption_passphrase", "fields", "filter_logic", "filters", "identities", "identity"),
    *("model_filters", "override_fields", "overrides", "policies", "problems", "target"),
    "target_filters",
)
"""What lists had before 2025-09-18 and single syncs still have: values of customers among them."""

FIELDS: Mapping[str, Field] = {
    "id": ID,
    "organization_id": ID,
    "name": TEXT,
    "active": FLAG,
    "mode": TEXT._replace(
        terms=frozenset(
            {"create", "update", "updateorcreate", "replace", "append", "remove", "snapshot"}
            | {"enrich"}
        )
    ),
    "model_ids": OPTIONAL_LIST,
    "model_ids[]": ID,
    "target_connection_id": OPTIONAL_ID,
    "target_object": OPTIONAL_TEXT,
    **schedule_fields("schedule"),
    "schedule.connection_id": OPTIONAL_ID,
    "schedule.job_id": OPTIONAL_ID,
    "schedule.run_after": OPTIONAL_OBJECT,
    "schedule.run_after.sync_ids": OPTIONAL_LIST,
    "schedule.run_after.sync_ids[]": ID,
    "schedule.run_after.bulk_sync_ids": OPTIONAL_LIST,
    "schedule.run_after.bulk_sync_ids[]": ID,
    "schedule.run_after_success_only": OPTIONAL_FLAG,
    "sync_all_records": OPTIONAL_FLAG,
    "skip_initial_backfill": OPTIONAL_FLAG,
    "only_enrich_updates": OPTIONAL_FLAG,
    **AUTHORSHIP,
    **dict.fromkeys(_OLDER, UNREAD),
}

_SCHEDULE_FIELDS = names(FIELDS, "schedule.")
_RUN_AFTER_FIELDS = names(FIELDS, "schedule.run_after.")
_NO_JOB = "0"


def _values(record: Raw, notes: Notes) -> tuple[Any, ...]:
    get = record.get
    target = _only_object(get("target"))
    model_ids = identifiers(get("model_ids"), "model_ids", notes)
    connection_id = identifier(get("target_connection_id"), "target_connection_id", notes)
    target_object = filled(get("target_object"), "target_object", notes)
    return (
        text(get("name"), "name", notes),
        flag(get("active"), "active", notes),
        filled(get("mode"), "mode", notes),
        _mapped_models(get("fields")) if model_ids is None else model_ids,
        connection_id or usable_id(target.get("connection_id")),
        target_object or filled(target.get("object"), "target", notes),
        *_schedule(get("schedule"), notes),
        flag(get("sync_all_records"), "sync_all_records", notes),
        flag(get("skip_initial_backfill"), "skip_initial_backfill", notes),
        flag(get("only_enrich_updates"), "only_enrich_updates", notes),
        *authorship(record, notes),
    )


def _mapped_models(fields: Json) -> list[str] | None:
    """The models whose fields are written: older lists name no others."""
    if type(fields) is not list:
        return None
    sources = (_only_object(_only_object(each).get("source")) for each in fields)
    model_ids = {usable_id(source.get("model_id")) for source in sources}
    return identifiers([model_id for model_id in model_ids if model_id], "fields", {})


def _schedule(value: Json, notes: Notes) -> tuple[Any, ...]:
    """The frequency, the schedule as a list of one, its connection, and what it runs after."""
    parts = schedule(value, "schedule", notes, _SCHEDULE_FIELDS)
    given = _only_object(value)
    job_id = identifier(given.get("job_id"), "schedule.job_id", notes)
    if job_id is not None and job_id != _NO_JOB:
        parts["job_id"] = job_id
    after = members(given.get("run_after"), "schedule.run_after", notes)
    if not after.keys() <= _RUN_AFTER_FIELDS:
        unknown(after, _RUN_AFTER_FIELDS, "schedule.run_after.", notes)
    only = given.get("run_after_success_only")
    return (
        parts.get("frequency"),
        json_list([parts], "schedules", notes) if parts else None,
        identifier(given.get("connection_id"), "schedule.connection_id", notes),
        identifiers(after.get("sync_ids"), "schedule.run_after.sync_ids", notes),
        identifiers(after.get("bulk_sync_ids"), "schedule.run_after.bulk_sync_ids", notes),
        flag(only, "schedule.run_after_success_only", notes),
    )


def _only_object(value: Json) -> Raw:
    return value if type(value) is dict else {}


MODEL_SYNCS = Resource(
    name="model_syncs",
    path="/api/syncs",
    item_path="/api/syncs/{id}",
    version=1,
    columns=COLUMNS,
    readings=(),
    normalize=normalizer(_values, FIELDS),
    item_is_whole=False,
    fields=FIELDS,
)
