"""False removals: random faults, edits during walks and lost rights, against an oracle.

Not in the storm, because no reader can tell it from an honest removal: a list that leaves out a row
while that row's own address answers 404, its neighbors' answer 200, and the key names the same
rights as when it was shown the row; and a list that is empty run after run while every address
answers 404.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from random import Random
from typing import Any
from unittest.mock import patch

import orjson
import yarl

from aggregator import transport
from aggregator.model import Response
from benchmarks.figures import Figure, at_most, exactly
from benchmarks.trust.oracle import Oracle, Row, plainly_removed, rows_of
from benchmarks.trust.stand import Stand
from benchmarks.trust.weather import LARGE, LIST, Weather, ids_of
from tests.simulator import Fleet
from tests.syncing import Syncing, syncing

CONNECTIONS = 6
SHOWN = 10
REMOVAL_GOAL = 2
CALM_RUNS = 2 * REMOVAL_GOAL
"""Undisturbed runs in the end, for what ended last."""


async def measure_storm(
    stand: Stand, runs: int, organizations: int
) -> tuple[list[Figure], dict[str, Any]]:
    fleet = Fleet(organizations, CONNECTIONS, seed=stand.seed)
    for number, organization in enumerate(fleet):
        if number % 10 == 0:
            organization.size = LARGE
    async with (
        stand.databases.copy(stand.databases.template) as url,
        syncing(url, fleet) as world,
    ):
        world.settings = {"max_attempts": 2}
        with (
            patch("aggregator.breaker.BASE_BACKOFF_SECONDS", 0.01),  # it is not about waiting
            patch("aggregator.breaker.SHORTEST_BACKOFF_SECONDS", 0.001),
            patch("aggregator.limits.BASE_BACKOFF_SECONDS", 0.01),
        ):
            storm = Storm(world, stand.seed)
            for _ in range(runs):
                await storm.run()
            while storm.is_pending() and storm.calm_runs < CALM_RUNS:
                await storm.run(calm=True)
    return storm.figures(runs), storm.account()


class Storm:
    """Runs in changing weather, and the judgment on what is stored after each."""

    def __init__(self, world: Syncing, seed: int) -> None:
        self.world = world
        self.oracle = Oracle(rows_of({each.name: ids_of(each) for each in world.fleet}))
        self.weather = Weather(world.fleet, self.oracle, Random(seed))  # noqa: S311 - repeatable
        self.calm_runs = 0
        self.counts: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.examples: list[str] = []
        self._stored: set[Row] = set()
        self._lists: dict[str, set[str]] = {}

    def is_pending(self) -> bool:
        return bool(self.oracle.pending)

    async def run(self, *, calm: bool = False) -> None:
        """One run in fresh weather, then the judgment on it."""
        self.calm_runs += calm
        self.weather.change(calm=calm, mild=not self._stored)
        self.oracle.begin()
        self._lists.clear()
        with patch("aggregator.client.send", self._watched()):
            account = await self.world.sync()
        await self._judge(account)

    async def _judge(self, account: Mapping[str, Any]) -> None:
        rows = await self.world.query(
            "select organization, connection_id from reporting.connections"
        )
        stored = {(row["organization"], row["connection_id"]) for row in rows}
        scopes = await self.world.scopes(dict(account))
        self.outcomes.update(row["outcome"] for row in scopes.values())
        incident = "nothing was removed anywhere" in account.get("headline", "")
        self.counts["runs"] += 1
        self.counts["runs in an incident"] += incident
        self.counts["removed"] += len(self._stored - stored)
        plain = plainly_removed(self._stored, self._lists) & self.oracle.existing
        self.counts["falsely removed by a plain comparison"] += len(plain)
        undisturbed = {
            name
            for name, row in scopes.items()
            if row["outcome"] == "complete" and not incident and self.weather.is_clear(name)
        }
        for name, key in self.oracle.finish(stored, undisturbed):
            if len(self.examples) < SHOWN:
                self.examples.append(f"run {self.counts['runs']}, {name}: {key}")
        self._stored = stored

    def _watched(self) -> Callable[..., Any]:
        """Stands for ``transport.send``; notes what a plain comparison would take for the list."""
        pages: defaultdict[str, set[str]] = defaultdict(set)

        async def send(session: Any, url: yarl.URL, headers: Any, **more: Any) -> Response:  # noqa: ANN401 - passed on
            response = await transport.send(session, url, headers, **more)
            key = headers()["Authorization"].partition(" ")[2]
            if url.path == LIST and response.status == 200:  # noqa: PLR2004 - OK
                name = self.world.fleet.keys[key].name
                found = listed(response.body)
                if found is not None:
                    pages[name] |= found[0]
                    if not found[1]:
                        self._lists[name] = pages.pop(name)
            return response

        return send

    def figures(self, runs: int) -> list[Figure]:
        size = f"{runs:,} runs x {len(self.world.fleet)} organizations"
        gone = self.oracle.runs_until_gone
        plain = self.counts["falsely removed by a plain comparison"]
        return [
            exactly(
                f"storm, {size}: rows removed falsely (a plain comparison: {plain:,})",
                len(self.oracle.false_removals),
                0,
            ),
            exactly("storm: honest removals not gone in the end", len(self.oracle.pending), 0),
            at_most(
                f"storm: complete runs until one of {len(gone):,} honest removals was gone, most",
                max(gone.values(), default=0),
                REMOVAL_GOAL,
            ),
        ]

    def account(self) -> dict[str, Any]:
        return {
            **self.counts,
            **self.weather.counts,
            "outcomes": dict(self.outcomes),
            "runs until gone": {
                str(runs): rows
                for runs, rows in sorted(Counter(self.oracle.runs_until_gone.values()).items())
            },
            "examples": self.examples,
        }


def listed(body: bytes) -> tuple[set[str], bool] | None:
    """The ids in a list answer and whether more pages follow; None where it is no list at all."""
    try:
        answer = orjson.loads(body)
        rows = answer["data"] or []
        return {row["id"] for row in rows}, bool(answer.get("pagination"))
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
