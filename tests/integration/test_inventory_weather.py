"""All lists in bad weather: nothing that exists is removed, and what is gone goes in the end."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

import pytest

from aggregator.resources import RESOURCES
from tests.simulator import Fault, Fleet
from tests.simulator.organization import Organization
from tests.syncing import Syncing, syncing

LISTS = ("connections", "bulk_syncs", "model_syncs", "models", "users", "policies", "roles")
PAGE = 5
STATUSES = (401, 403, 404, 429, 500, 503)
BODIES: tuple[Any, ...] = ({"data": None}, {"data": []}, {"data": "x"}, b"<html>", {"data": [{}]})


def ids(organization: Organization, resource: str) -> set[str]:
    return {record["id"] for record in getattr(organization, resource)}


def edit(random: Random, organization: Organization, resource: str) -> None:
    """One of the things that people do: a record is new, renamed, moved to the front, or gone."""
    records = getattr(organization, resource)
    match random.randrange(4):
        case 0 if records:
            copied = deepcopy(random.choice(records))
            copied["id"] = f"{random.getrandbits(128):032x}"
            records.insert(0, copied)
        case 1 if records:
            random.choice(records)["name"] = f"renamed {random.random()}"
        case 2 if records:
            records.insert(0, records.pop(random.randrange(len(records))))
        case 3 if len(records) > 2:
            del records[random.randrange(len(records))]


def moving(organization: Organization, resource: str) -> Callable[[bytes], bytes]:
    """Moves the last record to the front while the first page is under way: nobody sees it then."""

    def move(body: bytes) -> bytes:
        records = getattr(organization, resource)
        if records:
            records.insert(0, records.pop())
        return body

    return move


def weather(random: Random, organization: Organization) -> list[Fault]:
    faults: list[Fault] = []
    for resource in random.sample(LISTS, 3):
        path = RESOURCES[resource].path
        match random.randrange(5):
            case 0:
                faults.append(Fault(path=path, status=random.choice(STATUSES)))
            case 1:
                faults.append(Fault(path=path, body=random.choice(BODIES)))
            case 2:
                faults.append(Fault(path=f"{path}/*", status=random.choice(STATUSES)))
                faults.append(Fault(path=path, times=1, edit=moving(organization, resource)))
            case 3:
                faults.append(Fault(path=path, times=1, edit=moving(organization, resource)))
            case 4:
                faults.append(Fault(path=path, skip=1, status=500))
    return faults


async def stored(world: Syncing, organization: Organization, resource: str) -> set[str]:
    rows = await world.column(
        f"select id from inventory.{resource} where organization_id = $1",  # noqa: S608 - ours
        organization.id,
    )
    return set(rows)


@pytest.mark.parametrize("seed", range(4))
async def test_nothing_that_exists_goes_and_what_is_gone_goes_in_the_end(
    database_url: str, seed: int
) -> None:
    """Faults D1 to D5."""
    random = Random(seed)  # noqa: S311 - repeatable
    fleet = Fleet(3, 8, seed, bulk_syncs=8, model_syncs=8, models=8)
    fleet.page_sizes = {RESOURCES[name].path: PAGE for name in LISTS}
    async with syncing(database_url, fleet) as world:
        world.resources = [RESOURCES[name] for name in LISTS]
        await world.sync()
        for _ in range(10):
            for organization in fleet:
                for resource in random.choices(LISTS, k=6):
                    edit(random, organization, resource)
                organization.faults = weather(random, organization)
                is_lesser = random.random() < 0.2
                organization.identity = {"role": "viewer"} if is_lesser else {}
            before = {
                (each.name, name): await stored(world, each, name)
                for each in fleet
                for name in LISTS
            }
            await world.sync()
            for organization in fleet:
                for name in LISTS:
                    lost = before[organization.name, name] - await stored(world, organization, name)
                    assert not lost & ids(organization, name), (organization.name, name)
        for organization in fleet:
            organization.faults, organization.identity = [], {}
        for _ in range(4):
            account = await world.sync(accept_removals=True)
        assert account["exit_code"] == 0
        for organization in fleet:
            for name in LISTS:
                assert await stored(world, organization, name) == ids(organization, name)
