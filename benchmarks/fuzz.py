"""``fuzz.py [N] [SEED]``: N mutated answers through client, collector and writer; none may fail.

Each is a realistic list with odd values, a broken structure or broken bytes, and must end stored
or rejected: never an exception, never refused by Postgres. Everything is rolled back. Prints
outcomes and the bodies of failures; exits with 1 where there is one. Uses a throw-away embedded
server, or ``AGGREGATOR_TEST_DATABASE_URL``. 10,000 are the default and take about ten
seconds.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections import Counter
from random import Random

from aggregator.database import open_database
from tests.databases import Databases, Run
from tests.faults.any_json import complaint, mutated, swallow

BATCH = 250
SHOWN = 10


async def fuzz(databases: Databases, wanted: int, seed: int) -> int:
    random = Random(seed)  # noqa: S311 - repeatable, not secret
    outcomes: Counter[str] = Counter()
    records: Counter[str] = Counter()
    failures: list[tuple[str, bytes]] = []
    began = time.monotonic()
    async with databases.copy(databases.template) as dsn, open_database(dsn) as database:
        for start in range(0, wanted, BATCH):
            bodies = [mutated(random) for _ in range(min(BATCH, wanted - start))]
            results = await swallow(database, bodies)
            for body, result in zip(bodies, results, strict=True):
                outcomes[result.outcome] += 1
                records.update(created=result.counts.created, rejected=result.counts.rejected)
                if problem := complaint(result):
                    failures.append((problem, body))
    seconds = time.monotonic() - began
    print(f"{wanted} answers of seed {seed} in {seconds:.0f} s ({wanted / seconds:.0f}/s)")
    print("outcomes:", ", ".join(f"{n} {name}" for name, n in outcomes.most_common()))
    print("records:", ", ".join(f"{n} {name}" for name, n in records.items()))
    print("failures:", len(failures))
    for problem, body in failures[:SHOWN]:
        print(f"  {problem}\n    {body[:2_000]!r}")
    return 1 if failures else 0


def main(wanted: str = "10000", seed: str = "1") -> int:
    logging.disable(logging.WARNING)  # about ids that come twice
    run = Run()
    try:
        databases = Databases.of_run(run.folder)
        databases.migrate_template()
        return asyncio.run(fuzz(databases, int(wanted), int(seed)))
    finally:
        run.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
