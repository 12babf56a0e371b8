"""Notices where answers differ from the API's documentation, and never keeps a value.

Looking at every field of every record would cost a third of normalizing it. Only the terms of
vocabularies are looked at in every record. Unknown fields and wrong types are looked for in the
records that ``normalize`` found odd, and whether every record has a field is asked of a few.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import chain, islice
from typing import Any, NamedTuple

from aggregator.redact import Json, masked_name
from aggregator.resource import Field, Resource
from aggregator.scope import Drift, Shape
from aggregator.tripwire import EMPTY

SAMPLE = 10
"""Records of a portion that must have a field for it to be ``everywhere``."""
MOST_TOLD_APART = 20
"""Unknown fields of one documented object, and new values of one vocabulary."""
MANY = "*"
"""Stands for all of them where there are more: names that are values, words that are no terms."""

CONFLICTING_DUPLICATES = Drift("conflicting_duplicates", "id")
"""Records of one answer have one id and different content (fault D6)."""

_JSON_TYPES = {
    type(None): "null",
    bool: "boolean",
    str: "string",
    int: "integer",
    float: "number",
    list: "array",
    dict: "object",
}


class _Types(NamedTuple):
    """What may stand at a path."""

    path: str
    of_python: frozenset[type]
    of_json: frozenset[str]


class _Terms(NamedTuple):
    """Which terms of a vocabulary are known at a path."""

    path: str
    known: frozenset[str]


class _Level(NamedTuple):
    """What is documented of an object, the record itself or one inside it; keys are names."""

    prefix: str
    """Of the paths of its fields: ``type.``, and nothing for the record itself."""
    required: frozenset[str]
    required_paths: frozenset[str]
    types: dict[str, _Types]
    entry_types: dict[str, _Types]
    terms: dict[str, _Terms]
    entry_terms: dict[str, _Terms]
    inner: dict[str, _Level]
    """The objects in it that are looked into."""


@cache
def _level(resource: Resource, prefix: str = "") -> _Level:
    below = {
        path.removeprefix(prefix): field
        for path, field in resource.fields.items()
        if path.startswith(prefix)
    }
    own = {name: field for name, field in below.items() if "." not in name}
    fields = {name: field for name, field in own.items() if not name.endswith("[]")}
    entries = {name.removesuffix("[]"): field for name, field in own.items() if name not in fields}
    inner = dict.fromkeys(name.partition(".")[0] for name in below if name not in own)
    required = frozenset(name for name, field in fields.items() if not field.optional)
    return _Level(
        prefix=prefix,
        required=required,
        required_paths=frozenset(prefix + name for name in required),
        types={name: _types(prefix + name, field) for name, field in fields.items()},
        entry_types={name: _types(f"{prefix}{name}[]", field) for name, field in entries.items()},
        terms=_terms(prefix, "", fields),
        entry_terms=_terms(prefix, "[]", entries),
        inner={name: _level(resource, f"{prefix}{name}.") for name in inner},
    )


def _terms(prefix: str, suffix: str, fields: dict[str, Field]) -> dict[str, _Terms]:
    return {
        name: _Terms(prefix + name + suffix, field.terms)
        for name, field in fields.items()
        if field.terms
    }


def _types(path: str, field: Field) -> _Types:
    names = field.types | {"null"}
    return _Types(
        path, frozenset(kind for kind in _JSON_TYPES if _JSON_TYPES[kind] in names), names
    )


class _Met:
    """What the objects of one level had so far; fields are those that are required."""

    __slots__ = ("lacking", "level", "unknown", "unseen")

    def __init__(self, level: _Level) -> None:
        self.level = level
        self.lacking: set[str] = set()
        """Fields that some object of a sample lacks."""
        self.unseen = level.required
        """Fields that no object has had."""
        self.unknown: set[str] = set()

    def take(self, objects: Sequence[dict[str, Any]]) -> None:
        self.lacking.update(*map(self.level.required.difference, objects[:SAMPLE]))
        for each in objects:
            if not self.unseen:  # as nearly always after the first
                break
            self.unseen = self.unseen.difference(each)


class Radar:
    """Looks at the records of one answer, in any number of portions; ``shape`` says what it saw."""

    def __init__(self, resource: Resource, pepper: bytes) -> None:
        """``pepper`` is the key of the digests that tell new values apart."""
        self._record = _level(resource)
        self._pepper = pepper
        self._met: dict[str, _Met] = {}
        self._new_terms: dict[str, set[str]] = {}
        self._drift: set[Drift] = set()

    def look(self, records: Sequence[Json], odd: Sequence[Json]) -> None:
        """Takes in a portion of the records, of which ``odd`` are looked at closely."""
        self._look(self._record, _only_objects(records))
        self._look_closely(self._record, _only_objects(odd))

    def shape(self, more: Iterable[Drift] = ()) -> Shape | None:
        """What the records came to, and ``more`` that somebody else has noticed.

        None where nothing is documented to compare with.
        """
        if not self._record.types:
            return None
        everywhere, somewhere, nowhere = set[str](), set[str](), set[str]()
        drift = {*self._drift, *more}
        for met in self._met.values():
            prefix = met.level.prefix
            everywhere |= met.level.required_paths
            if met.lacking:
                nowhere |= {prefix + name for name in met.unseen}
                somewhere |= {prefix + name for name in met.lacking - met.unseen}
            if met.unknown:
                names = _told_apart(met.unknown, _shown)
                drift.update(Drift("unknown_field", prefix + name) for name in names)
        everywhere -= nowhere | somewhere
        for path, terms in self._new_terms.items():
            marks = _told_apart(terms, self._digest)
            drift.update(Drift("new_value", path, mark) for mark in marks)
        return Shape(everywhere, somewhere, nowhere, drift)

    def _look(self, level: _Level, objects: Sequence[dict[str, Any]]) -> None:
        if not objects:
            return
        met = self._met_at(level)
        met.take(objects)
        for name, terms in level.terms.items():
            self._look_at_terms(terms, [each.get(name) for each in objects])
        for name, terms in level.entry_terms.items():
            self._look_at_terms(terms, _entries(name, objects))
        for name, inner in level.inner.items():
            self._look(inner, _inner(name, objects))

    def _look_at_terms(self, terms: _Terms, values: list[Json]) -> None:
        try:
            met = set(values) - terms.known
        except TypeError:  # lists and objects among them, which have a wrong type
            met = {value for value in values if type(value) is str}
        new = {term.lower() for term in met if type(term) is str and term} - terms.known
        if new:
            kept = self._new_terms.setdefault(terms.path, set())
            kept.update(islice(new, MOST_TOLD_APART + 1))

    def _look_closely(self, level: _Level, objects: Sequence[dict[str, Any]]) -> None:
        if not objects:
            return
        unknown = set().union(*objects).difference(level.types)
        self._met_at(level).unknown.update(islice(unknown, MOST_TOLD_APART + 1))
        for name, types in level.types.items():
            self._look_at_types(types, [each.get(name) for each in objects])
        for name, types in level.entry_types.items():
            self._look_at_types(types, _entries(name, objects))
        for name, inner in level.inner.items():
            self._look_closely(inner, _inner(name, objects))

    def _look_at_types(self, types: _Types, values: list[Json]) -> None:
        if not types.of_python.issuperset(map(type, values)):
            wrong = set(map(_json_type, values)) - types.of_json
            self._drift.update(Drift("changed_type", types.path, kind) for kind in wrong)

    def _met_at(self, level: _Level) -> _Met:
        met = self._met.get(level.prefix)
        if met is None:
            met = self._met[level.prefix] = _Met(level)
        return met

    def _digest(self, term: str) -> str:
        """8 hexadecimal characters that differ from term to term and tell nothing about it."""
        return hmac.digest(self._pepper, b"term:" + term.encode(), "sha256")[:4].hex()


def _only_objects(values: Sequence[Json]) -> list[dict[str, Any]]:
    return [value for value in values if type(value) is dict]


def _inner(name: str, objects: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [value for each in objects if type(value := each.get(name)) is dict]


def _entries(name: str, objects: Sequence[dict[str, Any]]) -> list[Json]:
    lists = [value for each in objects if type(value := each.get(name)) is list]
    return list(chain.from_iterable(lists))


def _told_apart(texts: set[str], shown: Callable[[str], str]) -> set[str]:
    return {MANY} if len(texts) > MOST_TOLD_APART else set(map(shown, texts))


def _shown(name: str) -> str:
    """The name if it is one, printable; a mark in place of what looks like a value."""
    masked = masked_name(name)[0] or EMPTY
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in masked)


def _json_type(value: Json) -> str:
    if type(value) is float and value.is_integer():  # as normalizers take it: 5.0 is 5
        return "integer"
    return _JSON_TYPES[type(value)]
