"""The drift radar by itself: what it sees in records, and that nothing makes it fail or grow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.drift import CONFLICTING_DUPLICATES, MOST_TOLD_APART, SAMPLE, Radar
from aggregator.model import Record
from aggregator.resource import Field, Resource
from aggregator.resources import RESOURCES
from aggregator.resources.connections import normalize
from aggregator.resources.documented import CONNECTION as FIELDS
from aggregator.scope import Drift, Shape

CONNECTIONS = RESOURCES["connections"]
PEPPER = b"pepper"
TEXT = Field(frozenset({"string"}))
SMALL = Resource(
    name="small",
    path="/api/small",
    item_path=None,
    version=1,
    columns=(),
    readings=(),
    normalize=normalize,
    fields={
        "id": TEXT,
        "note": TEXT._replace(optional=True),
        "count": Field(frozenset({"integer"})),
        "owner": Field(frozenset({"object"})),
        "owner.mood": TEXT._replace(terms=frozenset({"fine"})),
        "tags": Field(frozenset({"array"})),
        "tags[]": TEXT._replace(terms=frozenset({"red"})),
        "blob": Field(frozenset({"object"}), optional=True),
    },
)
GOOD = {"id": "a", "count": 1, "owner": {"mood": "fine"}, "tags": ["red"]}
REQUIRED = {"id", "count", "owner", "owner.mood", "tags"}


def look(*records: Any, resource: Resource = SMALL) -> Shape:  # noqa: ANN401 - any JSON value
    radar = Radar(resource, PEPPER)
    radar.look(records, records)
    shape = radar.shape()
    assert shape is not None
    return shape


def drift(*records: Any) -> set[tuple[str, str]]:  # noqa: ANN401 - any JSON value
    return {(each.kind, each.path) for each in look(*records).drift}


# Presence


def test_a_field_is_everywhere_somewhere_or_nowhere() -> None:
    shape = look(GOOD, {"id": "b", "owner": {"mood": "fine"}, "tags": None})

    assert shape.everywhere == REQUIRED - {"count"}
    assert (shape.somewhere, shape.nowhere) == ({"count"}, set())
    assert look({"id": "a"}, {"id": "b"}).nowhere == {"count", "owner", "tags"}


def test_null_is_there_and_optional_fields_are_not_watched() -> None:
    assert look({**GOOD, "count": None}).everywhere == REQUIRED
    assert look({**GOOD, "note": "x"}).everywhere == REQUIRED


def test_a_member_is_looked_for_where_its_object_is() -> None:
    shape = look({**GOOD, "owner": None}, {**GOOD, "owner": {}})
    assert shape.nowhere == {"owner.mood"}

    shape = look({**GOOD, "owner": None})
    assert "owner.mood" not in {*shape.everywhere, *shape.somewhere, *shape.nowhere}


def test_one_record_far_behind_shows_that_a_field_is_not_gone() -> None:
    lacking = {key: value for key, value in GOOD.items() if key != "count"}
    shape = look(*[lacking] * (3 * SAMPLE), GOOD)
    assert (shape.somewhere, shape.nowhere) == ({"count"}, set())


def test_portions_of_an_answer_count_as_one() -> None:
    radar = Radar(SMALL, PEPPER)
    for record in ({"id": "a", "x": 1}, {"id": "b", "count": "7"}):
        radar.look([record], [record])
    shape = radar.shape([CONFLICTING_DUPLICATES])

    assert shape is not None
    assert (shape.somewhere, shape.nowhere) == ({"count"}, {"owner", "tags"})
    assert shape.drift == {
        Drift("unknown_field", "x"),
        Drift("changed_type", "count", "string"),
        Drift("conflicting_duplicates", "id"),
    }


def test_no_records_say_nothing() -> None:
    assert look() == Shape(set(), set(), set(), set())
    assert look("a", None, [GOOD]) == look()


def test_a_resource_that_declares_nothing_is_not_watched() -> None:
    radar = Radar(replace(SMALL, fields={}), PEPPER)
    radar.look([GOOD], [GOOD])
    assert radar.shape() is None


# Types and names


def test_types_are_compared_with_the_documented_ones() -> None:
    assert drift(GOOD) == set()
    assert drift({**GOOD, "count": 1.0, "owner": None, "tags": [None]}) == set()
    shape = look({**GOOD, "count": True, "tags": ["red", 1.5], "blob": 1, "owner": {"mood": []}})
    assert shape.drift == {
        Drift("changed_type", "count", "boolean"),
        Drift("changed_type", "tags[]", "number"),
        Drift("changed_type", "blob", "integer"),
        Drift("changed_type", "owner.mood", "array"),
    }


def test_unknown_fields_are_named_where_objects_are_documented() -> None:
    record = {**GOOD, "new": {"inside": 1}, "owner": {"mood": "fine", "age": 1}, "blob": {"x": 1}}
    assert drift(record) == {("unknown_field", "new"), ("unknown_field", "owner.age")}


def test_names_are_printable_and_those_that_look_like_values_are_masked() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"
    record = {**GOOD, "a\nb\x1b": 1, token: 1, "n" * 101: 1, "": 1}
    assert drift(record) == {
        ("unknown_field", "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}"),
        ("unknown_field", "(set)"),
        ("unknown_field", "(empty)"),
    }


def test_many_unknown_names_become_one_whatever_their_number() -> None:
    few = {f"n{number}": 1 for number in range(MOST_TOLD_APART)}
    assert len(drift({**GOOD, **few})) == MOST_TOLD_APART
    for more in (1, 1_000, 300_000):
        names = {f"m{number}": 1 for number in range(more)}
        assert drift({**GOOD, **few, **names}) == {("unknown_field", "*")}


# Terms


def test_terms_are_compared_without_regard_to_case() -> None:
    assert drift({**GOOD, "owner": {"mood": "FINE"}, "tags": ["Red", "red"]}) == set()
    assert drift({**GOOD, "owner": {"mood": ""}}) == set()


def test_new_terms_differ_by_a_digest_that_depends_on_the_pepper() -> None:
    first, same = (look({**GOOD, "tags": [term]}).drift for term in ("Blue", "blue"))
    [other] = look({**GOOD, "tags": ["green"]}).drift
    [blue] = first
    assert first == same
    assert blue.mark != other.mark

    radar = Radar(SMALL, b"another")
    radar.look([{**GOOD, "tags": ["blue"]}], [])
    assert radar.shape() != look({**GOOD, "tags": ["blue"]})


def test_many_new_terms_are_no_vocabulary() -> None:
    shape = look(*({**GOOD, "tags": [f"t{number}"]} for number in range(MOST_TOLD_APART + 1)))
    assert shape.drift == {Drift("new_value", "tags[]", "*")}


# Any JSON

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        **{path: VALUES for path in FIELDS if path.isidentifier()},
        "id": VALUES | st.just("a"),
        "type": VALUES
        | st.fixed_dictionaries(
            {}, optional=dict.fromkeys(("id", "name", "operations", "Operations", "new"), VALUES)
        ),
        "created_by": VALUES
        | st.fixed_dictionaries({}, optional=dict.fromkeys(("id", "name", "type", "new"), VALUES)),
        "rate_limit": VALUES
        | st.fixed_dictionaries(
            {},
            optional=dict.fromkeys(
                ("currently_limited", "limited_since", "expires_at", "new"), VALUES
            ),
        ),
        "new": VALUES,
    },
)
MOST = 5 * MOST_TOLD_APART + 4 * MOST_TOLD_APART + 6 * len(FIELDS)
"""Five documented objects, four vocabularies, six types for each path."""


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine is shared
@given(st.lists(OBJECTS | VALUES, max_size=30))
def test_any_json_gives_a_bounded_shape_of_printable_paths(records: list[Any]) -> None:
    shape = look(*records, resource=CONNECTIONS)

    assert len(shape.drift) <= MOST
    assert all(each.path.isprintable() and 0 < len(each.path) < 130 for each in shape.drift)
    assert {*shape.everywhere, *shape.somewhere, *shape.nowhere} <= FIELDS.keys()
    assert not shape.everywhere & shape.somewhere
    assert not shape.nowhere & (shape.everywhere | shape.somewhere)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # as above
@given(OBJECTS | VALUES)
def test_what_the_radar_sees_closely_the_normalizer_finds_odd(record: Any) -> None:  # noqa: ANN401 - any JSON value
    """So that nothing is missed although only odd records are looked at closely."""
    radar = Radar(CONNECTIONS, PEPPER)
    radar.look([], [record])
    shape = radar.shape()
    item = normalize(record, sanitized=False)
    if shape and shape.drift:
        assert not isinstance(item, Record) or item.is_odd
