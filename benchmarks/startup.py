"""How long ``aggregator --help`` takes."""

from __future__ import annotations

from statistics import median

from benchmarks.figures import Figure, at_most
from benchmarks.measure import Measured, run

GOAL_SECONDS = 0.3


def measure_help(rounds: int) -> tuple[list[Figure], list[Measured]]:
    """The median of some runs after one that fills the file cache."""
    runs = [run(["-m", "aggregator", "--help"]) for _ in range(rounds + 1)][1:]
    seconds = median(measured.wall_seconds for measured in runs)
    return [at_most("aggregator --help", seconds, GOAL_SECONDS, " s")], runs
