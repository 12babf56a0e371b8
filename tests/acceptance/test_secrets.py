"""Invariant I6: no key and no secret of a configuration is shown or stored anywhere."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from tests.acceptance.conftest import NewWorld
from tests.acceptance.world import World, until
from tests.command import Finished
from tests.simulator import CANARY, Fault, Fleet

PASSWORD = "made-up-database-password"


def secrets_of(world: World) -> list[str]:
    """Every key, every Basic credential made of one, the database's password, and ``canary``."""
    fleet = world.fleet
    keys = [*fleet.api_keys.values(), fleet.partner_key, "two words", "another-key-of-acme"]
    pairs = [f"{each.id}:{fleet.partner_key}" for each in fleet]
    basic = [base64.b64encode(pair.encode()).decode() for pair in pairs]
    return [*keys, *basic, PASSWORD, CANARY]


def found(text: str, secrets: list[str]) -> list[str]:
    """Which of the secrets are in the text, in whatever case."""
    lower = text.lower()
    return [secret for secret in secrets if secret.lower() in lower]


def echoes(key: str) -> list[list[Fault]]:
    """Servers that repeat the key they got, each in another place."""
    echo = f"no such key: {key} (Authorization: Bearer {key})"
    place = f"https://elsewhere.example/{key}?key={key}"
    return [
        [Fault(status=401, body={"error": {"message": echo}})],
        [Fault(status=302, headers={"Location": place})],
        [Fault(status=500, body=echo, headers={"X-Request-Id": key})],
        [Fault(body={"error": echo, "data": []})],
        [Fault(headers={"X-Polytomic-Version": key})],
    ]


@pytest.fixture
async def nasty(new_world: NewWorld) -> World:
    """Configurations full of secrets, in clear."""
    world = await new_world(Fleet(8, 30))
    world.fleet["acme-07"].connections[0] |= {"id": "", "brand_new": {"inner": f"{CANARY}-1"}}
    world.fleet["acme-08"].connections[0] |= {
        "status_error": f"401 for Authorization: Bearer {CANARY}, password={CANARY}",
        "configuration": {"password": CANARY, "headers": [{"name": "X", "value": CANARY}]},
        "another_new_field": f"{CANARY}-2",
    }
    return world


async def run_everything(world: World) -> list[Finished]:
    """All commands at the lowest log level, with keys from several sources, which servers echo."""
    fleet = world.fleet
    organizations = list(fleet)[:5]
    fleet.keys["another-key-of-acme"] = fleet["acme-08"]
    keys = {**fleet.api_keys, "broken": "two words", "partner": fleet.partner_key}
    keys["twin"] = "another-key-of-acme"
    settings = {
        "API_KEYS": json.dumps(keys),
        "LOG_LEVEL": "debug",
        "MAX_ATTEMPTS": "1",
        "DATABASE_URL": world.database_url.replace("//aggregator@", f"//aggregator:{PASSWORD}@"),
    }
    for organization in organizations:
        organization.faults = echoes(organization.key)[organizations.index(organization)]
    results = [
        await world.run("migrate", **settings),
        await world.run("sync", **settings),
        await world.run("check", **settings),
    ]
    discovered = settings | {"API_KEYS": None, "PARTNER_KEY": fleet.partner_key}
    for organization in organizations:
        basic = base64.b64encode(f"{organization.id}:{fleet.partner_key}".encode()).decode()
        key = f"{basic} {fleet.partner_key}"
        organization.faults = echoes(key)[organizations.index(organization)]
    return [
        *results,
        await world.run("sync", "--json", LOG_FORMAT="json", **discovered),
        await world.run("check", "--json", **discovered),
        await world.run("status", "--json", **settings),
        await world.run("status", **settings),
    ]


async def test_neither_output_nor_the_database_holds_a_secret(nasty: World) -> None:
    """Threats S1, S3, S4 and traps T1, T12, T13."""
    secrets = secrets_of(nasty)
    upstream = json.dumps(nasty.fleet["acme-08"].connections)
    assert CANARY in found(upstream, secrets), "there is nothing to be found"

    results = await run_everything(nasty)

    assert [result.exit_code for result in results] == [0, 3, 2, 3, 3, 0, 0]
    for result in results:
        assert found(result.stdout + result.stderr, secrets) == []
        assert "Traceback" not in result.stderr
    dump = await nasty.dump()
    assert await nasty.connections() > 80
    assert {name: hits for name, text in dump.items() if (hits := found(text, secrets))} == {}

    await nasty.query(
        "insert into ledger.rejected_records (run_id, organization, resource, reason)"
        " select run_id, 'planted', 'connections', $1 from ledger.runs limit 1",
        nasty.fleet["acme-01"].key,
    )
    planted = await nasty.dump()
    finds = {name for name, text in planted.items() if found(text, secrets)}
    assert finds == {"ledger.rejected_records", "reporting.rejected_records"}


def arguments_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


async def test_the_arguments_of_the_process_hold_no_secret(world: World) -> None:
    """Threat S2: arguments are visible to every local user."""
    world.fleet.faults = [Fault(latency=60)]

    async def asking() -> bool:
        return bool(world.simulator.observed.requests())

    async with world.started("sync", "--json") as process:
        await until(asking)
        arguments = arguments_of(process.pid)
    assert found(arguments, ["aggregator", "sync"]) == ["aggregator", "sync"]
    assert found(arguments, secrets_of(world)) == []


async def test_a_wrong_configuration_is_told_without_its_values(world: World) -> None:
    """Faults A3, A4."""
    key = world.fleet["acme-01"].key
    results = [
        await world.run("sync", API_KEYS=json.dumps({"acme-01": f"{key} {key}"})),
        await world.run("sync", PARTNER_KEY=f"{key}\u200b{key}"),
        await world.run(
            "sync",
            API_KEYS=f'{{"acme-01": "{key}"',
            BASE_URL=f"https://user:{key}@polytomic.example",
            DATABASE_URL=f"postgresql://me:{PASSWORD}/{PASSWORD}@localhost/x",
            MAX_ATTEMPTS=key,
        ),
        await world.run("sync", DATABASE_URL=f"postgresql:///x?port={PASSWORD}"),
    ]
    for result in results:
        assert result.exit_code == 2
        assert found(result.stdout + result.stderr, [key, PASSWORD, "Traceback"]) == []


async def test_a_bug_is_exit_1_and_its_traceback_goes_through_the_log(world: World) -> None:
    await world.execute("delete from ledger.installation")
    result = await world.sync(LOG_FORMAT="json")
    assert result.failed_with(1)
    last = json.loads(result.stderr.splitlines()[-1])
    assert last["event"] == "command.bug"
    assert last["traceback"].endswith("IndexError")
