"""A key that disappears: nobody is there to be asked, and yet a person is told."""

from __future__ import annotations

import json
from pathlib import Path

from tests.acceptance.conftest import NewWorld
from tests.acceptance.world import World
from tests.simulator import Fleet

NOTE = "2 organizations have no key any more: acme-04, acme-05"


def keys_but(world: World, *lost: str) -> str:
    return json.dumps({k: v for k, v in world.fleet.api_keys.items() if k not in lost})


async def test_a_run_says_whose_key_has_disappeared_and_is_complete_all_the_same(
    new_world: NewWorld,
) -> None:
    """Fault A9."""
    world = await new_world(Fleet(5, 1))
    keys = keys_but(world, "acme-04", "acme-05")
    await world.sync()

    told = await world.run("sync", API_KEYS=keys)
    assert told.exit_code == 0
    assert told.stdout.count(f"\n{NOTE}\n") == 1

    as_json = await world.sync(API_KEYS=keys, LOG_FORMAT="json")
    assert "no key any more" not in as_json.stdout
    assert NOTE in as_json.stderr
    assert "no key any more" not in (await world.run("sync")).stdout, "they are back"


async def test_check_notes_a_lost_key_before_any_run_did(new_world: NewWorld) -> None:
    """Fault A9: it is a note, and the exit code is that of the keys that are there."""
    world = await new_world(Fleet(5, 1))
    keys = keys_but(world, "acme-04", "acme-05")
    await world.sync()

    told = await world.run("check", API_KEYS=keys)
    assert told.exit_code == 0
    assert f"\nnote: {NOTE}\nno problems\n" in told.stdout
    document = (await world.run("check", "--json", API_KEYS=keys)).document
    assert (document["problems"], document["notes"]) == ([], [NOTE])

    await world.sync(API_KEYS=keys)
    assert (await world.run("check", "--json")).document["notes"] == [], "they are back"


async def test_one_key_and_many_keys_are_said_in_one_line(new_world: NewWorld) -> None:
    world = await new_world(Fleet(6, 1))
    await world.sync()
    one = await world.run("check", "--json", API_KEYS=keys_but(world, "acme-06"))
    assert one.document["notes"] == ["1 organization has no key any more: acme-06"]
    lost = [f"acme-{number:02}" for number in range(2, 7)]
    many = await world.run("check", "--json", API_KEYS=keys_but(world, *lost))
    assert many.document["notes"] == [
        "5 organizations have no key any more: acme-02, acme-03, acme-04 and 2 more"
    ]


async def test_an_organization_that_goes_by_another_name_has_not_lost_its_key(
    world: World,
) -> None:
    await world.sync()
    keys = world.fleet.api_keys
    keys["renamed"] = keys.pop("acme-02")
    assert (await world.run("check", "--json", API_KEYS=json.dumps(keys))).document["notes"] == []
    assert "no key" not in (await world.run("sync", API_KEYS=json.dumps(keys))).stdout


async def test_organizations_that_nobody_ever_read_have_lost_no_key(world: World) -> None:
    """The partner's list names them, and neither a run nor check misses a key for them."""
    for organization in world.fleet:
        organization.is_open_to_partner = False
    keys = keys_but(world, "acme-02", "acme-03")
    settings = {"API_KEYS": keys, "PARTNER_KEY": world.fleet.partner_key}
    for _ in range(2):
        assert "no key any more" not in (await world.run("sync", **settings)).stdout
    assert (await world.run("check", "--json", **settings)).document["notes"] == []
    assert "acme-02" in str(await world.query("select organization from reporting.organizations"))


async def test_an_organization_that_was_disabled_has_lost_no_key(
    world: World, tmp_path: Path
) -> None:
    await world.sync()
    registry = tmp_path / "organizations.toml"
    registry.write_text('[[organization]]\nname = "acme-02"\napi_key = "env:X"\nenabled = false\n')
    settings = {"API_KEYS": keys_but(world, "acme-02"), "ORGANIZATIONS_FILE": str(registry)}
    assert "no key any more" not in (await world.run("sync", **settings)).stdout
    assert (await world.run("check", "--json", **settings)).document["notes"] == []


async def test_an_organization_that_left_the_partners_list_has_lost_no_key(world: World) -> None:
    settings = {"API_KEYS": None, "PARTNER_KEY": world.fleet.partner_key}
    await world.sync(**settings)
    world.fleet["acme-02"].is_listed = False
    assert (await world.run("check", "--json", **settings)).document["notes"] == []
    assert "no key any more" not in (await world.run("sync", **settings)).stdout
    assert (await world.run("check", "--json", **settings)).document["notes"] == []
