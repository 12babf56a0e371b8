"""The figures to reach: what was measured, against its goal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.cases import Sample


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the goals table."""

    name: str
    goal: str
    measured: str
    reached: bool


def at_most(name: str, measured: float, goal: float, unit: str = "") -> Figure:
    return Figure(name, f"≤ {goal:g}{unit}", f"{measured:.2f}{unit}", measured <= goal)


def at_least(name: str, measured: float, goal: float, unit: str = "") -> Figure:
    return Figure(name, f"≥ {goal:g}{unit}", f"{measured:.2f}{unit}", measured >= goal)


def exactly(name: str, measured: float, goal: float) -> Figure:
    return Figure(name, f"{goal:g}", f"{measured:g}", measured == goal)


def of_cases(samples: Mapping[str, Sequence[Sample]], organizations: int) -> list[Figure]:
    """The ratios of the cases that ran; of medians, over whole processes."""
    wall = {
        name: median(sample.measured.wall_seconds for sample in runs)
        for name, runs in samples.items()
    }
    figures = []
    for script in ("official client", "official client, one pool"):
        if {script, "first load"} <= wall.keys():
            ratio = wall[script] / wall["first load"]
            figures.append(at_least(f"first load: times faster than {script}", ratio, 10))
    if {"floor", "first load"} <= wall.keys():
        ratio = wall["first load"] / wall["floor"]
        figures.append(at_most("first load: times the floor", ratio, 2.0))
    if {"fetch and discard", "unchanged"} <= wall.keys():
        ratio = wall["unchanged"] / wall["fetch and discard"]
        figures.append(at_most("unchanged: times fetch and discard", ratio, 1.3))
    if "unchanged" in samples:
        figures += _of_unchanged(samples["unchanged"], organizations)
    return figures


def _of_unchanged(runs: Sequence[Sample], organizations: int) -> list[Figure]:
    written = max(sum(run.rows_written.values()) for run in runs)
    said = max(run.measured.printed["requests"] for run in runs) / organizations
    served = max(run.requests_served for run in runs) / organizations
    return [
        exactly("unchanged: rows written to inventory tables", written, 0),
        exactly("unchanged: requests per organization, as the run says", said, 1.0),
        exactly("unchanged: requests per organization, as nginx says", served, 1.0),
    ]
