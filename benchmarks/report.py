"""Prints the two tables and saves every raw figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from benchmarks.cases import Sample
from benchmarks.figures import Figure
from benchmarks.measure import ROOT

FOLDER = ROOT / ".benchmarks"


def print_cases(samples: Mapping[str, Sequence[Sample]], rows: int) -> None:
    """One line a case: median (lowest-highest) of whole processes."""
    table = [("case", "wall s", "CPU s", "peak MB", "own clock s", "rows/s", "requests")]
    for name, runs in samples.items():
        all_measured = [sample.measured for sample in runs]
        wall = [measured.wall_seconds for measured in all_measured]
        own = [measured.own_seconds or 0.0 for measured in all_measured]
        table.append(
            (
                name,
                _spread(wall),
                _spread([measured.cpu_seconds for measured in all_measured]),
                f"{max(measured.peak_bytes for measured in all_measured) / 1e6:.0f}",
                _spread(own),
                f"{rows / median(wall):,.0f}",
                f"{runs[-1].requests_served:,}",
            )
        )
    print_table(table)


def print_figures(figures: Sequence[Figure]) -> None:
    table = [("figure", "goal", "measured", "reached")]
    table += [(f.name, f.goal, f.measured, "yes" if f.reached else "NO") for f in figures]
    print_table(table)


def save(document: dict[str, Any]) -> Path:
    """Path of a new JSON file in ``.benchmarks``."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}.json"
    path.write_bytes(orjson.dumps(document, default=_plain, option=orjson.OPT_INDENT_2))
    return path


def _plain(value: object) -> object:
    if isinstance(value, (Sample, Figure)):
        return asdict(value)
    raise TypeError


def _spread(values: Sequence[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def print_table(table: Sequence[Sequence[str]]) -> None:
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    print()
    for number, line in enumerate(table):
        first, *others = zip(line, widths, strict=True)
        cells = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        print("  ".join(cells).rstrip())
        if number == 0:
            print("  ".join("─" * width for width in widths))
