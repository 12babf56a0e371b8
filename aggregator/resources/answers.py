"""What resources have in common whose record is the answer about one connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aggregator.redact import Json
from aggregator.resource import Field, Target
from aggregator.resources.fields import Notes, identifier, note, usable_id
from aggregator.resources.records import Raw
from aggregator.resources.vocabulary import ID, OPTIONAL_OBJECT

COLUMNS = ("connection_id", "is_available")


def is_source(target: Target) -> bool:
    """Whether bulk syncs can read from it: only then it has schemas, else the answer is 400."""
    return "bulksyncsource" in target.operations


def record_of(target: Target, data: Json) -> list[Any]:
    """One raw record: the connection and what was answered about it, None for not available."""
    return [{"id": target.id, "data": data}]


def documented(data: Mapping[str, Field]) -> dict[str, Field]:
    """The fields of such a raw record, from those of what is answered."""
    return {
        "id": ID,
        "data": OPTIONAL_OBJECT,
        **{f"data.{path}": field for path, field in data.items()},
    }


def availability(record: Raw) -> tuple[str | None, bool | None]:
    """The values of ``COLUMNS``; None of what an answer that is no object says."""
    data = record.get("data")
    is_known = data is None or type(data) is dict
    return usable_id(record.get("id")), data is not None if is_known else None


def note_other(named: Json, connection_id: str | None, label: str, notes: Notes) -> None:
    """Notes that an answer speaks of another connection than the one that was asked for."""
    if identifier(named, label, notes) not in {None, connection_id}:
        note(named, label, notes)
