"""``organizations.status`` in all six values, and the command ``status``."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.conftest import NewWorld
from tests.acceptance.world import World
from tests.simulator import Fault, Fleet


@pytest.fixture
async def mixed(new_world: NewWorld) -> World:
    """Every status once, after two runs."""
    world = await new_world(
        Fleet(names=["complete", "stale", "failed", "never", "no_key"], connections=3)
    )
    world.fleet["failed"].faults = [Fault(status=401)]
    registry = world.folder / "organizations.toml"
    registry.write_text('[[organization]]\nname = "disabled"\napi_key = "env:X"\nenabled = false\n')
    keys = world.fleet.api_keys
    chosen = [f"--organization={name}" for name in keys if name != "never"]
    await world.sync(*chosen, ORGANIZATIONS_FILE=str(registry))
    world.fleet["stale"].faults = [Fault(status=403)]
    del keys["no_key"]
    chosen = [f"--organization={name}" for name in keys if name != "never"]
    await world.sync(*chosen, API_KEYS=json.dumps(keys), ORGANIZATIONS_FILE=str(registry))
    return world


async def test_an_organization_has_one_of_six_statuses(mixed: World) -> None:
    statuses = await mixed.statuses()
    assert statuses == {name: name for name in statuses}
    assert set(statuses) == {"complete", "stale", "failed", "never", "no_key", "disabled"}
    # Fault A9: rows of who cannot be read now are kept.
    rows = await mixed.query("select organization, connections from reporting.organizations")
    connections = {row["organization"]: row["connections"] for row in rows}
    assert connections == {
        "complete": 3,
        "stale": 3,
        "no_key": 3,
        "failed": None,
        "never": None,
        "disabled": None,
    }
    times = await mixed.query(
        "select organization, last_attempt_at is null as untried,"
        " last_complete_at is null as uncompleted from reporting.organizations"
    )
    assert {row["organization"] for row in times if row["untried"]} == {"never", "disabled"}
    assert {row["organization"] for row in times if row["uncompleted"]} == {
        "never",
        "disabled",
        "failed",
    }


async def test_status_tells_the_same_from_the_database_alone(mixed: World) -> None:
    mixed.simulator.observed.reset()
    before = await mixed.dump()
    result = await mixed.run("status", "--json")
    assert result.exit_code == 0
    statuses = await mixed.statuses()
    assert result.document["coverage"] == dict.fromkeys(statuses, 1)
    assert result.document["last_run"]["status"] == "partial"
    told = {row["organization"]: row for row in result.document["organizations"]}
    assert told["stale"]["last_outcome"] == "forbidden"
    assert told["stale"]["age_seconds"] >= 0
    assert told["never"]["last_attempt_at"] is None
    shown = await mixed.run("status")
    assert shown.exit_code == 0
    assert all(name in shown.stdout for name in statuses)
    assert await mixed.dump() == before
    assert mixed.simulator.observed.requests() == []

    # A key that comes back.
    await mixed.sync("--organization", "no_key")
    assert (await mixed.statuses())["no_key"] == "complete"


async def test_health_is_told_by_lower_case_and_unknown_without_a_status(world: World) -> None:
    acme = world.fleet["acme-01"]
    statuses = ["HEALTHY", "unhealthy", "", None]
    for connection, status in zip(acme.connections, statuses, strict=True):
        connection["status"] = status
    await world.sync()
    rows = await world.query(
        "select is_healthy from reporting.connections where organization = 'acme-01'"
    )
    assert sorted(map(str, (row["is_healthy"] for row in rows))) == [
        "False",
        "None",
        "None",
        "True",
    ]
    (row,) = await world.query(
        "select * from reporting.organizations where organization = 'acme-01'"
    )
    assert (row["connections"], row["healthy_connections"], row["unhealthy_connections"]) == (
        4,
        1,
        1,
    )


async def aged(world: World, **hours: float) -> None:
    """As if these organizations had last been read completely so many hours ago."""
    for name, age in hours.items():
        await world.execute(
            f"update ledger.scopes set last_complete_at = now() - interval '{age} hours'"  # noqa: S608 (a number and a name of ours)
            f" where organization = '{name.replace('_', '-')}'"
        )


async def test_max_age_passes_while_everyone_was_read_within_it(world: World) -> None:
    await world.sync()
    await aged(world, acme_01=25)
    result = await world.run("status", "--json", "--max-age", "26h")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.document["max_age_seconds"] == 26 * 3600
    assert result.document["too_old"] == []


async def test_max_age_exits_3_and_names_who_is_older_the_never_read_first(world: World) -> None:
    world.fleet["acme-03"].faults = [Fault(status=500)]
    await world.sync()
    await aged(world, acme_01=1.6, acme_02=27)

    result = await world.run("status", "--json", "--max-age=1h30m")

    assert result.exit_code == 3
    assert result.document["too_old"] == ["acme-03", "acme-02", "acme-01"]
    assert "no complete read within 1:30:00: acme-03, acme-02, acme-01\n" in result.stderr
    table = await world.run("status", "--max-age", "1d")
    assert table.exit_code == 3
    assert "acme-01" in table.stdout
    assert table.stderr.endswith("no complete read within 1 day, 0:00:00: acme-03, acme-02\n")
    for arguments in (["status"], ["status", "--json"]):
        plain = await world.run(*arguments)
        assert (plain.exit_code, plain.stderr) == (0, "")
        assert "too_old" not in plain.stdout


async def test_max_age_names_twenty_and_says_how_many_more(new_world: NewWorld) -> None:
    world = await new_world(Fleet(23, 1))
    await world.sync("--organization=acme-01")
    result = await world.run("status", "--json", "--max-age", "7d")
    assert result.exit_code == 3
    assert len(result.document["too_old"]) == 22
    assert result.stderr.endswith("acme-20, acme-21 and 2 more\n")


async def test_max_age_asks_nothing_of_who_is_disabled_without_key_or_gone(
    new_world: NewWorld,
) -> None:
    world = await new_world(Fleet(names=["ours", "closed", "gone", "dropped"], connections=1))
    registry = world.folder / "organizations.toml"
    registry.write_text('[[organization]]\nname = "off"\napi_key = "env:X"\nenabled = false\n')
    dropped = json.dumps({"dropped": world.fleet["dropped"].key})
    settings = {"ORGANIZATIONS_FILE": str(registry), "PARTNER_KEY": world.fleet.partner_key}
    world.fleet["closed"].is_open_to_partner = False
    world.fleet["dropped"].is_listed = False
    await world.sync(API_KEYS=dropped, **settings)
    world.fleet["gone"].is_listed = False
    await world.sync(API_KEYS=None, **settings)
    await aged(world, gone=99, dropped=99)

    result = await world.run("status", "--json", "--max-age", "26h")

    assert (result.exit_code, result.document["too_old"]) == (0, [])
    assert result.document["coverage"] == {"complete": 1, "no_key": 3, "disabled": 1}
    shown = (await world.run("status")).stdout
    assert "of these 1 gone upstream" in shown
    assert "not on the partner's list since 20" in shown
    order = [shown.index(f"\n{name}") for name in ("closed", "dropped", "ours", "gone", "off")]
    assert order == sorted(order), "who is not as it should be first, who is not expected last"


async def test_max_age_is_not_kept_where_nothing_was_ever_read(world: World) -> None:
    result = await world.run("status", "--json", "--max-age", "26h")
    assert (result.exit_code, result.document["too_old"]) == (3, [])
    assert "no enabled organization is known" in result.stderr


@pytest.mark.parametrize(
    "text", ["", "26", "h", "0h", "1h1d", "-1h", "1.5h", "\u0661h", "1 d", "9e9d"]
)
async def test_a_bad_max_age_is_exit_2_and_names_the_option(world: World, text: str) -> None:
    result = await world.run("status", f"--max-age={text}")
    assert result.exit_code == 2
    assert "argument --max-age" in result.stderr
