"""``check``: identities and the database, all problems at once, nothing written."""

from __future__ import annotations

import json
from pathlib import Path

from tests.acceptance.world import World
from tests.simulator import Fault


async def test_a_good_configuration_has_no_problem_and_writes_no_inventory(world: World) -> None:
    before = await world.dump()
    result = await world.run("check", "--json")
    assert (result.exit_code, result.document["problems"]) == (0, [])
    assert result.document["database"] == "up to date"
    assert {row["organization_id"] for row in result.document["organizations"]} == {
        each.id for each in world.fleet
    }
    assert {seen.path for seen in world.simulator.observed.requests()} == {"/api/me"}
    assert await world.dump() == before


async def test_all_problems_are_listed_at_once(world: World) -> None:
    keys = world.fleet.api_keys
    keys["broken"] = "two words"
    keys["partner"] = world.fleet.partner_key
    world.fleet["acme-02"].faults = [Fault(status=401)]
    dead = "postgresql://nobody@127.0.0.1:9/nothing"
    result = await world.run("check", "--json", API_KEYS=json.dumps(keys), DATABASE_URL=dead)
    assert result.exit_code == 2
    outcomes = {row["organization"]: row["outcome"] for row in result.document["organizations"]}
    assert outcomes == {
        "acme-01": "complete",
        "acme-02": "unauthorized",
        "acme-03": "complete",
        "broken": "bad_key",
        "partner": "wrong_key_type",
    }
    problems = "\n".join(result.document["problems"])
    for name in ("acme-02", "broken", "partner", "database"):
        assert name in problems
    assert "character 4 of the key is white space" in problems
    assert "two words" not in result.stdout + result.stderr


async def test_an_unusable_database_is_exit_1(world: World) -> None:
    result = await world.run("check", DATABASE_URL="postgresql://nobody@127.0.0.1:9/nothing")
    assert result.exit_code == 1
    assert "problem: database" in result.stdout


async def test_a_database_newer_than_the_program_is_exit_2_as_for_every_command(
    world: World,
) -> None:
    """Fault F15."""
    await world.execute("insert into ledger.migrations values (9999, 'future', 'x')")
    result = await world.run("check", "--json")
    assert (result.exit_code, result.document["exit_code"]) == (2, 2)
    assert "newer than this release" in result.document["problems"][0]


async def test_swapped_keys_and_two_keys_for_one_organization_are_found(world: World) -> None:
    await world.sync()
    keys = world.fleet.api_keys
    world.fleet.keys["another-key"] = world.fleet["acme-03"]
    keys |= {"acme-01": keys["acme-02"], "acme-02": keys["acme-01"], "twin": "another-key"}
    result = await world.run("check", "--json", API_KEYS=json.dumps(keys))
    outcomes = {row["organization"]: row["outcome"] for row in result.document["organizations"]}
    assert outcomes == {
        "acme-01": "org_mismatch",
        "acme-02": "org_mismatch",
        "acme-03": "complete",
        "twin": "duplicate_org",
    }
    assert result.exit_code == 2


async def test_the_address_that_gets_the_keys_is_shown(world: World) -> None:
    """Fault A13, E9."""
    result = await world.run("check")
    assert world.simulator.base_url in result.stdout
    assert "no proxy" in result.stdout
    assert "no problems" in result.stdout


async def test_what_is_only_noted_is_called_a_note_and_no_problem(
    world: World, tmp_path: Path
) -> None:
    """Faults A11, E9."""
    folder = tmp_path / "keys"
    folder.mkdir()
    for name, key in world.fleet.api_keys.items():
        (folder / name).write_text(key)
        (folder / name).chmod(0o644 if name == "acme-02" else 0o600)
    settings = {"API_KEYS": None, "KEYS_DIR": str(folder)}
    note = "key file is readable by every user of this machine: acme-02"

    told = await world.run("check", **settings)

    assert told.exit_code == 0
    assert f"\nnote: {note}\n" in told.stdout
    assert "problem:" not in told.stdout
    assert told.stdout.endswith("\nno problems\n")
    document = (await world.run("check", "--json", **settings)).document
    assert (document["problems"], document["notes"]) == ([], [note])


async def test_settings_that_every_user_can_read_are_noted_with_what_they_hold(
    world: World,
) -> None:
    """Fault A11."""
    dotenv = world.folder / ".env"
    dotenv.write_text(f"AGGREGATOR_API_KEYS__acme-01={world.fleet['acme-01'].key}\n")
    dotenv.chmod(0o644)
    told = await world.run("check", API_KEYS=None)
    assert told.exit_code == 0
    exposed = ".env holds secrets and is readable by every user of this machine: acme-01"
    assert f"\nnote: {exposed}\nno problems\n" in told.stdout
