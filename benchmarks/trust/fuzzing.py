"""Mutated answers through decipher, normalize and a real Postgres."""

from __future__ import annotations

import asyncio
from typing import Any

from aggregator.model import Outcome
from benchmarks.figures import Figure, exactly
from benchmarks.fuzz import fuzz
from benchmarks.trust.stand import Stand
from tests.faults.any_json import REFUSED


async def measure_fuzz(stand: Stand, answers: int) -> tuple[list[Figure], dict[str, Any]]:
    done = await asyncio.to_thread(fuzz, stand.databases, answers, stand.seed)
    refused = sum(
        count
        for problem, count in done.complaints.items()
        if problem == REFUSED or problem.startswith(Outcome.DATABASE_ERROR)
    )
    name = f"{done.answers:,} fuzzed answers"
    return [
        exactly(
            f"{name}: not ended as they should, uncaught", done.complaints.total() - refused, 0
        ),
        exactly(f"{name}: refused by Postgres", refused, 0),
    ], {
        "seconds": done.seconds,
        "outcomes": {str(name): count for name, count in done.outcomes.items()},
        "records": dict(done.records),
        "failures": [f"{problem}: {body[:2_000]!r}" for problem, body in done.failures],
    }
