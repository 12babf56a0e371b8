"""The other resources than connections: each read in its way, written and removed like connections."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from aggregator.resources import RESOURCES
from tests.simulator import Fault, Fleet
from tests.syncing import Syncing, syncing

DEFAULT = tuple(each for each in RESOURCES.values() if each.is_default)


async def stored(world: Syncing, resource: str) -> int:
    count: int = await world.value(f"select count(*) from inventory.{resource}")  # noqa: S608
    return count


@pytest.fixture
async def whole(database_url: str) -> AsyncIterator[Syncing]:
    async with syncing(database_url, Fleet(3, 6)) as world:
        world.resources = DEFAULT
        yield world


async def test_every_default_resource_is_read_of_every_organization(whole: Syncing) -> None:
    account = await whole.sync()

    assert account["exit_code"] == 0
    for name in ("connections", "bulk_syncs", "model_syncs", "models"):
        there = sum(len(getattr(each, name)) for each in whole.fleet)
        assert account["resources"][name]["created"] == there == await stored(whole, name)
    assert await stored(whole, "organizations") == 3


async def test_an_unchanged_inventory_writes_nothing_of_any_resource(whole: Syncing) -> None:
    await whole.sync()
    before = await whole.inventory_writes()

    account = await whole.sync()

    assert await whole.inventory_writes() == before
    for counts in account["resources"].values():
        assert counts["seen"] == counts["unchanged"] > 0


async def test_one_resource_that_fails_leaves_the_others_complete(whole: Syncing) -> None:
    whole.fleet["acme-02"].faults = [Fault(path="/api/models", status=500)]

    account = await whole.sync()

    assert account["outcomes"]["upstream_error"] == 1
    assert account["organizations"] == {
        "total": 3,
        "complete": 2,
        "partial": 0,
        "failed": 1,
        "deferred": 0,
    }
    assert account["resources"]["bulk_syncs"]["created"] == 12
    row = await whole.organization("acme-02")
    assert (row["status"], row["resources_not_complete"]) == ("failed", ["models"])


async def test_who_a_key_is_is_asked_once_for_all_resources(whole: Syncing) -> None:
    await whole.sync()
    assert whole.simulator.observed.calls("acme-01").count(("GET", "/api/me")) == 1
