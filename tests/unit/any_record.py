"""Records that a server could send, partly as the documentation has them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from aggregator.resource import Resource
from tests.unit.normalized import Json

JSON_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | JSON_TEXT
JSON_VALUE = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(JSON_TEXT, inner, max_size=4),
    max_leaves=12,
)
MOMENT = "2026-11-23T10:00:00Z"


def any_record(resource: Resource) -> st.SearchStrategy[Any]:
    """Records that have some of the documented fields, some with values as documented."""
    return st.fixed_dictionaries({"id": st.just("a")}, optional=_members(resource, ""))


def backwards(value: Json) -> Json:
    """The same value with the keys of all its objects in the other order."""
    if isinstance(value, dict):
        return {name: backwards(value[name]) for name in reversed(value)}
    return [backwards(item) for item in value] if isinstance(value, list) else value


def _members(resource: Resource, prefix: str) -> dict[str, st.SearchStrategy[Any]]:
    below = {path.removeprefix(prefix) for path in resource.fields if path.startswith(prefix)}
    names = sorted(name for name in below if name.isidentifier() and (prefix or name != "id"))
    members = {name: _value(resource, prefix + name) for name in names}
    return {**members, "news": JSON_VALUE}


def _value(resource: Resource, path: str) -> st.SearchStrategy[Any]:
    entries = st.lists(JSON_VALUE | _object(resource, path), max_size=4)
    return JSON_VALUE | _object(resource, path) | entries | st.sampled_from([MOMENT, "", 7])


def _object(resource: Resource, path: str) -> st.SearchStrategy[Any]:
    if any(each.startswith(f"{path}.") for each in resource.fields):
        return st.fixed_dictionaries({}, optional=_members(resource, f"{path}."))
    names = ("frequency", "hour", "schemas", "action", "role_ids", "name", "to", "model_id", "key")
    return st.dictionaries(st.sampled_from(names), JSON_VALUE, max_size=4)
