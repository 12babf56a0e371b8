from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from aggregator.model import Request
from aggregator.resources.bulk_syncs import BULK_SYNCS
from tests.unit.normalized import Json, columns, is_set, record_of, sample

CREATED_AT = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
UPDATED_AT = datetime(2026, 11, 20, 21, 22, 23, 456789, tzinfo=UTC)
ADA = "00000002-1111-4111-8111-000000000002"
KEY = "00000003-1111-4111-8111-000000000003"


def status(entry: Json) -> dict[str, Any]:
    assert BULK_SYNCS.states is not None
    values = BULK_SYNCS.states.read(entry)
    assert values is not None
    return dict(zip(BULK_SYNCS.readings, values, strict=True))


def schedules(**fields: Json) -> tuple[Any, Any]:
    values = columns(BULK_SYNCS, {"id": "b", **fields})
    assert values["extra"] is None
    return values["schedule"], values["schedules"]


def test_a_bulk_sync_is_read_field_by_field() -> None:
    given = sample(BULK_SYNCS, "list_bulk_syncs")[0]
    record = record_of(BULK_SYNCS, given)
    assert record.id == "00000010-1111-4111-8111-000000000010"
    assert record.organization_id == "00000001-1111-4111-8111-000000000001"
    assert columns(BULK_SYNCS, given) == {
        "name": "Orders to warehouse",
        "active": True,
        "mode": "replicate",
        "source_connection_id": "00000020-1111-4111-8111-000000000020",
        "destination_connection_id": "00000021-1111-4111-8111-000000000021",
        "schedule": "daily",
        "schedules": [
            {
                "frequency": "weekly",
                "hour": "2",
                "minute": "0",
                "day_of_week": "0",
                "resync_mode": "resync",
                "selective_mode": "none",
                "schemas": ["public.carts", "public.items"],
            },
            {"frequency": "daily", "hour": "12", "minute": "30"},
            {"frequency": "hourly", "minute": "15", "resync_mode": "normal"},
        ],
        "source_configuration": {
            "api_token": "(set)",
            "database": "shop",
            "lookback": 3,
            "replication_slot_name": "orders",
        },
        "destination_configuration": {"password": "(masked)", "schema": "raw_orders"},
        "automatically_add_new_fields": "onlyIncremental",
        "automatically_add_new_objects": "none",
        "normalize_names": "enabled",
        "concurrency_limit": 4,
        "resync_concurrency_limit": None,
        "data_cutoff_timestamp": datetime(2025, 1, 1, tzinfo=UTC),
        "disable_record_timestamps": False,
        "policies": [
            "00000040-1111-4111-8111-000000000040",
            "00000041-1111-4111-8111-000000000041",
        ],
        "created_at": CREATED_AT,
        "created_by_id": ADA,
        "created_by_name": "Ada Example",
        "created_by_type": "user",
        "updated_at": UPDATED_AT,
        "updated_by_id": KEY,
        "updated_by_name": "Nightly job",
        "updated_by_type": "organization",
        "extra": None,
        "sanitized": False,
    }


def test_nulls_and_zero_times_are_nothing() -> None:
    values = is_set(columns(BULK_SYNCS, sample(BULK_SYNCS, "list_bulk_syncs")[1]))
    absent = {"source_configuration", "data_cutoff_timestamp", "updated_at", "updated_by_id"}
    assert absent.isdisjoint(values)
    assert (values["policies"], values["schedules"]) == ([], [{"frequency": "manual"}])
    assert "extra" not in values


def test_an_older_server_is_read() -> None:
    """``dest_connection_id``, one ``schedule`` with numbers in it, ``discover`` (5.4, 1.7)."""
    [older] = sample(BULK_SYNCS, "older_server")
    assert record_of(BULK_SYNCS, older).id == "12"
    assert is_set(columns(BULK_SYNCS, older)) == {
        "name": "Tickets",
        "active": True,
        "mode": "replicate",
        "source_connection_id": "20",
        "destination_connection_id": "21",
        "schedule": "weekly",
        "schedules": [{"frequency": "weekly", "hour": "0", "day_of_week": "1"}],
        "extra": {"discover": False},
    }


def test_wrong_types_cost_the_field_and_not_the_record() -> None:
    """Fault C19."""
    assert is_set(columns(BULK_SYNCS, sample(BULK_SYNCS, "oddities")[0])) == {
        "extra": {
            "active": "yes",
            "additional_schedules": {"frequency": "(set)"},
            "concurrency_limit": 2147483648,
            "created_at": "soon",
            "created_by": "Ada Example",
            "data_cutoff_timestamp": 1705311000,
            "default_schedule": "daily",
            "dest_connection_id": 1.5,
            "destination_configuration": ["(set)"],
            "disable_record_timestamps": 0,
            "mode": ["replicate"],
            "name": 5,
            "policies": "all",
            "resync_concurrency_limit": "4",
            "source_configuration": "(set)",
            "source_connection_id": {"id": "(set)"},
        }
    }


