from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.model import Rejection
from aggregator.resources.models import MODELS
from tests.unit.normalized import Json, columns, is_set, record_of, rejection_of, sample, samples
from tests.unit.test_bulk_syncs import ADA, CREATED_AT, KEY, UPDATED_AT

QUERY = "select email from customers"
EXAMPLE = 4242424242


def test_a_model_is_read_field_by_field() -> None:
    given_model = sample(MODELS, "list_models")[0]
    assert record_of(MODELS, given_model).id == "00000070-1111-4111-8111-000000000070"
    assert columns(MODELS, given_model) == {
        "name": "Customers",
        "connection_id": "00000020-1111-4111-8111-000000000020",
        "enricher_connection_id": "00000025-1111-4111-8111-000000000025",
        "enricher_id": "00000026-1111-4111-8111-000000000026",
        "type": "SQL",
        "model_version": 12,
        "identifier": "id",
        "tracking_columns": ["id", "updated_at"],
        "labels": ["core", "crm"],
        "policies": ["00000040-1111-4111-8111-000000000040"],
        "related_model_ids": [
            "00000071-1111-4111-8111-000000000071",
            "00000072-1111-4111-8111-000000000072",
        ],
        "fields": ["email", "id"],
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


def test_null_lists_and_an_empty_identifier_are_nothing() -> None:
    values = is_set(columns(MODELS, sample(MODELS, "list_models")[1]))
    assert values.keys() >= {"name", "connection_id", "type", "model_version"}
    lists = {"labels", "policies", "related_model_ids", "fields", "tracking_columns"}
    assert values.keys().isdisjoint({*lists, "identifier", "enricher_id", "extra"})


def test_an_older_server_is_read() -> None:
    """Labels and fields as texts, numbers as ids."""
    assert is_set(columns(MODELS, sample(MODELS, "older_server")[0])) == {
        "name": "Leads",
        "connection_id": "20",
        "type": "SQL",
        "model_version": 3,
        "labels": ["a", "b"],
        "fields": ["email", "name"],
    }


def test_what_is_odd_is_named_and_never_shown() -> None:
    first, second = (is_set(columns(MODELS, given)) for given in sample(MODELS, "oddities"))
    assert first.pop("extra") == dict.fromkeys(
        {"connection_id", "enricher", "fields", "identifier", "labels", "name", "policies"}
        | {"relations", "tracking_columns", "type", "version"},
        "(set)",
    )
    assert first == {"fields": ["kept"], "policies": [], "related_model_ids": ["4"]}
    assert second["labels"] == ["l"]
    assert second["extra"] == dict.fromkeys(
        {"created_by.nickname", "enricher.limit", "enricher.prompt", "labels"}
        | {"sample", "sql", "view"},
        "(set)",
    )


HIDING_PLACES = (
    *("configuration", "query", "sql", "view", "table", "host", "database", "sample", "region"),
    *("enricher.configuration", "enricher.mappings", "enricher.fields", "enricher.view"),
    *("fields.example", "fields.description", "fields.view", "relations.from", "relations.view"),
    *("labels.view", "created_by.view"),
)
CANARIES = st.sampled_from(
    [
        QUERY,
        [QUERY],
        {"view": QUERY},
        {"x": {"table": [QUERY]}},
        EXAMPLE,
        [EXAMPLE],
        {"id": EXAMPLE},
    ]
)


@pytest.mark.parametrize("is_rejected", [False, True])
@given(place=st.sampled_from(HIDING_PLACES), canary=CANARIES, which=st.sampled_from([0, 1, 2]))
def test_no_query_and_no_example_is_ever_stored(
    is_rejected: bool,  # noqa: FBT001 - a parameter of the test
    place: str,
    canary: Json,
    which: int,
) -> None:
    """Whatever its name: a name that is harmless elsewhere lets nothing through here."""
    model = [*sample(MODELS, "list_models"), *sample(MODELS, "older_server")][which]
    outer, _, inner = place.partition(".")
    if not inner:
        model[outer] = canary
    elif outer in {"enricher", "created_by"}:
        model[outer] = {**(model.get(outer) or {}), inner: canary}
    else:
        model[outer] = [{"name": "a", inner: canary}, canary] if isinstance(canary, dict) else []
        model[outer] += [{"name": "b", inner: canary}]
    if is_rejected:
        del model["id"]
    result = MODELS.normalize(model, False)
    assert isinstance(result, Rejection) is is_rejected
    assert QUERY not in repr(result)
    assert str(EXAMPLE) not in repr(result)


def test_a_rejected_model_is_told_by_its_fields_alone() -> None:
    for given_model in samples(MODELS):
        given_model.pop("id")
        told = json.loads(rejection_of(MODELS, given_model).record)
        assert told.keys() == given_model.keys()
        assert {"(set)"} <= set(told.values()) <= {"(set)", "(empty)", None}


@pytest.mark.parametrize(
    ("given_id", "reason", "told"),
    [(None, "the id is missing", None), ("", "the id is empty", "(empty)")],
)
def test_a_rejected_model_does_not_contradict_the_reason(
    given_id: str | None, reason: str, told: str | None
) -> None:
    rejection = rejection_of(MODELS, {"id": given_id, "name": "x", "labels": [], "limit": 0})
    assert rejection.reason == reason
    assert json.loads(rejection.record) == {
        "id": told,
        "name": "(set)",
        "labels": "(empty)",
        "limit": "(set)",
    }


def test_names_that_look_like_values_become_one_mark_that_tells_nothing_of_them() -> None:
    rejection = rejection_of(MODELS, {"a@b.example": None, "c@d.example": None})
    assert json.loads(rejection.record) == {"(set)": "(set)"}
