"""Which resources are read, and what the command says of each."""

from __future__ import annotations

import json
import re
import signal

import pytest

from aggregator.resources import RESOURCES
from tests.acceptance.conftest import NewWorld
from tests.acceptance.world import World, until
from tests.simulator import CANARY, Fault, Fleet
from tests.unit.test_allowlist import GETS

EVERYTHING = ",".join(RESOURCES)


async def test_what_a_resource_needs_is_read_as_well_and_that_is_said(world: World) -> None:
    result = await world.sync("--resource", "connection_usage", "--resource", "roles")
    assert result.exit_code == 0
    assert set(result.document["resources"]) == {"connections", "connection_usage", "roles"}
    [line] = [line for line in result.stderr.splitlines() if "resources.added" in line]
    assert "connections" in line
    assert "roles" not in line


async def test_the_option_goes_before_the_setting(world: World) -> None:
    result = await world.sync("--resource", "models", RESOURCES="roles")
    assert set(result.document["resources"]) == {"models"}
    result = await world.sync(RESOURCES="roles,policies")
    assert set(result.document["resources"]) == {"roles", "policies"}
    result = await world.sync(RESOURCES=None)
    defaults = {name for name, each in RESOURCES.items() if each.is_default}
    assert set(result.document["resources"]) == defaults


async def test_an_unknown_resource_is_exit_2_and_told_with_those_that_there_are(
    world: World,
) -> None:
    result = await world.sync("--resource", "modles")
    assert result.failed_with(2)
    assert "no such resource: modles; did you mean models?" in result.stderr
    assert all(name in result.stderr for name in RESOURCES)
    assert world.simulator.observed.requests() == []


async def test_one_resource_that_fails_is_named_by_the_run_by_status_and_by_the_views(
    world: World,
) -> None:
    world.fleet["acme-02"].faults = [Fault(path="/api/models", status=500)]

    result = await world.run("sync", RESOURCES=None, MAX_ATTEMPTS="1")

    assert result.exit_code == 3
    assert re.search(r"models", result.stdout + result.stderr)
    shown = json.loads((await world.run("status", "--json", RESOURCES=None)).stdout)
    by_name = {row["organization"]: row for row in shown["organizations"]}
    assert by_name["acme-02"]["status"] == "failed"
    assert by_name["acme-01"]["status"] == "complete"
    rows = await world.query(
        "select organization, resources_not_complete as names from reporting.organizations"
    )
    assert {row["organization"]: row["names"] for row in rows} == {
        "acme-01": [],
        "acme-02": ["models"],
        "acme-03": [],
    }


@pytest.mark.parametrize(
    ("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["TERM", "INT"]
)
async def test_a_signal_in_the_middle_accounts_for_every_resource_of_every_organization(
    world: World, number: int, exit_code: int
) -> None:
    """Fault H1."""
    world.fleet["acme-02"].faults = [Fault(path="/api/models", latency=60)]
    world.fleet["acme-03"].faults = [Fault(path="/api/connections", latency=60)]

    async def stored() -> bool:
        return len(await world.query("select from reporting.run_organizations")) >= 20

    async with world.started("sync", "--json", RESOURCES=EVERYTHING) as process:
        await until(stored)
        result, _ = await world.stopped(process, number)

    assert result.exit_code == exit_code
    rows = await world.query("select organization, resource, outcome from ledger.run_organizations")
    ends = {(row["organization"], row["resource"]): row["outcome"] for row in rows}
    assert len(ends) == len(rows)
    planned = {name for name, each in RESOURCES.items() if each.per != "deployment"}
    assert ends.keys() == {(each.name, name) for each in world.fleet for name in planned}
    assert ends["acme-01", "users"] == "complete"
    assert ends["acme-02", "models"] == ends["acme-03", "connections"] == "cancelled"
    assert set(ends.values()) == {"complete", "cancelled"}
    outcomes = result.document["outcomes"]
    assert sum(outcomes.values()) == len(ends)


async def test_everything_that_is_read_is_read_by_nothing_but_the_documented_gets(
    world: World,
) -> None:
    for _ in range(2):
        await world.sync(RESOURCES=EVERYTHING)
        world.fleet["acme-01"].models.pop()
    calls = world.simulator.observed.calls()
    patterns = [re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)) for path in GETS]
    documented = re.compile("|".join(patterns))
    assert {method for method, _ in calls} == {"GET"}
    assert [path for _, path in calls if not documented.fullmatch(path)] == []
    refused = ("records", "parameter_values", "/proxy$", "test$", "executions", "trigger")
    assert [path for _, path in calls if re.search("|".join(refused), path)] == []


