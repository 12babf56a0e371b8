from __future__ import annotations

from datetime import UTC, datetime

import pytest

from aggregator.resources.connection_schemas import CONNECTION_SCHEMAS, is_refreshed
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

NINE = "2026-11-23T09:00:00Z"
TEN = "2026-11-23T10:00:00Z"
ELEVEN = "2026-11-23T11:00:00Z"


def test_the_status_of_cached_schemas_is_read_field_by_field() -> None:
    [raw] = answer(CONNECTION_SCHEMAS, "status")
    assert record_of(CONNECTION_SCHEMAS, raw).id == TARGET.id
    assert is_set(columns(CONNECTION_SCHEMAS, raw)) == {
        "connection_id": TARGET.id,
        "is_available": True,
    }
    assert reading(CONNECTION_SCHEMAS, raw) == {
        "cache_status": "cached",
        "last_refresh_started_at": datetime(2026, 11, 23, 9, tzinfo=UTC),
        "last_refresh_finished_at": datetime(2026, 11, 23, 9, 4, 0, 123456, tzinfo=UTC),
    }


def test_schemas_that_were_never_refreshed_have_no_reading() -> None:
    [raw] = answer(CONNECTION_SCHEMAS, "never_refreshed")
    assert columns(CONNECTION_SCHEMAS, raw)["is_available"] is True
    assert reading(CONNECTION_SCHEMAS, raw) is None


def test_what_is_odd_about_a_status_is_named_and_its_value_is_not_kept() -> None:
    [raw] = answer(CONNECTION_SCHEMAS, "oddities")
    assert columns(CONNECTION_SCHEMAS, raw)["extra"] == dict.fromkeys(
        (
            *("data.cache_status", "data.last_refresh_finished", "data.last_refresh_started"),
            *("data.progress", "data.status", "data.upstream"),
        ),
        "(not kept)",
    )


def test_no_answer_is_a_record_that_says_so() -> None:
    [raw] = answered(CONNECTION_SCHEMAS, None)
    assert is_set(columns(CONNECTION_SCHEMAS, raw)) == {
        "connection_id": TARGET.id,
        "is_available": False,
    }
    assert reading(CONNECTION_SCHEMAS, raw) is None


def test_only_sources_are_asked() -> None:
    assert CONNECTION_SCHEMAS.each is not None
    assert CONNECTION_SCHEMAS.each.applies(TARGET)
    only_target = TARGET._replace(operations=frozenset({"target", "supportssql"}))
    assert not CONNECTION_SCHEMAS.each.applies(only_target)


@pytest.mark.parametrize(
    ("started", "finished", "before", "is_done"),
    [
        (NINE, TEN, None, True),
        (TEN, NINE, None, False),
        (None, TEN, None, True),
        (NINE, None, None, False),
        (NINE, "0001-01-01T00:00:00Z", None, False),
        (NINE, NINE, None, False),
        (NINE, TEN, TEN, False),
        (TEN, ELEVEN, NINE, True),
        (1, "soon", None, False),
    ],
)
def test_a_refresh_has_ended_when_it_finished_after_it_started_and_after_the_one_before(
    started: Json, finished: Json, before: Json, is_done: object
) -> None:
    status = {"last_refresh_started": started, "last_refresh_finished": finished}
    assert is_refreshed(status, {"last_refresh_finished": before}) is is_done


@pytest.mark.parametrize("status", [None, {}, [], "fresh", {"cache_status": "fresh"}])
def test_a_status_without_times_says_no_end(status: Json) -> None:
    assert not is_refreshed(status)
    assert not is_refreshed(status, status)
