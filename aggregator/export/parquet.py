"""Parquet with types of its own for times, dates, booleans, numbers and lists of texts.

JSON, UUIDs and numbers without bounds are strings; each field's metadata says what Postgres calls
it (``postgres_type``) and what it means (``description``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from aggregator.export.column import TIMESTAMP, WHOLE, Column, Write

ROWS_OF_A_GROUP = 50_000
BYTES_OF_A_GROUP = 32_000_000
"""A row group is in memory until it has either; before compression."""


_TYPES = {
    **dict.fromkeys(WHOLE, pa.int64()),
    **dict.fromkeys(["double precision", "real"], pa.float64()),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "text[]": pa.list_(pa.string()),
    TIMESTAMP: pa.timestamp("us", tz="UTC"),
}


@contextmanager
def parquet_writer(file: BinaryIO, columns: Sequence[Column]) -> Iterator[Write]:
    schema = pa.schema([_field(column) for column in columns])
    as_text = [column.type in {"uuid", "numeric"} for column in columns]
    group: list[pa.RecordBatch] = []

    def write(rows: Sequence[Sequence[Any]]) -> None:
        group.append(batch(rows))
        if (
            sum(each.num_rows for each in group) >= ROWS_OF_A_GROUP
            or sum(each.nbytes for each in group) >= BYTES_OF_A_GROUP
        ):
            end_group()

    def batch(rows: Sequence[Sequence[Any]]) -> pa.RecordBatch:
        arrays = []
        for number, field in enumerate(schema):
            values = [row[number] for row in rows]
            if as_text[number]:
                values = [None if value is None else str(value) for value in values]
            arrays.append(pa.array(values, field.type))
        return pa.record_batch(arrays, schema=schema)

    def end_group() -> None:
        if group:
            writer.write_table(pa.Table.from_batches(group))
            group.clear()

    tap = _Tap(file)
    with pq.ParquetWriter(tap, schema, compression="zstd") as writer, tap:
        yield write
        end_group()


class _Tap:
    """Passes nothing on once its block has failed: a footer would make half a file look whole."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._is_shut = False

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._is_shut = kind is not None

    def write(self, data: bytes) -> int:
        return len(data) if self._is_shut else self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        """The file is not ours to close."""


def _field(column: Column) -> pa.Field:
    metadata = {"postgres_type": column.type, "description": column.comment or ""}
    return pa.field(column.name, _TYPES.get(column.type, pa.string()), metadata=metadata)
