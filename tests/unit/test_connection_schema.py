from __future__ import annotations

import json
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.redact import mask_object
from aggregator.resources.connection_schema import (
    DEEPEST,
    MOST_FIELDS,
    MOST_PROPERTIES,
    reduce,
)
from aggregator.rules import compiled

Json: TypeAlias = Any

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=9), inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "properties", "items", "required", "sensitive", "title"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


def fields(**properties: Json) -> Json:
    return reduce({"type": "object", "properties": properties})


def test_a_schema_is_reduced_to_what_is_said_of_its_properties() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["host"],
        "properties": {
            "host": {
                "type": "string",
                "title": "Host",
                "description": "dropped",
                "default": "dropped",
                "examples": ["dropped"],
                "enum": ["dropped"],
            },
            "password": {"type": "string", "sensitive": True, "hidden": True},
            "hub_user": {"type": "string", "readOnly": True},
            "hub_domain": {"type": "string", "readonly": True},
            "accounts": {
                "type": "array",
                "items": {"type": "object", "properties": {"value": {"type": "string"}}},
            },
            "auth": {
                "type": "object",
                "required": ["mode"],
                "properties": {"mode": {"type": ["null", "string"]}},
            },
        },
    }
    assert reduce(schema) == {
        "host": {"type": "string", "title": "Host", "required": True},
        "password": {"type": "string", "sensitive": True},
        "hub_user": {"type": "string", "read_only": True},
        "hub_domain": {"type": "string", "read_only": True},
        "accounts": {
            "type": "array",
            "items": {"type": "object", "properties": {"value": {"type": "string"}}},
        },
        "auth": {
            "type": "object",
            "properties": {"mode": {"type": "string", "required": True}},
        },
    }


@pytest.mark.parametrize(
    "schema", [None, [], "schema", 1, {}, {"properties": {}}, {"properties": [1]}]
)
def test_a_schema_that_lists_nothing_gives_nothing(schema: Json) -> None:
    assert reduce(schema) is None


@pytest.mark.parametrize(
    "flagged",
    [
        {"sensitive": True},
        {"sensitive": "yes"},
        {"password": True},
        {"writeOnly": True},
        {"format": "password"},
    ],
)
def test_any_flag_means_sensitive(flagged: Json) -> None:
    assert fields(host={"type": "string", **flagged})["host"]["sensitive"] is True


@pytest.mark.parametrize(
    "odd",
    [
        {"$ref": "#/$defs/x"},
        {"oneOf": [{"properties": {"a": {"sensitive": True}}}]},
        {"properties": "none"},
        {"properties": [{"a": {"sensitive": True}}]},
        {"items": [{"properties": {"a": {"sensitive": True}}}]},
        {"additionalProperties": {"type": "string", "sensitive": True}},
    ],
)
def test_what_is_not_understood_counts_as_sensitive(odd: Json) -> None:
    assert fields(host=odd)["host"]["sensitive"] is True


def test_a_flag_on_the_whole_schema_flags_every_property() -> None:
    schema = {"sensitive": True, "properties": {"host": {"type": "string"}}}
    assert reduce(schema) == {"host": {"type": "string", "sensitive": True}}


def test_a_property_that_is_no_schema_is_not_listed() -> None:
    assert fields(host=True, port=None, name={"type": "string"}) == {"name": {"type": "string"}}


def test_a_name_that_looks_like_a_value_is_not_kept() -> None:
    token = "sk_live_4eC39HqLyjWDarjtT1zdp7dc"
    assert fields(**{token: {"type": "string"}, "n" * 500: {"type": "string"}}) is None


def test_titles_are_masked_and_cut() -> None:
    reduced = fields(a={"title": "Use Bearer hunter2hunter2"}, b={"title": "x " * 9_000})
    assert reduced["a"]["title"] == "Use Bearer (set)"
    assert len(reduced["b"]["title"]) == 200


def test_what_is_nested_too_deep_is_sensitive_as_a_whole() -> None:
    for step in ("properties", "items"):
        schema: Json = {"type": "string", "sensitive": True}
        for _ in range(100_000):
            schema = {step: {"host": schema} if step == "properties" else schema}
        reduced = fields(host=schema)
        assert '"sensitive": true' in json.dumps(reduced)
        assert json.dumps(reduced).count(step) < DEEPEST


def test_what_is_too_many_is_cut_and_never_less_masked() -> None:
    many = {f"host_{number}": {"type": "string"} for number in range(MOST_PROPERTIES)}
    last = {"secret_host": {"type": "string", "sensitive": True}}
    reduced = reduce({"properties": many | last})
    assert reduced is not None
    assert len(reduced) == MOST_PROPERTIES
    assert "secret_host" in reduced
    assert fields(within={"properties": many | last}) == {"within": {"sensitive": True}}


def test_the_fields_of_one_schema_are_bounded() -> None:
    inner = {f"host_{number}": {"type": "string"} for number in range(MOST_PROPERTIES)}
    outer = {f"within_{number}": {"properties": inner} for number in range(100)}
    reduced = reduce({"properties": outer})
    assert reduced is not None
    assert reduced["within_99"] == {"sensitive": True}
    assert json.dumps(reduced).count("host_") <= MOST_FIELDS + MOST_PROPERTIES


@given(ANY_JSON, ANY_JSON)
def test_any_json_is_reduced_compiled_and_used(schema: Json, configuration: Json) -> None:
    for fields_given in (
        schema,
        reduce(schema),
        fields(a=schema),
        fields(a={"properties": schema}),
    ):
        rules = compiled(fields_given)
        json.dumps(mask_object({"a": configuration}, rules))
        if isinstance(configuration, dict):
            json.dumps(mask_object(configuration, rules))


def test_what_is_more_than_can_be_stored_is_not_kept() -> None:
    """Else one run masks by rules that the next one does not have."""
    fields = {"type": "object", "properties": {f"p{n}": {"title": "é" * 200} for n in range(400)}}
    properties = {f"group{n}": fields for n in range(10)}
    assert reduce({"properties": properties}) is None
    assert reduce({"properties": {"group": fields}}) is not None
