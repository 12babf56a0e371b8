"""How near a run comes to the ideal time when every answer is 200 ms away."""

from __future__ import annotations

import math
from pathlib import Path

from benchmarks import database, delayed_server, fleet
from benchmarks.figures import Figure, at_most
from benchmarks.measure import Measured
from benchmarks.sync import sync

ORGANIZATIONS, CONNECTIONS = 1_000, 50
DELAY_SECONDS = 0.2
IN_FLIGHT = 100
GOAL = 1.1


async def measure_latency(folder: Path, postgres: str) -> tuple[list[Figure], list[Measured]]:
    """Times the ideal, of a first load and of the run after it.

    The ideal follows from the requests that the server counted: all slots busy all the time. What
    is compared with it runs from the first request to the end of the process, last commit included.
    """
    written = fleet.write(folder, ORGANIZATIONS, CONNECTIONS)
    figures, runs = [], []
    with delayed_server.running(written, DELAY_SECONDS) as server:
        async with database.fresh(postgres) as url:
            for name in ("first load", "unchanged"):
                run = sync(written.keys, server.base_url, url, MAX_CONCURRENCY=str(IN_FLIGHT))
                arrivals = server.take_log()
                seconds = run.ended_at - arrivals[0]
                ideal = math.ceil(len(arrivals) / IN_FLIGHT) * DELAY_SECONDS
                startup = arrivals[0] - run.started_at
                line = f"200 ms latency, {name}, after {startup:.2f} s of start-up"
                figures.append(at_most(line, seconds, round(GOAL * ideal, 3), " s"))
                runs.append(run)
    return figures, runs
