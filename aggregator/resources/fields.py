"""Reads single fields of an untrusted record; a wrong type costs that field, never the record.

Each reader gives the typed value or None. What it could not take, it leaves in ``notes`` under the
field's label, masked and otherwise raw, so that nothing is lost without a trace (faults C17 to
C20). Notes are tracked: they must not depend on when or in which order something was read.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeAlias

import orjson

from aggregator.redact import Json, Rule, mask, masked_name
from aggregator.tripwire import SET

Notes: TypeAlias = dict[str, Any]

CUT = "(cut)"
TOO_LARGE = "(too large)"
VOLATILE = "(not kept)"
"""Note on a reading of a wrong type or an unknown part of one: its value would make history."""

LONGEST_TEXT = 65_536
"""Characters of a text column."""
LONGEST_ID = 512
"""Characters; ids are parts of keys, and an index entry holds at most about 2,700 bytes."""
LONGEST_LIST = 10_000
"""Entries of a list column."""
LARGEST_JSON = 1_048_576
"""Bytes of one JSON column, as UTF-8."""
LARGEST_INTEGER = 2**63 - 1
LARGEST_SMALL_INTEGER = 2**31 - 1
"""What a column of type ``integer`` takes."""

ACTOR_FIELDS = frozenset({"id", "name", "type"})

_parse_moment = datetime.fromisoformat


def text(value: Json, label: str, notes: Notes) -> str | None:
    """The text, verbatim; cut after ``LONGEST_TEXT`` characters with a note."""
    if (type(value) is str and len(value) <= LONGEST_TEXT) or value is None:
        return value
    if type(value) is not str:
        note(value, label, notes)
        return None
    notes[label] = CUT
    return value[:LONGEST_TEXT]


def filled(value: Json, label: str, notes: Notes) -> str | None:
    """As ``text``, but None for an empty one, which servers write for a field that is not set."""
    return None if value == "" else text(value, label, notes)


def identifier(value: Json, label: str, notes: Notes) -> str | None:
    """The id, verbatim; an integer as text; None where it is absent, empty or unusable."""
    if type(value) is str and 0 < len(value) <= LONGEST_ID:
        return value
    if value is None or value == "":
        return None
    if (usable := usable_id(value)) is None:
        note(value, label, notes)
    return usable


def usable_id(value: Json) -> str | None:
    """The id as text if it can be part of a key: 1 to 512 characters, or an integer of 64 bits."""
    if type(value) is str:
        return value if 0 < len(value) <= LONGEST_ID else None
    if type(value) is int and -LARGEST_INTEGER <= value <= LARGEST_INTEGER + 1:
        return str(value)
    return None


def flag(value: Json, label: str, notes: Notes) -> bool | None:
    if value is None or value is True or value is False:
        return value
    note(value, label, notes)
    return None


def integer(value: Json) -> int | None:
    """The number if it is whole and fits a bigint."""
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is int and -LARGEST_INTEGER - 1 <= value <= LARGEST_INTEGER:
        return value
    return None


def whole(value: Json, label: str, notes: Notes, largest: int = LARGEST_INTEGER) -> int | None:
    """The number if it is whole and, with either sign, not beyond ``largest``."""
    number = integer(value)
    if number is not None and -largest <= number <= largest:
        return number
    if value is not None:
        note(value, label, notes)
    return None


def moment(value: Json, label: str, notes: Notes) -> datetime | None:
    """The time in UTC, cut to microseconds; the years 2 to 9999.

    Go's zero time (year 1) and the empty text mean "never" and give None (polytomic-api 4.7). A
    time without a zone is taken as UTC, with a note.
    """
    if value is None or value == "":
        return None
    try:
        parsed = _parse_moment(value)
        if parsed.year == 1:
            return None
        if parsed.tzinfo is UTC:
            return parsed
        if parsed.tzinfo is not None:
            return parsed.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        note(value, label, notes)
        return None
    note(value, label, notes)
    return parsed.replace(tzinfo=UTC)


def texts(value: Json, label: str, notes: Notes) -> list[str] | None:
    """The texts of a list, sorted, because their order means nothing; None where it is absent."""
    if value is None:
        return None
    if type(value) is not list:
        note(value, label, notes)
        return None
    usable = [item for item in value if type(item) is str and len(item) <= LONGEST_ID]
    usable.sort()
    if len(usable) < len(value):
        odd = (item for item in value if type(item) is not str or len(item) > LONGEST_ID)
        notes[label] = in_order(mask(item, Rule.SAFE_ID) for item in odd)
    if len(usable) > LONGEST_LIST:
        notes[label] = CUT
    return usable[:LONGEST_LIST]


def identifiers(value: Json, label: str, notes: Notes) -> list[str] | None:
    """The ids of a list, sorted and once each, integers as text; None where it is absent."""
    if type(value) is list:
        value = [usable_id(item) or item for item in value]
    found = texts(value, label, notes)
    return found and sorted(set(found))


def members(value: Json, label: str, notes: Notes) -> dict[str, Any]:
    """The object; an empty one where it is absent or of another type."""
    if type(value) is dict:
        return value
    if value is not None:
        note(value, label, notes)
    return {}


def actor(value: Json, label: str, notes: Notes) -> tuple[str | None, str | None, str | None]:
    """Id, name and type of who created or updated something (polytomic-api 1.5)."""
    who = members(value, label, notes)
    actor_id, name, kind = who.get("id"), who.get("name"), who.get("type")
    if (  # three short texts, as nearly always
        type(actor_id) is type(name) is type(kind) is str
        and len(who) == len(ACTOR_FIELDS)
        and 0 < len(actor_id) <= LONGEST_ID
        and len(name) <= LONGEST_TEXT
        and len(kind) <= LONGEST_TEXT
    ):
        return actor_id, name, kind
    if not who.keys() <= ACTOR_FIELDS:
        unknown(who, ACTOR_FIELDS, f"{label}.", notes)
    return (
        identifier(actor_id, f"{label}.id", notes),
        text(name, f"{label}.name", notes),
        text(kind, f"{label}.type", notes),
    )


def unknown(source: dict[str, Any], known: frozenset[str], prefix: str, notes: Notes) -> None:
    """Notes every member that we do not know, masked by its own name."""
    for name in source.keys() - known:
        label, rule = masked_name(name)
        notes[prefix + label] = SET if label == SET else mask(source[name], rule)


def note(value: Json, label: str, notes: Notes) -> None:
    """Keeps what stood in a field that we know but could not take."""
    notes[label] = mask(value, Rule.SAFE_ID)


def json_text(value: Json, label: str, notes: Notes) -> str:
    """The value, which is masked, as JSON text with sorted keys; a note where it is too large."""
    encoded = _json(value)
    if len(encoded) > LARGEST_JSON:
        notes[label] = TOO_LARGE
        return f'{{"{TOO_LARGE}":true}}'
    return encoded.decode()


def json_list(entries: list[Any], label: str, notes: Notes) -> str | None:
    """The entries, which are masked, as JSON text in an order that depends on nothing but them.

    None with a note where it is too large: whoever reads the column can count on a list.
    """
    encoded = b"[" + b",".join(sorted(map(_json, entries))) + b"]"
    if len(encoded) > LARGEST_JSON:
        notes[label] = TOO_LARGE
        return None
    return encoded.decode()


def in_order(values: Iterable[Json]) -> list[Any]:
    """The values, which are masked, in an order that depends on nothing but them."""
    return sorted(values, key=_json)


def _json(value: Json) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
