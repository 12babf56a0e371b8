"""What holds of every resource that is read as a list, whatever is in it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.drift import Radar
from aggregator.model import Record, Rejection
from aggregator.resource import Resource
from aggregator.resources.bulk_syncs import BULK_SYNCS
from aggregator.resources.fields import LARGEST_INTEGER, LARGEST_SMALL_INTEGER
from aggregator.resources.model_syncs import MODEL_SYNCS
from aggregator.resources.models import MODELS
from aggregator.resources.organizations import ORGANIZATIONS
from aggregator.resources.policies import POLICIES
from aggregator.resources.roles import ROLES
from aggregator.resources.users import USERS
from tests.unit.any_record import JSON_VALUE, any_record, backwards
from tests.unit.normalized import (
    JSON_COLUMNS,
    Json,
    columns,
    record_of,
    rejection_of,
    sample,
    samples,
)

LISTS = (ORGANIZATIONS, BULK_SYNCS, MODEL_SYNCS, MODELS, USERS, POLICIES, ROLES)
PRIVATE = (MODELS, USERS)
every_list = pytest.mark.parametrize("resource", LISTS, ids=lambda resource: resource.name)

LISTS_OF_TEXTS = frozenset(
    {"policies", "model_ids", "runs_after_sync_ids", "runs_after_bulk_sync_ids", "labels", "fields"}
    | {"tracking_columns", "related_model_ids", "role_ids", "harbor_ids"}
)
FLAGS = frozenset(
    {"active", "disable_record_timestamps", "runs_after_success_only", "sync_all_records"}
    | {"skip_initial_backfill", "only_enrich_updates", "harbor_only", "is_system", "sanitized"}
)
TIMES = frozenset({"created_at", "updated_at", "data_cutoff_timestamp"})
LARGEST = {
    "concurrency_limit": LARGEST_SMALL_INTEGER,
    "resync_concurrency_limit": LARGEST_SMALL_INTEGER,
    "model_version": LARGEST_INTEGER,
}


def assert_storable(resource: Resource, result: Record | Rejection) -> None:
    """What Postgres and asyncpg take: types as the table has them, no NUL, bounded JSON texts."""
    if isinstance(result, Rejection):
        json.loads(result.record)
        return
    assert 0 < len(result.id) <= 512
    assert result.reading is None
    for name, value in zip(resource.columns, result.values, strict=True):
        assert "\0" not in repr(value)
        if value is None:
            continue
        if name in LISTS_OF_TEXTS:
            assert value == sorted(value)
            assert all(type(item) is str for item in value)
        elif name in TIMES:
            assert isinstance(value, datetime)
            assert value.tzinfo is UTC
        elif name in FLAGS:
            assert type(value) is bool
        elif name in LARGEST:
            assert type(value) is int
            assert abs(value) <= LARGEST[name] + 1
        else:
            assert type(value) is str
        if name in JSON_COLUMNS:
            json.loads(value)
    extra = result.values[resource.columns.index("extra")]
    assert result.is_odd == (extra is not None)


# What each of them is


@every_list
def test_the_last_columns_are_what_was_odd(resource: Resource) -> None:
    assert resource.columns[-2:] == ("extra", "sanitized")
    assert len(set(resource.columns)) == len(resource.columns)


@every_list
def test_a_sanitized_record_says_so(resource: Resource) -> None:
    result = resource.normalize({"id": "a"}, True)
    assert isinstance(result, Record)
    assert result.values[-1] is True


@every_list
def test_what_is_documented_is_nothing_odd(resource: Resource) -> None:
    listed = "organization" if resource.is_single else f"list_{resource.name}"
    for record in sample(resource, listed):
        radar = Radar(resource, b"pepper")
        radar.look([record], [record])
        shape = radar.shape()
        assert shape is not None
        assert not shape.drift
        assert not shape.nowhere
        assert not record_of(resource, record).is_odd


def test_which_are_read_where_nobody_says() -> None:
    assert [resource.name for resource in LISTS if resource.is_default] == [
        "organizations",
        "bulk_syncs",
        "model_syncs",
        "models",
    ]


# Records without an id


@every_list
@pytest.mark.parametrize(
    ("fields", "record_id", "reason"),
    [
        ({}, None, "the id is missing"),
        ({"id": ""}, "", "the id is empty"),
        ({"id": "x" * 513}, "x" * 512, "the id is longer than 512 characters"),
        ({"id": 1.5}, None, "the id is neither a text nor an integer of 64 bits"),
    ],
)
def test_a_record_without_a_usable_id_is_rejected(
    resource: Resource, fields: dict[str, Any], record_id: str | None, reason: str
) -> None:
    """Fault C21."""
    rejection = rejection_of(resource, {**fields, "name": "a", "password": "hunter2"})
    assert (rejection.record_id, rejection.reason) == (record_id, reason)
    assert json.loads(rejection.record)["name"] == ("(set)" if resource in PRIVATE else "a")
    assert json.loads(rejection.record)["password"] == "(set)"


@every_list
@pytest.mark.parametrize("value", [None, 7, "hunter2", ["hunter2"], True])
def test_a_record_that_is_no_object_is_rejected(resource: Resource, value: Json) -> None:
    rejection = rejection_of(resource, value)
    assert rejection.reason == "the record is not an object"
    assert "hunter2" not in rejection.record


@every_list
def test_a_number_is_an_id_as_text(resource: Resource) -> None:
    """Fault C13."""
    assert record_of(resource, {"id": 2**53 + 1}).id == str(2**53 + 1)


# Any JSON

ANY_RECORD = {resource.name: any_record(resource) for resource in LISTS}


def with_any_record(test: Callable[[Resource, Json], None]) -> Any:  # noqa: ANN401 - a test
    """Runs the test with records of every list that are partly as documented."""

    @every_list
    @settings(
        deadline=None,
        max_examples=60,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(data=st.data())
    def run(resource: Resource, data: st.DataObject) -> None:
        test(resource, data.draw(ANY_RECORD[resource.name]))

    return run


@every_list
@given(value=JSON_VALUE)
def test_any_json_is_stored_or_rejected(resource: Resource, value: Json) -> None:
    assert_storable(resource, resource.normalize(value, False))


@with_any_record
def test_any_value_in_any_field_is_stored(resource: Resource, record: Json) -> None:
    assert_storable(resource, resource.normalize(record, False))


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


@every_list
def test_the_order_of_lists_that_are_sets_never_matters(resource: Resource) -> None:
    def shuffled(value: Json) -> Json:
        if isinstance(value, dict):
            return {name: shuffled(item) for name, item in value.items()}
        if isinstance(value, list):
            return source.sample([shuffled(item) for item in value], len(value))
        return value

    source = random.Random(1)  # noqa: S311 -- test data, the same in each run
    for record in samples(resource):
        expected = resource.normalize(record, False)
        for _ in range(5):
            assert resource.normalize(shuffled(record), False) == expected


# Nothing too much is stored


@every_list
def test_no_secret_of_the_samples_is_stored(resource: Resource) -> None:
    for record in samples(resource):
        stored = repr(resource.normalize(record, False))
        assert "hunter2" not in stored
        assert "4242424242" not in stored


@every_list
def test_nothing_deeper_than_64_levels_is_stored(resource: Resource) -> None:
    """Fault C15."""
    nested: Any = 1
    for _ in range(1_000):
        nested = [nested]
    fields = {path: nested for path in resource.fields if path.isidentifier()}
    record = record_of(resource, {**fields, "id": "a", "news": nested})
    for value in record.values:
        assert not isinstance(value, str) or value.count("[") <= 64 * len(fields)
    assert_storable(resource, record)


@every_list
def test_long_texts_are_cut_with_a_note(resource: Resource) -> None:
    """Fault C17."""
    name = "email" if resource is USERS else "name"
    values = columns(resource, {"id": "a", name: "n" * 70_000})
    assert len(values[name]) == 65_536
    assert values["extra"] == {name: "(set)" if resource in PRIVATE else "(cut)"}
