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
