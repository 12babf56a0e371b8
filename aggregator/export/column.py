"""A column of a view, and how values look as text that every reader of files understands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

Write = Callable[[Sequence[Sequence[Any]]], None]


class Column(NamedTuple):
    """``type`` is Postgres's word, such as ``timestamp with time zone`` or ``text[]``."""

    name: str
    type: str
    comment: str | None = None


TIMESTAMP = "timestamp with time zone"
WHOLE = frozenset({"smallint", "integer", "bigint"})


def timestamp_text(moment: datetime) -> str:
    """ISO 8601 in UTC, as ``2026-11-23T12:00:00.5Z`` without the digits that are zero."""
    text = moment.replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"
