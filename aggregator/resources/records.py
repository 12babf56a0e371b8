"""Makes a ``normalize`` out of what is particular to a resource: its values and its fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeAlias

from aggregator.model import Record, Rejection
from aggregator.redact import Json, Rule, mask, mask_object, masked_name, whether_set
from aggregator.resources.fields import (
    LONGEST_ID,
    VOLATILE,
    Notes,
    identifier,
    json_text,
    unknown,
    usable_id,
)
from aggregator.resources.vocabulary import names
from aggregator.tripwire import SET

Normalize: TypeAlias = Callable[[Json, bool], Record | Rejection]
Raw: TypeAlias = dict[str, Any]

_NO_ORGANIZATION = "00000000-0000-0000-0000-000000000000"


def named_organization(record: Raw, notes: Notes) -> str | None:
    """The organization that the record names."""
    return identifier(record.get("organization_id"), "organization_id", notes)


def organization_unless_system(record: Raw, notes: Notes) -> str | None:
    """The organization that the record names; None for one that all organizations have alike.

    The vendor's own policies and roles name an organization of zeros (polytomic-api 5.8).
    """
    named = named_organization(record, notes)
    return None if record.get("system") is True or named == _NO_ORGANIZATION else named


def no_organization(_: Raw, __: Notes) -> None:
    """For records that name no organization, or rightly another one than the one asked."""


def normalizer(
    values: Callable[[Raw, Notes], tuple[Any, ...]],
    fields: Iterable[str],
    *,
    organization_id: Callable[[Raw, Notes], str | None] = named_organization,
    reading: Callable[[Raw, Notes], tuple[Any, ...] | None] | None = None,
    is_private: bool = False,
) -> Normalize:
    """A ``normalize`` whose records have ``values``, then ``extra`` and ``sanitized``.

    It never raises for a JSON value whose texts are storable. ``fields`` are the documented paths.
    What is odd about a ``reading`` is noted without its value, which would make history of it.
    Where ``is_private``, no value is seen but in the columns made for it: ``extra`` and rejections
    say which fields were odd, and nothing of what stood in them.
    """
    known = names(fields)

    def normalize(record: Json, sanitized: bool) -> Record | Rejection:  # noqa: FBT001 -- the interface of Resource
        if type(record) is not dict:
            masked = SET if is_private else mask(record, Rule.OTHER)
            return Rejection(None, "the record is not an object", json_text(masked, "record", {}))
        record_id = usable_id(record.get("id"))
        if record_id is None:
            masked = _rejected(record) if is_private else mask_object(record)
            rejection = without_id(record.get("id"), json_text(masked, "record", {}))
            is_address = is_private and "@" in (rejection.record_id or "")
            return replace(rejection, record_id=SET) if is_address else rejection
        notes: Notes = {}
        organization = organization_id(record, notes)
        own = values(record, notes)
        measured = None
        if reading:
            odd: Notes = {}
            measured = reading(record, odd)
            notes.update(dict.fromkeys(odd, VOLATILE))
        if not known.issuperset(record):
            unknown(record, known, "", notes)
        if not notes:
            return Record(record_id, organization, (*own, None, sanitized), measured)
        extra = json_text(_hidden(notes) if is_private else notes, "extra", {})
        return Record(record_id, organization, (*own, extra, sanitized), measured, is_odd=True)

    return normalize


def without_id(given: Json, masked: str) -> Rejection:
    """The rejection of a record whose id, as ``given``, is not usable (fault C21)."""
    if given is None:
        return Rejection(None, "the id is missing", masked)
    if given == "":
        return Rejection("", "the id is empty", masked)
    if type(given) is str:
        return Rejection(
            given[:LONGEST_ID], f"the id is longer than {LONGEST_ID} characters", masked
        )
    return Rejection(None, "the id is neither a text nor an integer of 64 bits", masked)


def _hidden(record: dict[str, Any]) -> dict[str, str]:
    """The names alone, and not even those that look like values."""
    return {masked_name(name)[0]: SET for name in record}


def _rejected(record: Raw) -> dict[str, str | None]:
    """As ``_hidden``, but of null and what is empty that they are: the reason speaks of them."""
    told: dict[str, str | None] = {}
    for name, value in record.items():
        shown = masked_name(name)[0]
        told[shown] = SET if shown in told else whether_set(value)
    return told
