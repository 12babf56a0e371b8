"""Reads the parts of a record that several resources have: actors, schedules, configurations.

As in ``fields``, what is odd about a part costs that part and is left in the notes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aggregator.redact import Json, Rule, mask, mask_object
from aggregator.resources.fields import (
    CUT,
    LONGEST_ID,
    Notes,
    actor,
    identifier,
    json_text,
    members,
    moment,
    texts,
    unknown,
)
from aggregator.resources.vocabulary import SCHEDULE_PARTS
from aggregator.tripwire import LONGEST_ERROR, mask_text

AUTHORSHIP_COLUMNS = (
    "created_at",
    "created_by_id",
    "created_by_name",
    "created_by_type",
    "updated_at",
    "updated_by_id",
    "updated_by_name",
    "updated_by_type",
)
LONGEST_STATUS_ERROR = 2_000
"""Characters."""

_SCHEDULE_PARTS = frozenset(SCHEDULE_PARTS)


def authorship(record: dict[str, Any], notes: Notes) -> tuple[Any, ...]:
    """The values of ``AUTHORSHIP_COLUMNS``."""
    get = record.get
    return (
        moment(get("created_at"), "created_at", notes),
        *actor(get("created_by"), "created_by", notes),
        moment(get("updated_at"), "updated_at", notes),
        *actor(get("updated_by"), "updated_by", notes),
    )


def schedule(
    value: Json,
    label: str,
    notes: Notes,
    known: frozenset[str],
    parts: frozenset[str] = _SCHEDULE_PARTS,
) -> dict[str, Any]:
    """The parts of the schedule that are set, as texts; an empty object where none is.

    ``known`` are the fields that are no news, ``parts`` the ones that are read here.
    """
    given = members(value, label, notes)
    found: dict[str, Any] = {}
    for name in parts.intersection(given):
        part = given[name]
        if type(part) is str and 0 < len(part) <= LONGEST_ID:
            found[name] = part
        elif (usable := identifier(part, f"{label}.{name}", notes)) is not None:
            found[name] = usable
    if not known.issuperset(given):
        unknown(given, known, f"{label}.", notes)
    return found


def configuration(value: Json, label: str, notes: Notes) -> str | None:
    """The configuration, masked by the names in it, as JSON text."""
    if value is None:
        return None
    if type(value) is not dict:
        notes[label] = mask(value, Rule.SECRET)
        return None
    return json_text(mask_object(value), label, notes)


def error_text(value: Json, label: str, notes: Notes) -> str | None:
    """The masked error; None where there is none, which servers also write as an empty text."""
    if value is None or value == "":
        return None
    if type(value) is not str:
        notes[label] = mask(value, Rule.OTHER)
        return None
    masked = mask_text(value)
    if len(masked) > LONGEST_STATUS_ERROR or len(value) > LONGEST_ERROR:
        notes[label] = CUT
    return masked[:LONGEST_STATUS_ERROR]


def named(value: Json, keys: Iterable[str], label: str, notes: Notes) -> list[str] | None:
    """Texts that stand in a list as such, or in its objects under the first of ``keys`` they have.

    Sorted and once each; None where there is no list.
    """
    if type(value) is list:
        value = [_first(item, keys) if type(item) is dict else item for item in value]
    found = texts(value, label, notes)
    return found and sorted(set(found))


def _first(item: dict[str, Any], keys: Iterable[str]) -> Json:
    for key in keys:
        if (given := item.get(key)) not in (None, ""):
            return given
    return None
