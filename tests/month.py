"""A month in the life of the demonstration's fleet, so that dashboards have something to show."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from aggregator.resources import RESOURCES
from tests.simulator import Fault, Fleet, Organization, demo_fleet
from tests.simulator.generate import Connection, identifier, moment
from tests.syncing import Syncing, syncing

DAYS = 30
BROKEN_LATELY = "fjord-shipping"
"""Read well until two days ago, and not since then."""
NEW_TYPE = {"id": "tigris", "name": "Tigris"}
OFFERED_DAYS_AGO = 4
"""Two organizations began to use it on that day."""
_LIKE_NEW_TYPE = "s3"
_ERROR = "dial tcp: i/o timeout"


async def live_a_month(dsn: str, days: int = DAYS) -> None:
    """Fills an empty, migrated database with a run a day; the last one was just now."""
    random = Random(1)  # noqa: S311 - repeatable, not secret
    async with syncing(dsn, demo_fleet()) as world:
        world.resources = [each for each in RESOURCES.values() if each.is_default]
        world.fleet[BROKEN_LATELY].faults = []
        for days_left in reversed(range(days)):
            if days_left == 1:
                world.fleet[BROKEN_LATELY].faults = [Fault(status=500)]
            if not days_left:  # the look at every connection that makes a blast radius certain
                world.resources.append(RESOURCES["shared_connections"])
            await world.sync()
            if days_left:
                await _pass_day(world)
                today = world.now() - timedelta(days=days_left - 1)
                _change(world.fleet, random, today)
                if days_left == OFFERED_DAYS_AGO + 1:
                    _offer_new_type(world.fleet, random, today)


async def _pass_day(world: Syncing) -> None:
    """Also of what is kept by day, in two steps: no day may meet the next one on the way."""
    async with world.database.transaction() as connection:
        for table in ("ledger.scope_days", "inventory.api_usage_days"):
            for days in (-10_000, 9_999):
                await connection.execute(f"update {table} set day = day + $1::int", days)  # noqa: S608 - names of ours
    await world.pass_time(timedelta(days=1))


def _change(fleet: Fleet, random: Random, today: datetime) -> None:
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
            _make(organization, random, today)


def _make(organization: Organization, random: Random, today: datetime) -> Connection:
    """A new connection, like another one of the organization."""
    connections = organization.connections
    model = random.choice(connections)
    made = {
        **model,
        "id": identifier(organization.id, "made later", len(connections), random.random()),
        "name": f"{model['name']} (new)",
        "created_at": moment(today),
        "updated_at": moment(today),
    }
    connections.append(made)
    return made


def _offer_new_type(fleet: Fleet, random: Random, today: datetime) -> None:
    [model] = [each for each in fleet.connection_types if each["id"] == _LIKE_NEW_TYPE]
    fleet.connection_types.append(model | NEW_TYPE)
    fleet.type_schemas[NEW_TYPE["id"]] = fleet.type_schemas[_LIKE_NEW_TYPE]
    for name in ("acme-us", "redwood-labs"):
        made = _make(fleet[name], random, today)
        made.pop("parent_connection_id", None)  # nobody has one to share
        made["type"] = {**NEW_TYPE, "operations": ["bulksyncsource"]}
        made["configuration"] = {"bucket_name": f"{name}-lake"}


def _break(connection: Connection) -> None:
    connection |= {"status": "unhealthy", "status_error": _ERROR}


def _mend(connection: Connection) -> None:
    connection |= {"status": "healthy"}
    connection.pop("status_error", None)
