from __future__ import annotations

import pytest

from aggregator.resources.connection_sources import CONNECTION_SOURCES
from tests.unit.normalized import TARGET, Json, answer, answered, columns, is_set, record_of


def test_a_source_is_read_field_by_field() -> None:
    [raw] = answer(CONNECTION_SOURCES, "source")
    assert record_of(CONNECTION_SOURCES, raw).id == TARGET.id
    assert columns(CONNECTION_SOURCES, raw) == {
        "connection_id": TARGET.id,
        "is_available": True,
        "supports_tracking_fields": True,
        "supports_namespaces": True,
        "schema_count": 2,
        "schemas": ["public.orders", "public.users"],
        "extra": None,
        "sanitized": False,
    }


def test_of_schemas_only_ids_are_kept_and_nothing_of_the_configuration() -> None:
    [raw] = answer(CONNECTION_SOURCES, "with_fields")
    assert is_set(columns(CONNECTION_SOURCES, raw)) == {
        "connection_id": TARGET.id,
        "is_available": True,
        "supports_tracking_fields": False,
        "schema_count": 1,
        "schemas": ["Contact"],
    }


def test_odd_schemas_count_and_are_noted() -> None:
    [raw] = answer(CONNECTION_SOURCES, "oddities")
    assert is_set(columns(CONNECTION_SOURCES, raw)) == {
        "connection_id": TARGET.id,
        "is_available": True,
        "schema_count": 6,
        "schemas": ["a", "b"],
        "extra": {
            "data.access_token": "(set)",
            "data.capabilities.supports_incremental": True,
            "data.capabilities.supports_namespaces": 1,
            "data.capabilities.supports_tracking_fields": "yes",
            "data.schemas": [7, None, None],
        },
    }


@pytest.mark.parametrize(
    ("data", "count", "schemas"),
    [({"schemas": None}, 0, []), ({"schemas": []}, 0, []), ({}, None, None)],
)
def test_null_schemas_are_none_and_absent_ones_are_not_known(
    data: Json, count: int | None, schemas: list[str] | None
) -> None:
    """Fault C10: servers write an empty list either way."""
    [raw] = answered(CONNECTION_SOURCES, data)
    values = columns(CONNECTION_SOURCES, raw)
    assert (values["schema_count"], values["schemas"]) == (count, schemas)


def test_no_answer_is_a_record_that_says_so() -> None:
    [raw] = answered(CONNECTION_SOURCES, None)
    assert is_set(columns(CONNECTION_SOURCES, raw)) == {
        "connection_id": TARGET.id,
        "is_available": False,
    }


def test_only_sources_are_asked() -> None:
    assert CONNECTION_SOURCES.each is not None
    assert CONNECTION_SOURCES.each.applies(TARGET)
    assert not CONNECTION_SOURCES.each.applies(TARGET._replace(operations=frozenset({"target"})))