def test_unknown_fields_and_words_are_kept_and_masked() -> None:
    """Faults C20, D16."""
    values = is_set(columns(BULK_SYNCS, sample(BULK_SYNCS, "oddities")[1]))
    assert values["mode"] == "merge"
    assert values["schedules"] == [{"frequency": "monthly"}, {"frequency": "yearly"}]
    assert values["policies"] == ["9", "p"]
    assert values["extra"] == {
        "additional_schedules": [{"schedule": "hourly"}, {"schedule.jitter": "(set)"}],
        "default_schedule.hour": 5.5,
        "default_schedule.secret_note": "(set)",
        "default_schedule.timezone": "UTC",
        "policies": [None],
        "priority": 3,
        "recovery_phrase": "(set)",
        "updated_by.nickname": "(set)",
    }


def test_schedules_are_compared_by_what_they_say() -> None:
    """Not by their ids and actors, which say nothing of when a sync runs, nor by their order."""
    hourly = {"frequency": "hourly", "minute": "5", "hour": ""}
    weekly = {"frequency": "weekly", "day_of_week": "1"}
    first = schedules(
        default_schedule={"id": "1", "frequency": "daily", "created_by": {"id": "x"}},
        additional_schedules=[{**hourly, "id": "2"}, {**weekly, "updated_at": "soon"}],
    )
    second = schedules(
        default_schedule={"id": "3", "frequency": "daily", "created_by": None},
        additional_schedules=[{**weekly, "id": 4}, {**hourly, "minute": 5}],
    )
    assert first == second
    assert first[0] == "daily"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"default_schedule": None, "additional_schedules": None},
        {"default_schedule": {}, "additional_schedules": [{}, {"frequency": "", "schemas": []}]},
    ],
)
def test_no_schedule_is_none(fields: dict[str, Any]) -> None:
    assert schedules(**fields) == (None, None)


def test_schedules_beyond_all_measure_are_none_with_a_note() -> None:
    """Fault C17: whoever reads the column can count on a list."""
    many = [{"frequency": "x" * 500, "hour": str(number)} for number in range(3_000)]
    values = columns(BULK_SYNCS, {"id": "b", "additional_schedules": many})
    assert values["schedules"] is None
    assert values["extra"] == {"schedules": "(too large)"}


# How they run


def test_the_states_of_all_bulk_syncs_come_in_one_call() -> None:
    assert BULK_SYNCS.states is not None
    assert BULK_SYNCS.states.request == Request("/api/bulk/syncs/status", (("all", "true"),))
    assert BULK_SYNCS.states.id_of == "sync_id"


def test_a_state_sums_up_its_schemas() -> None:
    failed, created = map(status, sample(BULK_SYNCS, "list_status"))
    assert failed == {
        "current_status": "failed",
        "next_execution_at": datetime(2026, 11, 24, 12, 30, tzinfo=UTC),
        "last_started_at": datetime(2026, 11, 23, 12, 31, tzinfo=UTC),
        "last_completed_at": datetime(2026, 11, 23, 12, 35, 0, 500000, tzinfo=UTC),
        "schemas_total": 3,
        "schemas_failed": 2,
        "records": 1230,
        "errors": 4,
        "warnings": 2,
        "status_message": "connect postgres://db.example.com/shop: refused",
    }
    assert {name for name, value in created.items() if value is not None} == {
        "current_status",
        "schemas_total",
        "schemas_failed",
    }


@pytest.mark.parametrize(
    ("entry", "total"),
    [({}, None), ({"schemas": None}, 0), ({"schemas": []}, 0), ({"schemas": "all"}, None)],
)
def test_a_state_without_schemas_has_none_or_does_not_say(entry: Json, total: int | None) -> None:
    values = status({"sync_id": "b", **entry})
    assert (values["schemas_total"], values["schemas_failed"]) == (total, total)


def test_the_message_is_that_of_the_first_failed_schema_by_name() -> None:
    schemas = [
        {"schema": "a", "status": "completed", "status_message": "of a", "error_count": 1},
        {"schema": "c", "status": "failed", "status_message": "of c"},
        {"schema": "b", "status": "FAILED", "status_message": "of b"},
        {"schema": "0", "status": "failed", "status_message": ""},
        {"schema": "1", "status": "completed", "status_message": "all is well"},
    ]
    for given in (schemas, schemas[::-1]):
        assert status({"schemas": given})["status_message"] == "of b"
    assert status({"schemas": schemas[:1]})["status_message"] == "of a"
    assert status({"schemas": schemas[4:]})["status_message"] is None


def test_a_message_is_masked_and_cut() -> None:
    message = "password=hunter2 " + "no " * 3_000
    schemas = [{"schema": "a", "status": "failed", "status_message": message}]
    kept = status({"schemas": schemas})["status_message"]
    assert kept.startswith("password=(set) no")
    assert len(kept) == 2_000


@pytest.mark.parametrize("entry", [None, "b", 7, ["b"]])
def test_an_entry_that_is_no_object_is_no_state(entry: Json) -> None:
    assert BULK_SYNCS.states is not None
    assert BULK_SYNCS.states.read(entry) is None


def test_what_is_odd_in_a_state_is_left_out() -> None:
    odd = {"schema": 1, "status": 2, "error_count": "3", "record_count": 2**70, "started_at": 5}
    values = status({"status": ["x"], "nextExecutionTime": "soon", "schemas": [odd, None, "s"]})
    assert values.pop("schemas_total") == 1
    assert values.pop("schemas_failed") == 0
    assert set(values.values()) == {None}


def test_counts_that_no_bigint_holds_are_left_out() -> None:
    many = [{"record_count": 2**63 - 1}] * 2
    assert status({"schemas": many})["records"] is None
