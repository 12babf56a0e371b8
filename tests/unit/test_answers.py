"""What holds of every resource that is read by connection, and of types, whatever is in them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.diff import content_hash
from aggregator.drift import Radar
from aggregator.model import Record, Rejection
from aggregator.resource import Resource
from aggregator.resources.connection_proxy import CONNECTION_PROXY
from aggregator.resources.connection_schemas import CONNECTION_SCHEMAS, is_refreshed
from aggregator.resources.connection_sources import CONNECTION_SOURCES
from aggregator.resources.connection_types import CONNECTION_TYPES
from aggregator.resources.connection_usage import CONNECTION_USAGE
from aggregator.resources.fields import LARGEST_INTEGER, LARGEST_SMALL_INTEGER
from aggregator.resources.shared_connections import SHARED_CONNECTIONS
from tests.unit.any_record import JSON_VALUE, any_record, backwards
from tests.unit.normalized import (
    JSON_COLUMNS,
    SAMPLES,
    Json,
    answer,
    answered,
    record_of,
    sample,
)

BY_CONNECTION = (
    CONNECTION_USAGE,
    CONNECTION_SCHEMAS,
    CONNECTION_SOURCES,
    CONNECTION_PROXY,
    SHARED_CONNECTIONS,
)
ALL = (*BY_CONNECTION, CONNECTION_TYPES)
by_connection = pytest.mark.parametrize("resource", BY_CONNECTION, ids=lambda each: each.name)
of_all = pytest.mark.parametrize("resource", ALL, ids=lambda each: each.name)

DOCUMENTED = {
    "connection_usage": ("usage", "total_only", "not_reported"),
    "connection_schemas": ("status",),
    "connection_sources": ("source", "with_fields"),
    "connection_proxy": ("info",),
    "shared_connections": ("list_shared_connections",),
    "connection_types": ("list_connection_types",),
}
LISTS_OF_TEXTS = frozenset({"schemas", "apis", "allowed_methods", "capabilities"})
FLAGS = frozenset(
    {"reports_sync_stats", "is_available", "supports_tracking_fields", "supports_namespaces"}
    | {"saved", "use_oauth", "sanitized"}
)
INTEGERS = {
    **dict.fromkeys(("schema_count", "rate_limit_per_minute", "timeout_ms"), LARGEST_SMALL_INTEGER),
    **dict.fromkeys(("max_request_body_bytes", "max_response_body_bytes"), LARGEST_INTEGER),
    **dict.fromkeys(("calls", *CONNECTION_PROXY.readings[:-1]), LARGEST_INTEGER),
}


def raws_of(resource: Resource, name: str) -> list[Any]:
    return answer(resource, name) if resource.each else sample(resource, name)


def all_raws(resource: Resource) -> list[Any]:
    names = sorted(path.stem for path in (SAMPLES / resource.name).glob("*.json"))
    return [raw for name in names for raw in raws_of(resource, name)]


def assert_storable(resource: Resource, result: Record | Rejection) -> None:
    """What Postgres and asyncpg take: types as the tables have them, no NUL, bounded JSON texts."""
    if isinstance(result, Rejection):
        json.loads(result.record)
        return
    assert 0 < len(result.id) <= 512
    assert result.organization_id is None
    tracked = zip(resource.columns, result.values, strict=True)
    for name, value in (*tracked, *zip(resource.readings, result.reading or (), strict=False)):
        assert "\0" not in repr(value)
        if value is None:
            continue
        if name in LISTS_OF_TEXTS:
            assert value == sorted(value)
            assert all(type(item) is str for item in value)
        elif name.endswith("_at"):
            assert isinstance(value, datetime)
            assert value.tzinfo is UTC
        elif name in FLAGS:
            assert type(value) is bool
        elif name in INTEGERS:
            assert type(value) is int
            assert abs(value) <= INTEGERS[name]
        else:
            assert type(value) is str
        if name == "categories":
            assert isinstance(json.loads(value), list)
        if name in JSON_COLUMNS:
            assert isinstance(json.loads(value), dict)
    extra = result.values[resource.columns.index("extra")]
    assert result.is_odd == (extra is not None)
    assert result.reading is None or len(result.reading) == len(resource.readings)


@of_all
def test_the_last_columns_are_what_was_odd(resource: Resource) -> None:
    assert resource.columns[-2:] == ("extra", "sanitized")
    assert len({*resource.columns, *resource.readings}) == len(resource.columns + resource.readings)


@by_connection
def test_what_is_read_by_connection_is_opted_in_and_needs_connections(resource: Resource) -> None:
    assert (resource.per, resource.needs, resource.is_default) == (
        "connection",
        "connections",
        False,
    )
    assert "{id}" in resource.path


@of_all
def test_what_is_documented_is_nothing_odd(resource: Resource) -> None:
    for raw in [raw for name in DOCUMENTED[resource.name] for raw in raws_of(resource, name)]:
        radar = Radar(resource, b"pepper")
        radar.look([raw], [raw])
        shape = radar.shape()
        assert shape is not None
        assert not shape.drift
        assert not shape.nowhere
        assert not record_of(resource, raw).is_odd


@of_all
def test_a_sanitized_record_says_so(resource: Resource) -> None:
    result = resource.normalize({"id": "a"}, True)
    assert isinstance(result, Record)
    assert result.values[-1] is True


@of_all
def test_no_secret_of_the_samples_is_stored(resource: Resource) -> None:
    for raw in all_raws(resource):
        assert "hunter2" not in repr(resource.normalize(raw, False))


@pytest.mark.parametrize(
    ("resource", "label"),
    [
        (SHARED_CONNECTIONS, "configuration"),
        (CONNECTION_TYPES, "envConfig"),
        (CONNECTION_TYPES, "initialConfiguration"),
        (CONNECTION_TYPES, "configurationForm"),
    ],
)
@pytest.mark.parametrize("given_id", ["a", None])
def test_settings_are_neither_stored_nor_noted_nor_in_a_rejection(
    resource: Resource, label: str, given_id: str | None
) -> None:
    """Not even what a safe name holds."""
    raw = {"id": given_id, label: {"hostname": "canary.example.com", "database": "canary"}}
    assert "canary" not in repr(resource.normalize(raw, False))


def _moved(value: Json) -> Json:
    """The same answer a day later: other numbers and times."""
    if isinstance(value, dict):
        return {name: _moved(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_moved(item) for item in value]
    if isinstance(value, str) and value[:4] == "2026":
        return (datetime.fromisoformat(value) + timedelta(days=1)).isoformat()
    return value + 1 if type(value) in {int, float} else value


@pytest.mark.parametrize("resource", [CONNECTION_USAGE, CONNECTION_SCHEMAS])
def test_another_reading_is_no_change(resource: Resource) -> None:
    """Fault D13: also of what is odd, nothing tracked is a number or a time."""
    for path in (SAMPLES / resource.name).glob("*.json"):
        data = json.loads(path.read_text())["data"]
        data["news"] = 1
        for sync in data.get("bySync") or ():
            if isinstance(sync, dict):
                sync.update(syncName="same", syncId=str(sync.get("syncId")))
        before, after = (
            [record_of(resource, raw) for raw in answered(resource, each) if raw["id"]]
            for each in (data, _moved(data))
        )
        assert [content_hash(record) for record in before] == [
            content_hash(record) for record in after
        ]
        if path.stem in {"usage", "status"}:
            assert [record.reading for record in before] != [record.reading for record in after]


def test_other_statistics_of_a_proxy_are_no_change() -> None:
    data = json.loads((SAMPLES / "connection_proxy" / "oddities.json").read_text())["data"]
    later = {**data, "stats": _moved(data["stats"]) | {"news": 1, "callsLast24h": 5}}
    data["stats"]["news"] = 2
    [before], [after] = answered(CONNECTION_PROXY, data), answered(CONNECTION_PROXY, later)
    assert record_of(CONNECTION_PROXY, before).values == record_of(CONNECTION_PROXY, after).values


# Any JSON

ANY_RECORD = {resource.name: any_record(resource) for resource in ALL}
slow = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def with_any_record(test: Callable[[Resource, Json], None]) -> Any:  # noqa: ANN401 - a test
    """Runs the test with records of every resource that are partly as documented."""

    @of_all
    @slow
    @given(data=st.data())
    def run(resource: Resource, data: st.DataObject) -> None:
        test(resource, data.draw(ANY_RECORD[resource.name]))

    return run


@of_all
@given(value=JSON_VALUE)
def test_any_json_is_stored_or_rejected(resource: Resource, value: Json) -> None:
    assert_storable(resource, resource.normalize(value, False))


@with_any_record
def test_any_value_in_any_field_is_stored(resource: Resource, record: Json) -> None:
    assert_storable(resource, resource.normalize(record, False))


@by_connection
@slow
@given(data=st.data())
def test_any_answer_gives_raw_records_and_changes_nothing_in_it(
    resource: Resource, data: st.DataObject
) -> None:
    parts = ANY_RECORD[resource.name]
    inner = parts.map(lambda record: record.get("data", record))
    given_answer = data.draw(JSON_VALUE | inner | st.lists(inner, max_size=3))
    before = repr(given_answer)
    for raw in answered(resource, given_answer):
        assert_storable(resource, resource.normalize(raw, False))
    assert repr(given_answer) == before


@slow
@given(st.lists(ANY_RECORD["connection_usage"].map(lambda record: record.get("sync")), max_size=4))
def test_any_syncs_with_one_id_are_one_record(syncs: list[Any]) -> None:
    entries = [{**sync, "syncId": "s"} for sync in syncs if isinstance(sync, dict)]
    for order in (entries, entries[::-1]):
        raws = answered(CONNECTION_USAGE, {"bySync": order})
        assert len(raws) == 1 + bool(entries)
        assert_storable(CONNECTION_USAGE, CONNECTION_USAGE.normalize(raws[-1], False))


@with_any_record
def test_what_the_radar_sees_closely_the_normalizer_finds_odd(
    resource: Resource, record: Json
) -> None:
    """So that nothing is missed although only odd records are looked at closely."""
    radar = Radar(resource, b"pepper")
    radar.look([], [record])
    shape = radar.shape()
    if shape and shape.drift:
        assert record_of(resource, record).is_odd


@with_any_record
def test_the_order_of_keys_never_matters(resource: Resource, record: Json) -> None:
    """Invariant I4."""
    assert repr(resource.normalize(backwards(record), False)) == repr(
        resource.normalize(record, False)
    )


@by_connection
def test_the_order_of_lists_never_matters(resource: Resource) -> None:
    def shuffled(value: Json) -> Json:
        if isinstance(value, dict):
            return {name: shuffled(item) for name, item in value.items()}
        if isinstance(value, list):
            return source.sample([shuffled(item) for item in value], len(value))
        return value

    source = random.Random(1)  # noqa: S311 -- test data, the same in each run
    for path in (SAMPLES / resource.name).glob("*.json"):
        data = json.loads(path.read_text())["data"]
        expected = sorted(repr(resource.normalize(raw, False)) for raw in answered(resource, data))
        for _ in range(5):
            found = answered(resource, shuffled(data))
            assert sorted(repr(resource.normalize(raw, False)) for raw in found) == expected


@given(JSON_VALUE, JSON_VALUE)
def test_any_status_of_schemas_says_whether_they_are_refreshed(now: Json, before: Json) -> None:
    assert is_refreshed(now, before) in {True, False}


@of_all
def test_nothing_deeper_than_64_levels_is_stored(resource: Resource) -> None:
    """Fault C15."""
    nested: Any = 1
    for _ in range(1_000):
        nested = [nested]
    fields = {path: nested for path in resource.fields if path.isidentifier()}
    answers = [{**fields, "id": "a", "news": nested}]
    if resource.each:
        below = {path.split(".")[1] for path in resource.fields if path.startswith("data.")}
        answers += answered(resource, dict.fromkeys({*below, "news"}, nested))
    for raw in answers:
        result = resource.normalize(raw, False)
        assert_storable(resource, result)
        assert repr(result).count("[") <= 64 * (len(resource.fields) + 2)
