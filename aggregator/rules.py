"""What the schema of a connection type says about masking, compiled once per type.

The fields are those that ``resources.connection_schema.reduce`` gives. Of them only three things
matter here: which properties are listed, which are sensitive, and how they are nested. An entry of
a list is masked as the list is, so that ``headers[].value`` is the member ``value`` of ``headers``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from types import MappingProxyType
from typing import Any, TypeAlias

from aggregator.names import spelling

DIGEST_SIZE = 16
DEEPEST = 16
"""Levels of nesting that are looked at; what is below is masked as if it were not listed."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is said of one property, or of a whole configuration; equal if it masks the same."""

    digest: bytes
    """16 bytes that change with everything here and with nothing else."""
    is_sensitive: bool = field(compare=False)
    members: Mapping[str, Rules] = field(compare=False)
    """The listed properties of it by ``names.spelling``; none where it is sensitive."""
    plans: dict[tuple[str, ...], Any] = field(compare=False, repr=False, default_factory=dict)
    """What ``redact`` remembers of objects that were masked by these rules: names, no values."""


_Listed: TypeAlias = dict[str, "tuple[bool, _Listed]"]


def compiled(fields: object) -> Rules | None:
    """The rules in the fields of a type; None where they list nothing, or are no fields at all."""
    listed: _Listed = {}
    _collect(fields, listed, 0)
    return _rules(listed, is_sensitive=False) if listed else None


def _collect(fields: object, listed: _Listed, depth: int) -> None:
    """Adds what the fields list; of two spellings of one name the stricter word counts."""
    if not isinstance(fields, dict) or depth >= DEEPEST:
        return
    for name, entry in fields.items():
        if not isinstance(entry, dict):
            continue
        is_sensitive, members = listed.get(spelling(name), (False, {}))
        level: Any = entry
        for _ in range(DEEPEST):  # lists of lists
            if not isinstance(level, dict):
                break
            is_sensitive = is_sensitive or bool(level.get("sensitive"))
            _collect(level.get("properties"), members, depth + 1)
            level = level.get("items")
        listed[spelling(name)] = is_sensitive, members


def _rules(listed: _Listed, *, is_sensitive: bool) -> Rules:
    members = (
        {}
        if is_sensitive
        else {
            name: _rules(inner, is_sensitive=sensitive)
            for name, (sensitive, inner) in sorted(listed.items())
        }
    )
    digest = sha256(b"sensitive" if is_sensitive else b"listed")
    for name, rules in members.items():
        digest.update(sha256(name.encode()).digest() + rules.digest)
    return Rules(digest.digest()[:DIGEST_SIZE], is_sensitive, MappingProxyType(members))
