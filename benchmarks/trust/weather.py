"""What befalls a fleet between runs and in them: edits, faults, lost rights."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from random import Random
from typing import Any

import orjson

from benchmarks.trust.oracle import Oracle
from tests.simulator import Fault, Fleet, Organization, html_page, refusal
from tests.simulator.generate import identifier, make_connections

LIST = "/api/connections"
ITEMS = "/api/connections/*"
LARGE = 40
"""Connections of every tenth organization: losses there may pass both limits."""
FAULTY = 0.05
EDITED_DURING_WALKS = 0.02

Edit = Callable[[bytes], bytes]


@dataclass(slots=True)
class Exposure:
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
class Weather:
    """Changes the fleet, and tells the oracle every edit of the truth."""

    fleet: Fleet
    oracle: Oracle
    random: Random
    counts: Counter[str] = field(default_factory=Counter)
    _exposures: dict[str, Exposure] = field(default_factory=dict)
    _emptied: set[str] = field(default_factory=set)
    _made: int = 0

    def change(self, *, calm: bool, mild: bool) -> None:
        """For the next run: ``calm`` changes nothing, ``mild`` lets nothing befall the run."""
        incident = not calm and self.random.random() < 0.03  # noqa: PLR2004 - a share
        for organization in self.fleet:
            if not calm:
                self._live(organization)
            self._exposures[organization.name] = Exposure()
            organization.identity, organization.faults = {}, []
            if not calm and not mild:
                self._expose(organization, incident=incident)
        paged = self.random.random() < 0.3  # noqa: PLR2004 - a share
        self.fleet.page_sizes = {LIST: 4} if paged else {}

    def is_clear(self, name: str) -> bool:
        """Whether nothing was hidden from the run and no fault disturbed it."""
        exposure = self._exposures[name]
        return not exposure.hides and not exposure.disturbed

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
            self._emptied.add(organization.name)
            while connections:
                self._delete(organization, 0)
        elif organization.name in self._emptied and choice > 0.95:  # noqa: PLR2004
            self._emptied.discard(organization.name)
            self._create(organization)

    def _expose(self, organization: Organization, *, incident: bool) -> None:
        """The weather of one run: lost rights, an incident, blindness, else random faults."""
        exposure = self._exposures[organization.name]
        choice = self.random.random()
        ids = sorted(ids_of(organization))
        if incident and choice < 0.15:  # noqa: PLR2004 - shares
            exposure.disturbed = True
            empty = Fault(path=LIST, body={"data": []})
            refused = [Fault(path=LIST, status=status) for status in (401, 403)]
            organization.faults = [self.random.choice([empty, *refused])]
        elif choice < 0.01 and ids:  # noqa: PLR2004
            self.counts["demoted keys"] += 1
            exposure.hides = frozenset(ids[: self.random.randint(1, len(ids))])
            # Who sees other rows has other rights; one who says the same cannot be told.
            digest = sha256(" ".join(sorted(exposure.hides)).encode()).hexdigest()
            organization.identity = {"role": f"viewer without {digest}"}
            organization.faults = self._hiding(exposure.hides)
        elif choice < 0.02 and len(ids) > 1:  # noqa: PLR2004
            self.counts["keys that see nothing by id"] += 1
            status = self.random.choice((401, 403, 404))
            hidden = self.random.randint(1, len(ids) if status != 404 else max(1, len(ids) - 1))  # noqa: PLR2004
            exposure.hides = frozenset(ids[:hidden])
            list_of = Fault(path=LIST, edit=without(exposure.hides))
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
            self._exposures[organization.name].disturbed = True
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
