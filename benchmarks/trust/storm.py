"""False removals: random faults, edits during walks and lost rights, against an oracle.

Not in the storm, because no reader can tell it from an honest removal: a list that leaves out a row
while that row's own address answers 404, its neighbors' answer 200, and the key names the same
rights as when it was shown the row; and a list that is empty run after run while every address
answers 404.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
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
from tests.simulator import Fault, Fleet, Organization, html_page, refusal
from tests.simulator.generate import identifier, make_connections
from tests.syncing import Syncing, syncing

LIST = "/api/connections"
ITEMS = "/api/connections/*"
CONNECTIONS = 6
LARGE = 40
"""Connections of every tenth organization: losses there may pass both limits."""
FAULTY = 0.05
EDITED_DURING_WALKS = 0.02
SHOWN = 10
REMOVAL_GOAL = 2
CALM_RUNS = 2 * REMOVAL_GOAL
"""Undisturbed runs in the end, for what ended last."""

Edit = Callable[[bytes], bytes]


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
            storm = Storm(world, Random(stand.seed))  # noqa: S311 - repeatable
            for _ in range(runs):
                await storm.run()
            while storm.is_pending() and storm.calm_runs < CALM_RUNS:
                await storm.run(calm=True)
    return storm.figures(runs), storm.account()


@dataclass(slots=True)
class Weather:
    """What happens to one organization in one run; noted, so that the run may be judged."""

    hides: frozenset[str] = frozenset()
    disturbed: bool = False


class Winds(list[Fault]):
    """The faults of one organization: each time they are looked at, others may be in force."""

    def __init__(self, blow: Callable[[], Iterator[Fault]]) -> None:
        super().__init__()
        self._blow = blow

    def __iter__(self) -> Iterator[Fault]:
        return self._blow()


@dataclass(slots=True)
class Storm:
    """The truth, what befalls those who ask for it, and the judgment on what is stored."""

    world: Syncing
    random: Random
    calm_runs: int = 0
    oracle: Oracle = field(init=False)
    counts: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    emptied: set[str] = field(default_factory=set)
    examples: list[str] = field(default_factory=list)
    _stored: set[Row] = field(default_factory=set)
    _weather: dict[str, Weather] = field(default_factory=dict)
    _lists: dict[str, set[str]] = field(default_factory=dict)
    _made: int = 0

    def __post_init__(self) -> None:
        self.oracle = Oracle(rows_of({each.name: ids_of(each) for each in self.world.fleet}))

    @property
    def fleet(self) -> Fleet:
        return self.world.fleet

    def is_pending(self) -> bool:
        return bool(self.oracle.pending)

    async def run(self, *, calm: bool = False) -> None:
        """One run in fresh weather, then the judgment on it."""
        incident = not calm and self.random.random() < 0.03  # noqa: PLR2004 - a share
        self.calm_runs += calm
        for organization in self.fleet:
            if not calm:
                self._live(organization)
            self._weather[organization.name] = Weather()
            organization.identity, organization.faults = {}, []
            if not calm and self._stored:
                self._expose(organization, incident=incident)
        paged = self.random.random() < 0.3  # noqa: PLR2004 - a share
        self.fleet.page_sizes = {LIST: 4} if paged else {}
        self.oracle.begin()
        self._lists.clear()
        with patch("aggregator.client.send", self._watched()):
            account = await self.world.sync()
        await self._judge(account)

    # What happens between runs, and to a run

    def _live(self, organization: Organization) -> None:
        """Honest edits between two runs, of about one organization in eight."""
        choice = self.random.random()
        connections = organization.connections
        if choice < 0.04 and len(connections) > 2:  # noqa: PLR2004 - shares
            self._delete(organization, self.random.randrange(len(connections)))
        elif choice < 0.07:  # noqa: PLR2004
            self._create(organization)
        elif choice < 0.10 and connections:  # noqa: PLR2004
            self.random.choice(connections)["name"] = f"renamed {self.random.random()}"
        elif choice < 0.11 and len(connections) > 2:  # noqa: PLR2004
            self._move(organization)
        elif choice < 0.111 and organization.size == LARGE:  # noqa: PLR2004
            while len(connections) > LARGE // 2:
                self._delete(organization, 0)
        elif choice < 0.112 and connections:  # noqa: PLR2004
            self.emptied.add(organization.name)
            while connections:
                self._delete(organization, 0)
        elif organization.name in self.emptied and choice > 0.95:  # noqa: PLR2004
            self.emptied.discard(organization.name)
            self._create(organization)

    def _expose(self, organization: Organization, *, incident: bool) -> None:
        """The weather of one run: lost rights, an incident, blindness, else random faults."""
        weather = self._weather[organization.name]
        choice = self.random.random()
        ids = sorted(ids_of(organization))
        if incident and choice < 0.15:  # noqa: PLR2004 - shares
            weather.disturbed = True
            empty = Fault(path=LIST, body={"data": []})
            refused = [Fault(path=LIST, status=status) for status in (401, 403)]
            organization.faults = [self.random.choice([empty, *refused])]
        elif choice < 0.01 and ids:  # noqa: PLR2004
            self.counts["demoted keys"] += 1
            weather.hides = frozenset(ids[: self.random.randint(1, len(ids))])
            # Who sees other rows has other rights; one who says the same cannot be told.
            digest = sha256(" ".join(sorted(weather.hides)).encode()).hexdigest()
            organization.identity = {"role": f"viewer without {digest}"}
            organization.faults = self._hiding(weather.hides)
        elif choice < 0.02 and len(ids) > 1:  # noqa: PLR2004
            self.counts["keys that see nothing by id"] += 1
            status = self.random.choice((401, 403, 404))
            hidden = self.random.randint(1, len(ids) if status != 404 else max(1, len(ids) - 1))  # noqa: PLR2004
            weather.hides = frozenset(ids[:hidden])
            list_of = Fault(path=LIST, edit=without(weather.hides))
            organization.faults = [Fault(path=ITEMS, status=status), list_of]
        else:
            organization.faults = Winds(lambda: self._blow(organization))

    @staticmethod
    def _hiding(hidden: frozenset[str]) -> list[Fault]:
        by_id = [Fault(path=f"{LIST}/{key}", status=404) for key in sorted(hidden)]
        return [*by_id, Fault(path=LIST, edit=without(hidden))]

    def _blow(self, organization: Organization) -> Iterator[Fault]:
        """For one request: an edit before it is answered, and maybe a fault."""
        self.counts["requests"] += 1
        if self.random.random() < EDITED_DURING_WALKS:
            self.counts["edits during walks"] += 1
            self._edit_now(organization)
        if self.random.random() < FAULTY:
            self.counts["faults"] += 1
            self._weather[organization.name].disturbed = True
            yield self._fault(organization)

    def _edit_now(self, organization: Organization) -> None:
        connections, choice = organization.connections, self.random.random()
        if choice < 0.3 and len(connections) > 2:  # noqa: PLR2004 - shares
            self._delete(organization, self.random.randrange(len(connections)))
        elif choice < 0.6:  # noqa: PLR2004
            self._create(organization, at=0)
        else:
            self.random.shuffle(connections)

    def _fault(self, organization: Organization) -> Fault:
        ids = sorted(ids_of(organization)) or [""]
        some = frozenset(self.random.sample(ids, self.random.randint(1, len(ids))))
        faults: list[Callable[[], Fault]] = [
            *(lambda status=status: Fault(status=status) for status in (401, 403, 500, 502, 503)),
            lambda: refusal(0),
            lambda: Fault(path=LIST, status=404),
            html_page,
            lambda: Fault(path=LIST, body={"data": []}),
            lambda: Fault(path=LIST, body={"data": None}),
            lambda: Fault(body={}),
            lambda: Fault(body={"data": "x"}),
            lambda: Fault(cut_after=self.random.randint(0, 300)),
            lambda: Fault(cut_after=self.random.randint(0, 300), framing="close"),
            lambda: Fault(gzip=self.random.choice(("truncated", "corrupt"))),
            lambda: Fault(path=LIST, next_page="repeated"),
            lambda: Fault(headers={"X-Polytomic-Version": "2021-05-23"}),
            lambda: Fault(status=302, headers={"Location": "/elsewhere"}),
            *(lambda: Fault(path=LIST, edit=without(some)) for _ in range(8)),  # walk races
        ]
        return self.random.choice(faults)()

    # Edits, told to the oracle

    def _delete(self, organization: Organization, position: int) -> None:
        self.oracle.end((organization.name, organization.connections.pop(position)["id"]))

    def _create(self, organization: Organization, at: int | None = None) -> None:
        self._made += 1
        [made] = make_connections(self._made, organization.id, organization.name, 1)
        made["id"] = identifier("storm", self._made)
        self._insert(organization, made, at)

    def _insert(self, organization: Organization, made: dict[str, Any], at: int | None) -> None:
        position = len(organization.connections) if at is None else at
        organization.connections.insert(position, made)
        self.oracle.add((organization.name, made["id"]))

    def _move(self, organization: Organization) -> None:
        """To another organization, under the same id."""
        other = self.random.choice([each for each in self.fleet if each is not organization])
        moved = dict(organization.connections[0], organization_id=other.id)
        self._delete(organization, 0)
        if moved["id"] not in ids_of(other):
            self._insert(other, moved, None)

    # Judging

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
            if row["outcome"] == "complete" and not incident and self._is_clear(name)
        }
        for name, key in self.oracle.finish(stored, undisturbed):
            if len(self.examples) < SHOWN:
                self.examples.append(f"run {self.counts['runs']}, {name}: {key}")
        self._stored = stored

    def _is_clear(self, name: str) -> bool:
        weather = self._weather[name]
        return not weather.hides and not weather.disturbed

    def _watched(self) -> Callable[..., Any]:
        """Stands for ``transport.send``; notes what a plain comparison would take for the list."""
        pages: defaultdict[str, set[str]] = defaultdict(set)

        async def send(session: Any, url: yarl.URL, headers: Any, **more: Any) -> Response:  # noqa: ANN401 - passed on
            response = await transport.send(session, url, headers, **more)
            key = headers()["Authorization"].partition(" ")[2]
            if url.path == LIST and response.status == 200:  # noqa: PLR2004 - OK
                name = self.fleet.keys[key].name
                found = listed(response.body)
                if found is not None:
                    pages[name] |= found[0]
                    if not found[1]:
                        self._lists[name] = pages.pop(name)
            return response

        return send

    def figures(self, runs: int) -> list[Figure]:
        size = f"{runs:,} runs x {len(self.fleet)} organizations"
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
            "outcomes": dict(self.outcomes),
            "runs until gone": {
                str(runs): rows
                for runs, rows in sorted(Counter(self.oracle.runs_until_gone.values()).items())
            },
            "examples": self.examples,
        }


def ids_of(organization: Organization) -> set[str]:
    return {connection["id"] for connection in organization.connections}


def without(hidden: frozenset[str]) -> Edit:
    """Leaves rows out of a list while they exist."""

    def edit(body: bytes) -> bytes:
        answer = json.loads(body)
        if isinstance(answer.get("data"), list):
            answer["data"] = [row for row in answer["data"] if row["id"] not in hidden]
        return orjson.dumps(answer)

    return edit


def listed(body: bytes) -> tuple[set[str], bool] | None:
    """The ids in a list answer and whether more pages follow; None where it is no list at all."""
    try:
        answer = orjson.loads(body)
        rows = answer["data"] or []
        return {row["id"] for row in rows}, bool(answer.get("pagination"))
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
