"""CSV as RFC 4180 has it, in UTF-8, in which a spreadsheet finds no formula (fault I2).

Every text is quoted, nothing else is: an empty cell without quotes is NULL, ``""`` an empty text. A
text that a spreadsheet would take for a formula gets a leading ``'``, and so does one that begins
with ``'`` and would then look like it. Where the decimal sign is a comma, Excel divides at ``;``,
tabs and line ends within our quotes: what begins there gets its ``'``, too. ``original`` takes all
of them away again. Numbers stay numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any, BinaryIO

import orjson

from aggregator.export.column import TIMESTAMP, WHOLE, Column, Write, timestamp_text

_FORMULA = re.compile("'*[=+\\-@\t\r\n\0＝＋－＠]")  # noqa: RUF001 (full-width forms count)
_INNER = "(?=['\"]*[=+\\-@＝＋－＠])"  # noqa: RUF001 (the same)
_UNGUARDED = re.compile(f"[;\t\r\n]{_INNER}")
_GUARDED = re.compile(f"([;\t\r\n])'{_INNER}")
END = "\r\n"


def csv_text(value: str) -> str:
    """The cell of a text."""
    guard = "'" if _FORMULA.match(value) else ""
    inner = _UNGUARDED.sub(lambda found: f"{found[0]}'", value)
    return f'"{guard}{inner.replace(chr(34), chr(34) * 2)}"'


def original(cell: str) -> str:
    """The text that a cell stands for, quotes taken away by whoever read the file."""
    text = cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
    return _GUARDED.sub(r"\1", text)


@contextmanager
def csv_writer(file: BinaryIO, columns: Sequence[Column]) -> Iterator[Write]:
    """Header, then rows; arrays and JSON are JSON text, times are ISO 8601 with ``Z``."""
    cells = [_cell_of(column) for column in columns]

    def write(rows: Sequence[Sequence[Any]]) -> None:
        file.write("".join(line(row) for row in rows).encode())

    def line(row: Sequence[Any]) -> str:
        return (
            ",".join(
                [
                    "" if value is None else cell(value)
                    for cell, value in zip(cells, row, strict=True)
                ]
            )
            + END
        )

    file.write((",".join(csv_text(column.name) for column in columns) + END).encode())
    yield write


def _boolean(value: bool) -> str:  # noqa: FBT001 (it is the value)
    return "true" if value else "false"


def _decimal(value: Decimal) -> str:
    return f"{value:f}"


def _array(value: Sequence[Any]) -> str:
    return csv_text(orjson.dumps(value).decode())


def _text(value: object) -> str:
    return csv_text(str(value))


_CELLS: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys([*WHOLE, "double precision", "real"], str),
    "boolean": _boolean,
    "numeric": _decimal,
    "date": date.isoformat,
    TIMESTAMP: timestamp_text,
}


def _cell_of(column: Column) -> Callable[[Any], str]:
    return _CELLS.get(column.type, _array if column.type.endswith("[]") else _text)
