"""Whether peak memory grows with the fleet: a first load, and one of ten times as many."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks import database, fleet, static_server
from benchmarks.figures import Figure, at_most
from benchmarks.measure import Measured
from benchmarks.sync import expect, sync

GOAL_MEGABYTES = 150
GROWTH_GOAL = 1.2
GROWTH = 10


async def measure_memory(
    folder: Path, postgres: str, organizations: int, connections: int
) -> tuple[list[Figure], list[Measured]]:
    runs = []
    for size in (organizations, organizations * GROWTH):
        written = fleet.write(folder / str(size), size, connections)
        with static_server.running(written.answers) as api:
            async with database.fresh(postgres) as url:
                run = sync(written.keys, api.base_url, url)
        expect(run, created=written.rows)
        runs.append(run)
        shutil.rmtree(folder / str(size))
    small, large = (run.peak_bytes / 1e6 for run in runs)
    name = f"peak memory, {organizations} x {connections}"
    more = f"peak memory, {organizations * GROWTH} x {connections}"
    return [
        at_most(name, small, GOAL_MEGABYTES, " MB"),
        at_most(more, large, GOAL_MEGABYTES, " MB"),
        at_most(f"{more}: times the smaller", large / small, GROWTH_GOAL),
    ], runs
