"""JSON lines: an object a row; what Postgres holds as JSON is passed on as it is.

A number in such a document keeps all its digits, however many; a reader that knows 64 bits only
rounds it by itself (trap T14).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, BinaryIO

import orjson

from aggregator.export.column import TIMESTAMP, Column, Write, timestamp_text


@contextmanager
def jsonl_writer(file: BinaryIO, columns: Sequence[Column]) -> Iterator[Write]:
    """Times are ISO 8601 with ``Z``; numbers that JSON cannot say (NaN, infinity) are null."""
    names = [column.name for column in columns]
    values = [_value_of(column) for column in columns]

    def write(rows: Sequence[Sequence[Any]]) -> None:
        file.write(b"".join(line(row) for row in rows))

    def line(row: Sequence[Any]) -> bytes:
        return orjson.dumps(
            {
                name: value if value is None or convert is None else convert(value)
                for name, convert, value in zip(names, values, row, strict=True)
            },
            option=orjson.OPT_APPEND_NEWLINE,
        )

    yield write


def _number(value: Decimal) -> orjson.Fragment | None:
    return orjson.Fragment(f"{value:f}") if value.is_finite() else None


_VALUES: dict[str, Callable[[Any], Any]] = {
    "json": orjson.Fragment,
    "jsonb": orjson.Fragment,
    "numeric": _number,
    "uuid": str,
    TIMESTAMP: timestamp_text,
}


def _value_of(column: Column) -> Callable[[Any], Any] | None:
    """How a value becomes one that orjson writes; None: it is one."""
    return _VALUES.get(column.type)
