"""``sync --plan``: everything is done and nothing is committed."""

from __future__ import annotations

from tests.acceptance.conftest import NewWorld
from tests.acceptance.world import Row, World
from tests.simulator import Fault, Fleet


def counted(document: Row) -> Row:
    """What a plan and the run after it have in common."""
    return {
        name: document[name]
        for name in ("exit_code", "status", "outcomes", "organizations", "resources")
    }


async def test_a_first_plan_writes_nothing_and_counts_as_the_sync_after_it(world: World) -> None:
    before = await world.dump()
    planned = await world.sync("--plan")
    assert planned.document["plan"]
    assert await world.dump() == before
    real = await world.sync()
    assert counted(planned.document) == counted(real.document)
    assert real.document["resources"]["connections"]["created"] == 12


async def test_a_later_plan_counts_every_kind_of_change_and_writes_nothing(
    new_world: NewWorld,
) -> None:
    world = await new_world(Fleet(4, 20))
    gone = world.fleet["acme-01"].connections.pop()
    await world.sync()
    world.fleet["acme-01"].connections.append(gone)
    del world.fleet["acme-02"].connections[:3]
    world.fleet["acme-02"].connections[0]["name"] = "renamed"
    world.fleet["acme-02"].connections[1]["id"] = ""
    del world.fleet["acme-03"].connections[5:]
    world.fleet["acme-04"].faults = [Fault(status=403)]
    before = await world.dump()
    planned = await world.sync("--plan")
    assert await world.dump() == before
    real = await world.sync()
    assert counted(planned.document) == counted(real.document)


async def test_a_plan_for_a_renamed_organization_counts_as_the_sync_after_it(world: World) -> None:
    await world.sync()
    keys = world.fleet.api_keys
    renamed = {"acme-new": keys.pop("acme-01"), **keys}
    settings = {f"API_KEYS__{name}": key for name, key in renamed.items()}
    planned = await world.sync("--plan", API_KEYS=None, **settings)
    real = await world.sync(API_KEYS=None, **settings)
    assert counted(planned.document) == counted(real.document)
    assert real.exit_code == 0


async def test_people_are_told_that_nothing_was_committed(world: World) -> None:
    result = await world.run("sync", "--plan")
    assert result.exit_code == 0
    assert "nothing was committed" in result.stdout


async def test_a_plan_applies_no_migration(world: World, empty_database_url: str) -> None:
    empty = World(world.simulator, empty_database_url, world.folder)
    result = await empty.sync("--plan")
    assert result.exit_code == 1
    assert "run: aggregator migrate" in result.stderr
    assert await empty.dump() == {}
