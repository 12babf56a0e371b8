"""Rows of a view as CSV, JSON lines or Parquet: what a cell becomes, nothing about where from.

Each format is a context manager over a binary file, which it borrows, and the view's columns; it
gives a function that takes rows, and what is written is whole when the block has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import PurePath
from typing import BinaryIO

from aggregator.errors import ConfigurationError, install_command
from aggregator.export.column import Column, Write

Format = Callable[[BinaryIO, Sequence[Column]], AbstractContextManager[Write]]

SUFFIXES = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
"""Formats by what the names of their files end in."""
PARQUET_IS_MISSING = f"Parquet needs pyarrow, which is not installed: {install_command('parquet')}"


def format_of(name: str | None, output: str) -> Format:
    """The format of that name, else the one that the name of the file ends in.

    Raises ``ConfigurationError`` where neither says it, or its library is not installed.
    """
    chosen = name or SUFFIXES.get(PurePath(output).suffix.lower())
    match chosen:
        case "csv":
            from aggregator.export.csv import csv_writer  # noqa: PLC0415 (only what is needed)

            return csv_writer
        case "jsonl":
            from aggregator.export.jsonl import jsonl_writer  # noqa: PLC0415 (the same)

            return jsonl_writer
        case "parquet":
            try:
                from aggregator.export.parquet import parquet_writer  # noqa: PLC0415 (an extra)
            except ImportError:
                raise ConfigurationError([PARQUET_IS_MISSING]) from None
            return parquet_writer
        case _:
            raise ConfigurationError(
                [f"--format is needed: {output!a} ends in none of .csv, .jsonl and .parquet"]
            )
