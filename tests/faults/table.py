"""Many faults in one run: a table of cases, and the pictures before and after them.

Between two runs every organization loses one connection, renames another and gains a third. Then
each case's fault befalls an organization of its own. Who is read has all three changes; who is not
keeps every row as it was.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.databases import Databases
from tests.faults.world import Ran, Row, World, opened
from tests.simulator import Fault, Fleet
from tests.simulator.fleet import Organization

LIST = "/api/connections"
CONNECTIONS = 4
ADDED = "added"
RENAMED = "renamed"


@dataclass(frozen=True, slots=True)
class Case:
    """One fault, and how its organization is to end."""

    row: str
    """``Fault B1``: the row of the catalogue."""
    what: str
    outcome: str
    fault: dict[str, Any] = field(default_factory=dict)
    """Fields of ``Fault``, for requests of the list."""
    requests: int | None = None
    """How many the run needs; None: it does not matter."""
    waits: float = 0.0
    """Seconds that it waits at least."""

    def __str__(self) -> str:
        return f"{self.row}: {self.what}"

    @property
    def organization(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", str(self).lower()).strip("-")


@dataclass(frozen=True, slots=True)
class Picture:
    """What a table's run found and left."""

    ran: Ran
    before: dict[str, dict[str, Row]]
    after: dict[str, dict[str, Row]]
    organizations: dict[str, Row]
    history: list[Row]
    seen: dict[str, list[Row]]
    """Requests of the second run by organization: when, what path, which status."""
    cookies: list[str]
    stored: str

    def was_read(self, organization: str) -> bool:
        """Whether it has all three changes; fails where it has some of them."""
        before, after = self.before[organization], self.after[organization]
        if after == before:
            return False
        assert len(before) == len(after) == CONNECTIONS
        assert before.keys() - after.keys(), "the lost one is gone"
        assert {RENAMED, ADDED} <= {row["name"] for row in after.values()}
        return True


def picture(
    databases: Databases, folder: Path, cases: Sequence[Case], **settings: object
) -> Picture:
    """Runs the cases, each in an organization of its own, among as many healthy ones."""
    names = [case.organization for case in cases]
    assert len(set(names)) == len(names)
    mixed = [name for pair in zip(names, map(healthy, names), strict=True) for name in pair]
    fleet = Fleet(connections=CONNECTIONS, names=mixed)
    return asyncio.run(_picture(databases, folder, fleet, cases, settings))


def healthy(name: str) -> str:
    """The healthy neighbor of an organization."""
    return f"{name}-neighbor"


def change(organization: Organization) -> None:
    """One connection is lost, one renamed, one added."""
    lost = organization.connections.pop(0)
    organization.connections[0]["name"] = RENAMED
    organization.connections.append({**lost, "id": f"{lost['id']}-2", "name": ADDED})


async def _picture(
    databases: Databases,
    folder: Path,
    fleet: Fleet,
    cases: Sequence[Case],
    settings: dict[str, object],
) -> Picture:
    async with opened(databases, folder, fleet) as world:
        first = await world.sync(**settings)
        assert first.exit_code == 0, first.account
        before = await world.connections()
        for organization in fleet:
            change(organization)
        for case in cases:
            if case.fault:
                fleet[case.organization].faults = [Fault(path=LIST, **case.fault)]
        world.simulator.observed.reset()
        ran = await world.sync(**settings)
        return Picture(
            ran=ran,
            before=before,
            after=await world.connections(),
            organizations=await world.organizations(),
            history=await world.query("select * from reporting.connection_history"),
            seen=_seen(world),
            cookies=world.simulator.observed.cookies(),
            stored=await world.everything_stored(),
        )


def _seen(world: World) -> dict[str, list[Row]]:
    observed = world.simulator.observed
    return {
        name: [
            {"at": each.at, "path": each.path, "status": each.status}
            for each in observed.requests(name)
        ]
        for name in observed.organizations()
    }
