"""A month in the life of the demonstration's fleet, so that dashboards have something to show."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from aggregator.resources import RESOURCES
from tests.simulator import Fault, Fleet, demo_fleet
from tests.simulator.generate import Connection, identifier
from tests.syncing import Syncing, syncing

DAYS = 30
BROKEN_LATELY = "fjord-shipping"
"""Read well until two days ago, and not since then."""
_ERROR = "dial tcp: i/o timeout"


async def live_a_month(dsn: str) -> None:
    """Fills an empty, migrated database with a run a day; the last one was just now."""
    random = Random(1)  # noqa: S311 - repeatable, not secret
    async with syncing(dsn, demo_fleet()) as world:
        world.resources = [each for each in RESOURCES.values() if each.is_default]
        world.fleet[BROKEN_LATELY].faults = []
        for days_left in reversed(range(DAYS)):
            if days_left == 1:
                world.fleet[BROKEN_LATELY].faults = [Fault(status=500)]
            if not days_left:  # the look at every connection that makes a blast radius certain
                world.resources.append(RESOURCES["shared_connections"])
            await world.sync()
            if days_left:
                await _pass_day(world)
                _change(world.fleet, random)


async def _pass_day(world: Syncing) -> None:
    """Also of what is kept by day, in two steps: no day may meet the next one on the way."""
    async with world.database.transaction() as connection:
        for table in ("ledger.scope_days", "inventory.api_usage_days"):
            for days in (-10_000, 9_999):
                await connection.execute(f"update {table} set day = day + $1::int", days)  # noqa: S608 - names of ours
    await world.pass_time(timedelta(days=1))


def _change(fleet: Fleet, random: Random) -> None:
    """What happens in a day: some break, some are mended, renamed, made, or removed."""
    for organization in fleet:
        connections = organization.connections
        for connection in connections:
            calls = connection.get("api_calls_last_24_hours")
            if calls:
                connection["api_calls_last_24_hours"] = round(calls * random.uniform(0.85, 1.18))
            luck = random.random()
            if luck < 0.004:
                _break(connection)
            elif luck < 0.012:
                connection["name"] = f"{connection['name']} (moved)"
            elif luck < 0.09 and connection.get("status_error") == _ERROR:
                _mend(connection)
        luck = random.random()
        if luck < 0.02:
            connections.pop(random.randrange(len(connections)))
        elif luck < 0.06:
            model = random.choice(connections)
            key = identifier(organization.id, "made later", len(connections), luck)
            connections.append({**model, "id": key, "name": f"{model['name']} (new)"})


def _break(connection: Connection) -> None:
    connection |= {"status": "unhealthy", "status_error": _ERROR}


def _mend(connection: Connection) -> None:
    connection |= {"status": "healthy"}
    connection.pop("status_error", None)
