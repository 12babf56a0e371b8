from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from aggregator.resources.shared_connections import SHARED_CONNECTIONS
from tests.unit.normalized import (
    TARGET,
    Json,
    answer,
    answered,
    columns,
    is_set,
    record_of,
    rejection_of,
)


def test_a_copy_is_read_field_by_field_without_its_configuration() -> None:
    raw, _ = answer(SHARED_CONNECTIONS, "list_shared_connections")
    record = record_of(SHARED_CONNECTIONS, raw)
    assert record.id == "00000030-2222-4222-8222-000000000030"
    assert record.organization_id is None
    assert columns(SHARED_CONNECTIONS, raw) == {
        "parent_connection_id": TARGET.id,
        "child_organization_id": "00000002-2222-4222-8222-000000000002",
        "name": "Warehouse (shared)",
        "type_id": "postgresql",
        "type_name": "PostgreSQL",
        "status": "unhealthy",
        "status_error": "password authentication failed: password=(set)",
        "saved": True,
        "created_at": datetime(2024, 1, 15, 9, 30, tzinfo=UTC),
        "updated_at": datetime(2024, 2, 15, 9, 30, tzinfo=UTC),
        "extra": None,
        "sanitized": False,
    }


def test_a_copy_that_names_no_parent_has_the_one_that_was_asked() -> None:
    _, raw = answer(SHARED_CONNECTIONS, "list_shared_connections")
    assert is_set(columns(SHARED_CONNECTIONS, raw)) == {
        "parent_connection_id": TARGET.id,
        "child_organization_id": "00000003-3333-4333-8333-000000000003",
        "name": "",
        "type_id": "postgresql",
        "type_name": "PostgreSQL",
        "status": "healthy",
        "saved": True,
    }


def test_a_connection_is_no_copy_and_no_parent_of_its_own() -> None:
    own_parent, copy_of_a_copy, *_ = answer(SHARED_CONNECTIONS, "oddities")
    assert record_of(SHARED_CONNECTIONS, own_parent).id == "its-own-parent"
    assert columns(SHARED_CONNECTIONS, own_parent)["parent_connection_id"] == TARGET.id
    assert columns(SHARED_CONNECTIONS, copy_of_a_copy)["parent_connection_id"] == "a-copy-too"


def test_of_another_organization_only_the_names_of_odd_fields_are_kept() -> None:
    own_parent, copy_of_a_copy, nameless, text = answer(SHARED_CONNECTIONS, "oddities")
    assert is_set(columns(SHARED_CONNECTIONS, own_parent))["extra"] == dict.fromkeys(
        ("created_at", "parent_connection_id", "recovery_phrase", "saved", "type", "type_note"),
        "(set)",
    )
    assert columns(SHARED_CONNECTIONS, copy_of_a_copy)["child_organization_id"] is None
    assert json.loads(rejection_of(SHARED_CONNECTIONS, nameless).record).keys() == {
        "name",
        "configuration",
        "listed_by_connection_id",
    }
    assert rejection_of(SHARED_CONNECTIONS, text).reason == "the record is not an object"


def test_a_copy_listed_twice_is_the_same_record() -> None:
    copy = {"id": "c", "parent_connection_id": "p", "organization_id": "o"}
    first, second = answered(SHARED_CONNECTIONS, [copy, dict(reversed(copy.items()))])
    assert record_of(SHARED_CONNECTIONS, first) == record_of(SHARED_CONNECTIONS, second)


@pytest.mark.parametrize("data", [None, []])
def test_no_copies_are_no_records(data: Json) -> None:
    assert answered(SHARED_CONNECTIONS, data) == []


def test_an_answer_that_is_no_list_is_rejected_and_not_taken_for_none() -> None:
    [raw] = answered(SHARED_CONNECTIONS, "none")
    assert rejection_of(SHARED_CONNECTIONS, raw).reason == "the record is not an object"


def test_copies_are_not_asked_for_copies() -> None:
    assert SHARED_CONNECTIONS.each is not None
    assert SHARED_CONNECTIONS.each.applies(TARGET)
    assert not SHARED_CONNECTIONS.each.applies(TARGET._replace(is_shared=True))
