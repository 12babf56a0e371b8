"""``fuzz.py [N] [SEED]``: N mutated answers through client, collector and writer; none may fail.

Each is a realistic list with odd values, a broken structure or broken bytes, and must end stored
or rejected: never an exception, never refused by Postgres. Everything is rolled back. Prints
outcomes and the bodies of failures; exits with 1 where there is one. Uses a throw-away embedded
server, or ``AGGREGATOR_TEST_DATABASE_URL``. 10,000 are the default and take about ten seconds; each
core takes its share.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from random import Random

from aggregator.database import open_database
from tests.databases import Databases, Run
from tests.faults.any_json import complaint, mutated, swallow

BATCH = 250
"""Answers in one transaction."""
FEWEST = 1_000
"""Answers that are worth a process."""
SHOWN = 10


@dataclass(slots=True)
class Fuzzed:
    """How many answers ended how."""

    answers: int = 0
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    records: Counter[str] = field(default_factory=Counter)
    complaints: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, bytes]] = field(default_factory=list)
    """The first ``SHOWN``: what is wrong, and the body."""

    def add(self, other: Fuzzed) -> None:
        self.answers += other.answers
        self.outcomes += other.outcomes
        self.records += other.records
        self.complaints += other.complaints
        self.failures = (self.failures + other.failures)[:SHOWN]


def fuzz(databases: Databases, wanted: int, seed: int) -> Fuzzed:
    """Shared by as many processes as there are cores; the same seed and cores, the same answers."""
    began = time.monotonic()
    processes = max(1, min(os.cpu_count() or 1, wanted // FEWEST))
    shares = [wanted * (i + 1) // processes - wanted * i // processes for i in range(processes)]
    total = Fuzzed()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        running = [
            pool.submit(fuzz_here, databases, share, seed * 1_000 + number)
            for number, share in enumerate(shares)
        ]
        for each in running:
            total.add(each.result())
    total.seconds = time.monotonic() - began
    return total


def fuzz_here(databases: Databases, wanted: int, seed: int) -> Fuzzed:
    logging.disable(logging.WARNING)  # about ids that come twice
    return asyncio.run(_fuzz(databases, wanted, Random(seed)))  # noqa: S311 - repeatable


async def _fuzz(databases: Databases, wanted: int, random: Random) -> Fuzzed:
    done = Fuzzed()
    async with databases.copy(databases.template) as dsn, open_database(dsn) as database:
        for start in range(0, wanted, BATCH):
            bodies = [mutated(random) for _ in range(min(BATCH, wanted - start))]
            results = await swallow(database, bodies)
            for body, result in zip(bodies, results, strict=True):
                done.answers += 1
                done.outcomes[result.outcome] += 1
                done.records.update(created=result.counts.created, rejected=result.counts.rejected)
                if problem := complaint(result):
                    done.complaints[problem] += 1
                    if len(done.failures) < SHOWN:
                        done.failures.append((problem, body))
    return done


def main(wanted: str = "10000", seed: str = "1") -> int:
    run = Run()
    try:
        databases = Databases.of_run(run.folder)
        databases.migrate_template()
        done = fuzz(databases, int(wanted), int(seed))
    finally:
        run.close()
    speed = done.answers / done.seconds
    print(f"{done.answers} answers of seed {seed} in {done.seconds:.0f} s ({speed:.0f}/s)")
    print("outcomes:", ", ".join(f"{n} {name}" for name, n in done.outcomes.most_common()))
    print("records:", ", ".join(f"{n} {name}" for name, n in done.records.items()))
    print("failures:", done.complaints.total())
    for problem, body in done.failures:
        print(f"  {problem}\n    {body[:2_000]!r}")
    return 1 if done.complaints else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
