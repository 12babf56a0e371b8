from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from aggregator.model import Record
from aggregator.resources.connection_usage import CONNECTION_USAGE
from tests.unit.normalized import (
    TARGET,
    Json,
    answer,
    answered,
    columns,
    is_set,
    reading,
    record_of,
)

CONTACTS = "00000060-1111-4111-8111-000000000060"
WAREHOUSE = "00000050-1111-4111-8111-000000000050"


def usage(*syncs: Json, **fields: Json) -> list[Any]:
    return answered(CONNECTION_USAGE, {"callsLast24h": 1, "bySync": list(syncs), **fields})


def stored(*syncs: Json) -> dict[str, Record]:
    """The records of an answer with these entries, by id."""
    records = [record_of(CONNECTION_USAGE, raw) for raw in usage(*syncs)]
    return {record.id: record for record in records}


def test_usage_is_a_total_and_a_record_for_each_sync() -> None:
    total, contacts, warehouse = answer(CONNECTION_USAGE, "usage")

    assert record_of(CONNECTION_USAGE, total).id == TARGET.id
    assert is_set(columns(CONNECTION_USAGE, total)) == {
        "connection_id": TARGET.id,
        "reports_sync_stats": True,
    }
    assert reading(CONNECTION_USAGE, total) == {
        "calls": 2021,
        "last_run_at": None,
        "categories": None,
    }
    assert record_of(CONNECTION_USAGE, contacts).id == f"{TARGET.id}/{CONTACTS}"
    assert is_set(columns(CONNECTION_USAGE, contacts)) == {
        "connection_id": TARGET.id,
        "sync_id": CONTACTS,
        "sync_name": "Contacts",
        "sync_type": "model",
        "reports_sync_stats": True,
    }
    assert reading(CONNECTION_USAGE, contacts) == {
        "calls": 1500,
        "last_run_at": datetime(2026, 11, 23, 9, tzinfo=UTC),
        "categories": '[{"calls":300,"key":"bulk","label":"Bulk API"}'
        ',{"calls":1200,"key":"rest","label":"REST API"}]',
    }
    assert is_set(columns(CONNECTION_USAGE, warehouse)) == {
        "connection_id": TARGET.id,
        "sync_id": WAREHOUSE,
        "sync_type": "bulk",
        "reports_sync_stats": True,
    }
    assert reading(CONNECTION_USAGE, warehouse) == {
        "calls": 21,
        "last_run_at": None,
        "categories": "[]",
    }


def test_a_total_alone_is_one_record() -> None:
    [total] = answer(CONNECTION_USAGE, "total_only")
    assert columns(CONNECTION_USAGE, total)["reports_sync_stats"] is False
    assert reading(CONNECTION_USAGE, total) == {"calls": 7, "last_run_at": None, "categories": None}


def test_what_the_backend_does_not_report_is_no_reading() -> None:
    [total] = answer(CONNECTION_USAGE, "not_reported")
    assert columns(CONNECTION_USAGE, total)["extra"] is None
    assert reading(CONNECTION_USAGE, total) is None


def test_no_answer_is_no_record() -> None:
    assert answered(CONNECTION_USAGE, None) == []


def test_only_connections_that_report_calls_are_asked() -> None:
    assert CONNECTION_USAGE.each is not None
    assert CONNECTION_USAGE.each.applies(TARGET)
    assert not CONNECTION_USAGE.each.applies(TARGET._replace(reports_api_calls=False))


def test_entries_for_one_sync_are_added_up_in_any_order() -> None:
    first = {
        "syncId": "s",
        "syncName": "B",
        "totalCalls": 2,
        "lastRunAt": "2026-11-23T11:00:00+02:00",
        "categories": [{"key": "rest", "calls": 2}],
    }
    second = {
        "syncId": "s",
        "syncName": "A",
        "totalCalls": 40,
        "lastRunAt": "2026-11-23T10:00:00Z",
        "categories": [{"key": "bulk", "calls": 40}],
    }
    record = stored(first, second)[f"{TARGET.id}/s"]
    assert record == stored(second, first)[f"{TARGET.id}/s"]
    assert record.values[2] == "B"
    assert record.reading is not None
    assert record.reading[:2] == (42, datetime(2026, 11, 23, 10, tzinfo=UTC))
    assert [each["key"] for each in json.loads(record.reading[2])] == ["bulk", "rest"]


def test_an_entry_without_a_sync_is_rejected_and_the_others_are_kept() -> None:
    """Fault C21."""
    raws = usage({"syncName": "nameless"}, {"syncId": ""}, "hunter2", {"syncId": "s"})
    results = [CONNECTION_USAGE.normalize(raw, False) for raw in raws]
    assert [isinstance(each, Record) for each in results] == [True, False, False, False, True]
    assert "hunter2" not in repr(results)


def test_what_is_odd_is_named_and_its_value_is_not_kept() -> None:
    """A number that differs every time would make history every time."""
    total, _, _, odd, _ = answer(CONNECTION_USAGE, "oddities")
    assert columns(CONNECTION_USAGE, total)["extra"] == {
        "data.apiKey": "(not kept)",
        "data.callsLast24h": "(not kept)",
        "data.callsLast7d": "(not kept)",
        "data.connectionId": "00000021-1111-4111-8111-000000000021",
        "data.reportsSyncStats": "yes",
    }
    assert columns(CONNECTION_USAGE, odd)["extra"] == {
        "data.reportsSyncStats": "yes",
        "sync.categories": "(not kept)",
        "sync.errors": "(not kept)",
        "sync.lastRunAt": "(not kept)",
        "sync.syncName": 5,
        "sync.totalCalls": "(not kept)",
    }
    assert columns(CONNECTION_USAGE, odd)["sync_id"] == "50"


@pytest.mark.parametrize("entries", [None, [], {"a": 1}, "all", 7])
def test_a_list_of_syncs_that_is_none_leaves_the_total(entries: Json) -> None:
    [total] = usage(bySync=entries)
    assert reading(CONNECTION_USAGE, total) is not None
    is_odd = entries is not None and entries != []
    assert columns(CONNECTION_USAGE, total)["extra"] == (
        {"data.bySync": "(not kept)"} if is_odd else None
    )


def test_categories_that_are_too_large_are_no_list() -> None:
    """Fault C17: whoever reads the column counts on a list."""
    many = [{"key": f"{number:0100}", "calls": 1} for number in range(10_000)]
    raw = usage({"syncId": "s", "totalCalls": 3, "categories": many})[1]
    assert reading(CONNECTION_USAGE, raw) == {"calls": 3, "last_run_at": None, "categories": None}
    assert columns(CONNECTION_USAGE, raw)["extra"] == {"sync.categories": "(not kept)"}
