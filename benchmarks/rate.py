"""Whether a rate ceiling is kept in every second and used to the full, as the server counts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks import database, delayed_server, fleet
from benchmarks.figures import Figure, at_least, at_most
from benchmarks.measure import Measured
from benchmarks.sync import sync

CEILINGS = (50, 200, 1_000)
"""Requests per second."""
SECONDS = 6
"""How long a first load takes at the ceiling: two requests per organization."""
CONNECTIONS = 2
USE_GOAL = 0.95


async def measure_rate(folder: Path, postgres: str) -> tuple[list[Figure], list[Measured]]:
    figures, runs = [], []
    for ceiling in CEILINGS:
        organizations = ceiling * SECONDS // 2
        written = fleet.write(folder / str(ceiling), organizations, CONNECTIONS)
        with delayed_server.running(written, 0.0) as server:
            async with database.fresh(postgres) as url:
                limit = str(ceiling)
                runs.append(sync(written.keys, server.base_url, url, REQUESTS_PER_SECOND=limit))
            arrivals = server.take_log()
        used = (len(arrivals) - 1) / (arrivals[-1] - arrivals[0]) / ceiling
        most = most_in_a_second(arrivals)
        figures += [
            at_most(f"ceiling of {ceiling}/s: most requests in any second", most, ceiling + 1),
            at_least(f"ceiling of {ceiling}/s: share of it used", used, USE_GOAL),
        ]
    return figures, runs


def most_in_a_second(arrivals: Sequence[float]) -> int:
    """The most arrivals in any window of one second, its end excluded; they come ascending."""
    most = first = 0
    for last, arrival in enumerate(arrivals):
        while arrival - arrivals[first] >= 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most
