"""What retries cost a host that is down, and what they save where one fails now and then."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

from benchmarks.figures import Figure, at_least, at_most
from benchmarks.trust.stand import Stand
from tests.simulator import Fault, Fleet
from tests.syncing import Syncing, syncing

CONNECTIONS = 3
ATTEMPTS = 4
"""The default of MAX_ATTEMPTS."""
AMPLIFICATION_GOAL = 1.10
FAILING = 0.20
COMPLETE_GOAL = 99.8
"""Percent; four attempts that each fail with 20% leave 99.84% to be expected."""

OUTAGES = {
    "everything": Fault(status=503),
    "the lists alone": Fault(path="/api/connections", status=503),
}


async def measure_outage(stand: Stand, keys: int) -> tuple[list[Figure], dict[str, Any]]:
    """Requests of a first load and of a later run while everything, or only the lists, is down."""
    figures, account = [], {}
    for what, fault in OUTAGES.items():
        for moment in ("first run", "later run"):
            fleet = Fleet(keys, CONNECTIONS, seed=stand.seed)
            async with (
                stand.databases.copy(stand.databases.template) as url,
                syncing(url, fleet) as world,
            ):
                world.settings = {"max_attempts": ATTEMPTS}
                if moment == "later run":
                    await world.sync()
                    world.simulator.observed.reset()
                fleet.faults = [fault]
                ran = await world.sync()
                by_path = Counter(seen.path for seen in world.simulator.observed.requests())
            worst = max(by_path.values()) / keys
            name = f"{what} answers 503 in a {moment}, {keys:,} keys"
            figures.append(
                at_most(f"{name}: requests per key and resource", worst, AMPLIFICATION_GOAL)
            )
            account[name] = {"requests": dict(by_path), "outcomes": ran["outcomes"]}
    return figures, account


async def measure_flaky(stand: Stand, keys: int) -> tuple[list[Figure], dict[str, Any]]:
    """Keys that end complete when each request fails with 20%, independently of all others."""
    figures, account = [], {}
    fleet = Fleet(keys, CONNECTIONS, seed=stand.seed)
    for organization in fleet:
        organization.faults = Flaky(organization.name, stand.seed)
    async with (
        stand.databases.copy(stand.databases.template) as url,
        syncing(url, fleet) as world,
    ):
        world.settings = {"max_attempts": ATTEMPTS}
        for moment in ("first run", "later run"):
            figure, account[moment] = await _run_flaky(world, moment, keys)
            figures.append(figure)
            for organization in fleet:
                organization.connections[0]["name"] = "renamed"
    return figures, account


async def _run_flaky(world: Syncing, moment: str, keys: int) -> tuple[Figure, dict[str, Any]]:
    ran = await world.sync()
    complete = 100 * ran["organizations"]["complete"] / keys
    name = f"20% random 503 in a {moment}, {keys:,} keys: complete, percent"
    said = {field: ran[field] for field in ("outcomes", "requests", "retries")}
    return at_least(name, complete, COMPLETE_GOAL), said


class Flaky(list[Fault]):
    """503 for a fifth of an organization's requests; which ones does not depend on the order."""

    def __init__(self, name: str, seed: int) -> None:
        super().__init__()
        self._name = f"{seed}:{name}"
        self._requests = 0

    def __iter__(self) -> Iterator[Fault]:
        self._requests += 1
        if chance(f"{self._name}:{self._requests}") < FAILING:
            yield Fault(status=503)


def chance(text: str) -> float:
    """A number of [0, 1) that depends on nothing but the text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2**64
