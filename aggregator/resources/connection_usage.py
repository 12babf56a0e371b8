"""Connection usage: API calls of a connection in 24 hours, in all and by sync (polytomic-api 5.2).

One answer makes a record for the connection's total and one for each sync. Which syncs they are is
tracked, and a sync without calls is not listed; how many calls it were, is a reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aggregator.redact import Json
from aggregator.resource import Each, Field, Resource, Target
from aggregator.resources.answers import note_other
from aggregator.resources.fields import (
    TOO_LARGE,
    Notes,
    filled,
    flag,
    identifier,
    integer,
    json_text,
    members,
    moment,
    note,
    text,
    unknown,
    usable_id,
    whole,
)
from aggregator.resources.records import Raw, no_organization, normalizer
from aggregator.resources.vocabulary import (
    FLAG,
    ID,
    OPTIONAL_INTEGER,
    OPTIONAL_LIST,
    OPTIONAL_OBJECT,
    OPTIONAL_TEXT,
    TEXT,
    UNREAD,
    names,
)

COLUMNS = (
    "connection_id",
    "sync_id",
    "sync_name",
    "sync_type",
    "reports_sync_stats",
    "extra",
    "sanitized",
)
READINGS = ("calls", "last_run_at", "categories")

FIELDS: Mapping[str, Field] = {
    "id": ID,
    "connection_id": ID,
    "data": OPTIONAL_OBJECT,
    "data.connectionId": ID,
    "data.callsLast24h": OPTIONAL_INTEGER,
    "data.reportsSyncStats": FLAG,
    "data.bySync": OPTIONAL_LIST,
    "reportsSyncStats": UNREAD,  # beside a sync: what the answer says in which it stands
    "sync": OPTIONAL_OBJECT,
    "sync.syncId": ID,
    "sync.syncName": OPTIONAL_TEXT,
    "sync.syncType": TEXT._replace(terms=frozenset({"model", "bulk"})),
    "sync.totalCalls": OPTIONAL_INTEGER,
    "sync.lastRunAt": OPTIONAL_TEXT,
    "sync.categories": OPTIONAL_LIST,
}
_USAGE_FIELDS = names(FIELDS, "data.")
_SYNC_FIELDS = names(FIELDS, "sync.")
_CATEGORY_FIELDS = frozenset({"key", "label", "calls"})


def applies(target: Target) -> bool:
    return target.reports_api_calls


def records(target: Target, data: Json) -> list[Any]:
    """One for the total and one for each sync; several entries for one sync become one."""
    if data is None:
        return []
    total = {"id": target.id, "connection_id": target.id, "data": data}
    usage = members(data, "", {})
    common = {"connection_id": target.id, "reportsSyncStats": usage.get("reportsSyncStats")}
    by_id: dict[str | None, list[Any]] = {}
    for entry in _listed(usage.get("bySync"), "", {}) or ():
        by_id.setdefault(usable_id(members(entry, "", {}).get("syncId")), []).append(entry)
    nameless = by_id.pop(None, [])
    return [
        total,
        *({**common, "id": None, "sync": entry} for entry in nameless),
        *(
            {**common, "id": f"{target.id}/{sync_id}", "sync": _together(same)}
            for sync_id, same in by_id.items()
        ),
    ]


def _together(entries: list[Raw]) -> Raw:
    """The entries as one: counts added, the latest run, and else the last by name and type."""
    if len(entries) == 1:
        return entries[0]
    sync: Raw = {}
    for entry in sorted(entries, key=_name_and_type):
        sync |= entry
    counts = [count for each in entries if (count := integer(each.get("totalCalls"))) is not None]
    runs = [run for each in entries if (run := moment(each.get("lastRunAt"), "", {}))]
    lists = [given for each in entries if type(given := each.get("categories")) is list]
    if counts:
        sync["totalCalls"] = sum(counts)
    if runs:
        sync["lastRunAt"] = max(runs).isoformat()
    if lists:
        sync["categories"] = [category for given in lists for category in given]
    return sync


def _name_and_type(sync: Raw) -> str:
    return repr((sync.get("syncName"), sync.get("syncType")))


def _values(record: Raw, notes: Notes) -> tuple[Any, ...]:
    usage, sync = members(record.get("data"), "data", {}), members(record.get("sync"), "sync", {})
    connection_id = identifier(record.get("connection_id"), "connection_id", notes)
    note_other(usage.get("connectionId"), connection_id, "data.connectionId", notes)
    reports = usage.get("reportsSyncStats", record.get("reportsSyncStats"))
    return (
        connection_id,
        identifier(sync.get("syncId"), "sync.syncId", notes),
        filled(sync.get("syncName"), "sync.syncName", notes),  # empty: it could not be resolved
        filled(sync.get("syncType"), "sync.syncType", notes),
        flag(reports, "data.reportsSyncStats", notes),
    )


def _reading(record: Raw, odd: Notes) -> tuple[Any, ...] | None:
    usage, sync = members(record.get("data"), "data", odd), members(record.get("sync"), "sync", odd)
    unknown(usage, _USAGE_FIELDS, "data.", odd)
    unknown(sync, _SYNC_FIELDS, "sync.", odd)
    _listed(usage.get("bySync"), "data.bySync", odd)
    total = whole(usage.get("callsLast24h"), "data.callsLast24h", odd)
    reading = (
        whole(sync.get("totalCalls"), "sync.totalCalls", odd) if "sync" in record else total,
        moment(sync.get("lastRunAt"), "sync.lastRunAt", odd),
        _categories(sync.get("categories"), odd),
    )
    return None if all(value is None for value in reading) else reading


def _categories(value: Json, odd: Notes) -> str | None:
    """The categories as JSON text, in the order of their keys; None where there is no list."""
    label = "sync.categories"
    given = _listed(value, label, odd)
    if given is None:
        return None
    found = []
    for each in given:
        category = members(each, label, odd)
        if not category:
            continue
        unknown(category, _CATEGORY_FIELDS, f"{label}.", odd)
        key = text(category.get("key"), f"{label}.key", odd)
        name = text(category.get("label"), f"{label}.label", odd)
        calls = whole(category.get("calls"), f"{label}.calls", odd)
        found.append({"key": key, "label": name, "calls": calls})
    found.sort(key=lambda each: (each["key"] or "", each["label"] or "", each["calls"] or 0))
    encoded = json_text(found, label, odd)
    return None if odd.get(label) == TOO_LARGE else encoded  # whoever reads it counts on a list


def _listed(value: Json, label: str, odd: Notes) -> list[Any] | None:
    if type(value) is list:
        return value
    if value is not None:
        note(value, label, odd)
    return None


CONNECTION_USAGE = Resource(
    name="connection_usage",
    path="/api/connections/{id}/usage",
    item_path=None,
    version=1,
    columns=COLUMNS,
    readings=READINGS,
    normalize=normalizer(_values, FIELDS, organization_id=no_organization, reading=_reading),
    is_default=False,
    per="connection",
    needs="connections",
    each=Each(applies=applies, records=records),
    fields=FIELDS,
)