async def test_schemas_are_refreshed_by_the_option_and_by_nothing_else(world: World) -> None:
    plain = await world.sync("--resource", "connection_schemas")
    asked = [method for method, _ in world.simulator.observed.calls()]
    assert (plain.exit_code, set(asked)) == (0, {"GET"})

    result = await world.sync("--refresh-schemas", "--organization", "acme-01")

    assert result.exit_code == 0
    assert set(result.document["resources"]) == {"connections", "connection_schemas"}
    posts = [path for method, path in world.simulator.observed.calls() if method == "POST"]
    assert posts
    assert {path.rpartition("/")[2] for path in posts} == {"refresh"}
    assert len(posts) == len(set(posts))


PEOPLE = ("inventory.", "people.")
"""Schemas that may hold addresses of people: those that readers of ``reporting`` cannot see."""


async def test_no_resource_shows_or_stores_what_it_must_not(new_world: NewWorld) -> None:
    """Threats S1, S3, S4: secrets of any answer, SQL of models, examples of fields, e-mails."""
    world = await new_world(Fleet(3, 30, bulk_syncs=20, model_syncs=20, models=20))
    acme = world.fleet["acme-01"]
    acme.users += [{"email": "no-id@acme.example"}, {"id": "", "email": ["x@acme.example"]}]
    acme.users[0]["nickname"] = "nick@acme.example"
    acme.users[1]["email"] = {"address": "odd@acme.example"}
    for name in ("bulk_syncs", "model_syncs", "models", "policies", "roles"):
        getattr(acme, name)[0]["brand_new"] = {"inner": f"{CANARY}-new"}
        getattr(acme, name).append({"name": "without an id", "password": f"{CANARY}-rejected"})
    settings = {"RESOURCES": EVERYTHING, "LOG_LEVEL": "debug"}

    results = [
        await world.run("sync", "--json", **settings),
        await world.run("sync", **settings),
        await world.run("sync", "--json", "--plan", **settings),
        await world.run("status", "--json", **settings),
    ]

    emails = [str(user["email"]) for user in world.fleet["acme-02"].users]
    secrets = [CANARY, *emails, *map(str.lower, emails), "@acme.example", "of a real customer"]
    for result in results:
        assert result.exit_code in {0, 3}
        output = result.stdout + result.stderr
        assert [secret for secret in secrets if secret in output] == []
        assert "Traceback" not in result.stderr
    dump = await world.dump()
    assert len(dump["inventory.models"].splitlines()) >= 60
    assert [name for name, text in dump.items() if CANARY in text.lower()] == []
    assert [name for name, text in dump.items() if "select * from" in text.lower()] == []
    addresses = {
        name
        for name, text in dump.items()
        if any(email in text or email.lower() in text for email in emails)
    }
    assert {name for name in addresses if not name.startswith(PEOPLE)} == set()
    assert "people.users" in addresses, "there is nothing to be found"
    odd = {name for name, text in dump.items() if "@acme.example" in text}
    assert {name for name in odd if not name.startswith(PEOPLE)} == set()
    rejected = "select from reporting.rejected_records where resource = 'users'"
    assert len(await world.query(rejected)) == 4, "two in each of two runs"


async def test_addresses_of_people_who_left_are_history_of_people_only(world: World) -> None:
    await world.sync(RESOURCES="users")
    gone = world.fleet["acme-01"].users.pop()
    assert (await world.sync(RESOURCES="users")).document["resources"]["users"]["removed"] == 1

    dump = await world.dump()

    holders = {name for name, text in dump.items() if gone["email"].lower() in text}
    assert "people.user_history" in holders
    assert {name for name in holders if not name.startswith(PEOPLE)} == set()
