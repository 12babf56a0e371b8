"""Where organizations come from: every source of the contract, alone and together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.conftest import NewWorld
from tests.acceptance.world import World
from tests.simulator import Fault, Fleet


def write_keys(folder: Path, keys: dict[str, str]) -> str:
    folder.mkdir()
    for name, key in keys.items():
        (folder / name).write_text(key + "\n")
        (folder / name).chmod(0o600)
    return str(folder)


async def test_api_keys_is_a_json_object_or_one_variable_each_or_both(world: World) -> None:
    keys = world.fleet.api_keys
    result = await world.sync(
        API_KEYS=json.dumps({"acme-01": keys["acme-01"]}),
        **{"API_KEYS__acme-02": keys["acme-02"], "API_KEYS__Acme.03_x": keys["acme-03"]},
    )
    assert result.exit_code == 0
    assert set(await world.statuses()) == {"acme-01", "acme-02", "Acme.03_x"}


async def test_keys_dir_holds_one_file_an_organization(world: World) -> None:
    folder = write_keys(world.folder / "keys", world.fleet.api_keys)
    result = await world.sync(API_KEYS=None, KEYS_DIR=folder)
    assert result.exit_code == 0
    assert await world.statuses() == dict.fromkeys(world.fleet.api_keys, "complete")


async def test_the_registry_file_has_every_field_of_the_contract(new_world: NewWorld) -> None:
    world = await new_world(Fleet(5, 8))
    other = await new_world(Fleet(1, 2, seed=9, names=["elsewhere"]))
    ids = {each.name: each.id for each in world.fleet}
    world.fleet.page_sizes = {"/api/connections": 4}
    (world.folder / "key-of-acme-02").write_text(world.fleet["acme-02"].key)
    (world.folder / "key-of-acme-02").chmod(0o600)
    registry = world.folder / "organizations.toml"
    registry.write_text(
        f"""
        [[organization]]
        name = "acme-01"
        api_key = "env:ACME_POLYTOMIC_KEY"
        tags = {{ team = "growth", region = "eu" }}
        requests_per_second = 2
        enabled = true

        [[organization]]
        name = "acme-02"
        api_key = "file:key-of-acme-02"
        organization_id = "{ids["acme-02"]}"

        [[organization]]
        name = "acme-03"
        api_key = "env:PARTNER"
        auth = "basic"
        organization_id = "{ids["acme-03"]}"

        [[organization]]
        name = "elsewhere"
        api_key = "env:ELSEWHERE"
        base_url = "{other.simulator.base_url}"

        [[organization]]
        name = "wrong-pin"
        api_key = "env:FIFTH"
        organization_id = "{ids["acme-04"]}"

        [[organization]]
        name = "switched-off"
        api_key = "env:NOT_SET"
        enabled = false
        """
    )
    (world.folder / ".env").write_text(
        f"ACME_POLYTOMIC_KEY={world.fleet['acme-01'].key}\nPARTNER={world.fleet.partner_key}\n"
        f"ELSEWHERE={other.fleet['elsewhere'].key}\nFIFTH={world.fleet['acme-05'].key}\n"
    )
    result = await world.sync(API_KEYS=None, ORGANIZATIONS_FILE="organizations.toml")

    assert await world.outcomes() == {
        "acme-01": "complete",
        "acme-02": "complete",
        "acme-03": "complete",
        "elsewhere": "complete",
        "wrong-pin": "org_mismatch",
    }
    assert result.document["organizations"]["total"] == 5
    rows = await world.query("select * from reporting.organizations")
    by_name = {row["organization"]: row for row in rows}
    assert json.loads(by_name["acme-01"]["tags"]) == {"team": "growth", "region": "eu"}
    assert by_name["acme-03"]["organization_id"] == ids["acme-03"]
    assert by_name["switched-off"]["status"] == "disabled"
    assert world.simulator.observed.max_in_any_second("acme-01") <= 2 + 1
    assert world.simulator.observed.max_in_any_second("acme-02") > 2
    assert len(other.simulator.observed.requests("elsewhere")) == 2


async def test_a_literal_key_in_the_registry_is_refused_without_repeating_it(world: World) -> None:
    key = world.fleet["acme-01"].key
    registry = world.folder / "organizations.toml"
    registry.write_text(f'[[organization]]\nname = "acme-01"\napi_key = "{key}"\n')
    result = await world.sync(API_KEYS=None, ORGANIZATIONS_FILE=str(registry))
    assert result.exit_code == 2
    assert "env:NAME or file:path" in result.stderr
    assert key not in result.stderr


@pytest.mark.parametrize("second", ["keys_dir", "registry"])
async def test_a_name_in_two_sources_is_exit_2(world: World, second: str) -> None:
    settings = {}
    if second == "keys_dir":
        settings["KEYS_DIR"] = write_keys(world.folder / "keys", {"acme-01": "another-key"})
    else:
        registry = world.folder / "organizations.toml"
        registry.write_text('[[organization]]\nname = "acme-01"\napi_key = "env:HOME"\n')
        settings["ORGANIZATIONS_FILE"] = str(registry)
    result = await world.sync(**settings)
    assert result.exit_code == 2
    assert "acme-01 is named in AGGREGATOR_API_KEYS already" in result.stderr
    assert world.simulator.observed.requests() == []


async def test_a_partner_key_discovers_organizations_and_reads_each_as_itself(
    world: World,
) -> None:
    result = await world.sync(API_KEYS=None, PARTNER_KEY=world.fleet.partner_key)
    assert result.exit_code == 0
    assert await world.statuses() == dict.fromkeys(["acme-01", "acme-02", "acme-03"], "complete")
    observed = world.simulator.observed
    assert observed.counts("(partner)") == {("/api/organizations", 200): 1}
    assert observed.counts("acme-02")["/api/connections", 200] == 1


async def test_discovered_organizations_come_beside_configured_ones(world: World) -> None:
    own = world.fleet["acme-02"]
    registry = world.folder / "organizations.toml"
    registry.write_text(
        f'[[organization]]\nname = "by-hand"\napi_key = "env:OWN"\norganization_id = "{own.id}"\n'
    )
    (world.folder / ".env").write_text(f"OWN={own.key}\n")
    result = await world.sync(
        API_KEYS=None, ORGANIZATIONS_FILE=str(registry), PARTNER_KEY=world.fleet.partner_key
    )
    assert result.exit_code == 0
    assert set(await world.statuses()) == {"acme-01", "by-hand", "acme-03"}
    assert await world.connections() == 12


async def test_configured_ones_are_read_although_discovery_fails(world: World) -> None:
    """The partner key's list is not the whole fleet's fate, and nobody is forgotten by it."""
    await world.sync(API_KEYS=None, PARTNER_KEY=world.fleet.partner_key)
    world.fleet.faults = [Fault(status=403, path="/api/organizations")]
    keys = json.dumps({"acme-01": world.fleet["acme-01"].key})
    result = await world.sync(API_KEYS=keys, PARTNER_KEY=world.fleet.partner_key)
    assert result.exit_code == 3
    assert "could not be discovered" in result.document["headline"]
    assert await world.outcomes() == {"acme-01": "complete"}
    assert "no_key" not in (await world.statuses()).values()


async def test_a_partner_key_that_lists_nobody_is_no_success(world: World) -> None:
    """Fault A8 in spirit: zero organizations is never a complete fleet."""
    await world.sync(API_KEYS=None, PARTNER_KEY=world.fleet.partner_key)
    world.fleet.faults = [Fault(body={"data": []}, path="/api/organizations")]
    result = await world.sync(API_KEYS=None, PARTNER_KEY=world.fleet.partner_key)
    assert result.exit_code == 1
    assert "lists no organization" in result.stderr
    assert await world.connections() == 12
    assert "no_key" not in (await world.statuses()).values()
