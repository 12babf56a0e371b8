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


async def test_a_plan_names_changes_by_field_removals_and_what_is_withheld(
    new_world: NewWorld,
) -> None:
    world = await new_world(Fleet(3, 20))
    await world.sync()
    first, second, third = world.fleet
    first.connections[0]["name"] = "renamed"
    first.connections[0]["status"] = first.connections[1]["status"] = "degraded"
    gone = second.connections.pop()
    second.connections.append(gone | {"id": "new", "name": "brand new"})
    del third.connections[5:]

    by_name = {row["organization"]: row for row in (await world.sync("--plan")).document["plan"]}

    assert by_name["acme-01"]["fields"] == {"name": 1, "status": 2}
    [renamed] = [each for each in by_name["acme-01"]["changes"] if each["name"] == "renamed"]
    assert (renamed["change"], renamed["fields"]) == ("updated", ["name", "status"])
    assert by_name["acme-02"]["changes"] == [
        {"change": "created", "id": "new", "name": "brand new"},
        {"change": "removed", "id": gone["id"], "name": gone["name"]},
    ]
    assert by_name["acme-03"]["withheld"] == 15
    assert {each["reason"] for each in by_name["acme-03"]["changes"]} == {
        "15 of 20 rows are missing at once"
    }
    shown = (await world.run("sync", "--plan")).stdout
    assert "name 1, status 2" in shown
    assert gone["id"] in shown


async def test_a_plan_names_a_bounded_number_of_rows_and_counts_all(new_world: NewWorld) -> None:
    world = await new_world(Fleet(1, 50))
    [planned] = (await world.sync("--plan")).document["plan"]
    assert (planned["created"], len(planned["changes"])) == (50, 20)


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
