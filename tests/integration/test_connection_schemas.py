"""What a type's schema says of configurations: read once for a deployment, and believed at once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from aggregator.resources import RESOURCES
from tests.simulator import Fault, Fleet, Simulator, html_page
from tests.syncing import Syncing, syncing

SCHEMAS = "/api/connection_types/*"
MARKED = "(set)"


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[Syncing]:
    """Three organizations; ``acme-01`` has one connection of a type with a made-up property."""
    async with syncing(database_url, Fleet(3, 6)) as ready:
        ready.resources = [RESOURCES["connections"], RESOURCES["connection_types"]]
        connection = ready.fleet["acme-01"].connections[0]
        connection["id"] = "special"
        connection["type"] = {"id": "special", "name": "Special", "logo_url": "https://x.example"}
        connection["configuration"] = {"hostname": "db.special.example", "flavor": "vanilla"}
        ready.fleet.connection_types.append(
            {**ready.fleet.connection_types[0], "id": "special", "name": "Special"}
        )
        say(ready, flavor={})
        yield ready


def say(world: Syncing, **properties: dict[str, Any]) -> None:
    """From now on the schema of the type ``special`` lists these, and a host name."""
    listed = {"hostname": {}, **properties}
    schema = {"properties": {name: {"type": "string", **each} for name, each in listed.items()}}
    world.fleet.type_schemas["special"] = json.dumps(schema).encode()


def schema_reads(world: Syncing, kind: str = "special") -> int:
    return world.simulator.observed.calls().count(("GET", f"/api/connection_types/{kind}"))


async def shown(world: Syncing, field: str = "flavor") -> Any:  # noqa: ANN401 - any JSON value
    connections = await world.connections("acme-01")
    return connections["special"]["configuration"][field]


async def test_a_schema_is_read_once_however_many_organizations_need_it(world: Syncing) -> None:
    for acme in world.fleet:
        acme.connections = [*acme.connections, {**special(world), "id": f"of {acme.name}"}]
        acme.connections[-1]["organization_id"] = acme.id

    await world.sync()

    assert schema_reads(world) == 1
    assert await world.stored("connections") == sum(len(each.connections) for each in world.fleet)
    assert await shown(world) == "vanilla"


def special(world: Syncing) -> dict[str, Any]:
    return world.fleet["acme-01"].connection("special")


async def test_a_schema_is_read_again_after_a_day_and_not_before(world: Syncing) -> None:
    await world.sync()
    await world.pass_time(timedelta(hours=23))
    await world.sync()
    assert schema_reads(world) == 1

    await world.pass_time(timedelta(hours=2))
    await world.sync()
    assert schema_reads(world) == 2
    await world.sync()
    assert schema_reads(world) == 2


@pytest.mark.parametrize("becomes_sensitive", [True, False])
async def test_a_schema_that_changes_masks_unchanged_connections_anew(
    world: Syncing, *, becomes_sensitive: bool
) -> None:
    say(world, flavor={"sensitive": not becomes_sensitive})
    await world.sync()
    before = await shown(world)
    say(world, flavor={"sensitive": becomes_sensitive})
    await world.pass_time(timedelta(days=2))
    await world.sync()

    account = await world.sync()

    assert {before, await shown(world)} == {"vanilla", MARKED}
    assert (await shown(world) == MARKED) is becomes_sensitive
    assert account["resources"]["connections"]["updated"] == 1, "and nobody else's"
    versions = await world.history("special")
    assert [each["configuration"]["flavor"] for each in versions][:1] == [before], "as it was known"
    account = await world.sync()
    assert account["resources"]["connections"]["updated"] == 0


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=404),
        Fault(status=403),
        Fault(status=500),
        Fault(cut_after=3),
        html_page(),
        Fault(body="[]"),
        Fault(body="{}"),
        Fault(body={"message": "not today"}),
        Fault(latency=1.5),
    ],
    ids=["404", "403", "500", "cut", "page", "list", "empty", "message", "timeout"],
)
async def test_a_schema_that_cannot_be_read_masks_by_names_and_fails_nothing(
    world: Syncing, fault: Fault
) -> None:
    fault.path, fault.applied = "/api/connection_types/special", 0
    world.fleet.faults = [fault]
    world.settings["request_timeout_seconds"] = 0.5 if fault.latency else 30.0

    account = await world.sync()

    assert account["exit_code"] == 0
    assert await shown(world) == MARKED, "nobody vouches for it"
    assert await shown(world, "hostname") == "db.special.example"
    world.fleet.faults = []
    await world.pass_time(timedelta(days=2))
    await world.sync()
    await world.sync()
    assert await shown(world) == "vanilla", "it is asked for again"


@pytest.mark.parametrize(
    "fault",
    [Fault(status=404), Fault(status=500), html_page(), Fault(body="{}"), Fault(body='{"a": 1}')],
    ids=["404", "500", "page", "empty", "other"],
)
async def test_a_schema_that_cannot_be_read_again_keeps_saying_what_it_said(
    world: Syncing, fault: Fault
) -> None:
    """``hostname`` is harmless by its name: only the schema knows that it is not here."""
    say(world, hostname={"sensitive": True}, flavor={})
    await world.sync()
    assert await shown(world, "hostname") == MARKED
    fault.path = "/api/connection_types/special"
    world.fleet.faults = [fault]
    await world.pass_time(timedelta(days=2))
    special(world)["name"] = "renamed"

    for _ in range(2):
        assert (await world.sync())["exit_code"] == 0

    assert (await world.connections("acme-01"))["special"]["name"] == "renamed"
    assert await shown(world, "hostname") == MARKED
    assert await shown(world) == "vanilla"


async def test_a_type_without_a_schema_is_not_asked_for_it_in_every_run(world: Syncing) -> None:
    world.fleet.faults = [Fault(path="/api/connection_types/special", status=404)]
    await world.sync()
    world.simulator.observed.reset()
    await world.sync()
    assert schema_reads(world) == 0


async def test_a_type_that_no_list_shows_is_masked_by_its_schema_as_well(world: Syncing) -> None:
    """Some types are hidden, and connections use them all the same."""
    del world.fleet.connection_types[-1]

    accounts = [await world.sync() for _ in range(2)]

    assert [account["exit_code"] for account in accounts] == [0, 0]
    assert await shown(world) == "vanilla"
    row = "select name from inventory.connection_types where id = 'special'"
    assert await world.value(row) is None
    assert await world.query("select * from reporting.api_drift where resource like '%types'") == []


async def test_a_hidden_type_that_nobody_uses_any_more_goes_with_its_last_connection(
    world: Syncing,
) -> None:
    del world.fleet.connection_types[-1]
    await world.sync()
    world.fleet["acme-01"].connections.remove(special(world))
    await world.sync()
    del world.fleet.connection_types[-1]  # so that the list is looked at closely

    for _ in range(2):
        await world.sync()

    assert await world.query("select 1 from inventory.connection_types where id = 'special'") == []


async def test_one_who_reads_only_connections_reads_no_schema_and_uses_those_that_are_known(
    world: Syncing,
) -> None:
    world.resources = [RESOURCES["connections"]]
    await world.sync()
    assert await shown(world) == MARKED
    assert not [path for _, path in world.simulator.observed.calls() if "types" in path]
    world.resources = [RESOURCES["connections"], RESOURCES["connection_types"]]
    await world.sync()
    await world.sync()
    world.resources = [RESOURCES["connections"]]
    world.simulator.observed.reset()
    special(world)["configuration"]["flavor"] = "lemon"

    await world.sync()

    assert await shown(world) == "lemon"
    assert not [path for _, path in world.simulator.observed.calls() if "types" in path]


async def readers(world: Syncing) -> list[str]:
    """Whose keys asked for the list of types."""
    seen = world.simulator.observed.requests()
    return [each.organization for each in seen if each.path == "/api/connection_types"]


async def test_types_are_read_by_the_first_key_that_may_and_then_by_the_same_one(
    world: Syncing,
) -> None:
    world.fleet["acme-01"].faults = [Fault(status=401)]
    world.fleet["acme-02"].faults = [Fault(path="/api/connection_types", status=403)]

    account = await world.sync()

    assert await readers(world) == ["acme-02", "acme-03"], "nobody asks with a dead key"
    assert account["resources"]["connection_types"]["created"] > 10
    world.fleet["acme-01"].faults = world.fleet["acme-02"].faults = []
    world.simulator.observed.reset()
    account = await world.sync()
    assert await readers(world) == ["acme-03"]
    assert account["exit_code"] == 0
    statuses = await world.query("select organization, status from reporting.organizations")
    assert {each["status"] for each in statuses} == {"complete"}


async def test_a_key_that_may_not_read_types_is_no_failure_where_another_one_may(
    world: Syncing,
) -> None:
    world.fleet["acme-01"].faults = [Fault(path="/api/connection_types", status=403)]

    account = await world.sync()

    assert account["exit_code"] == 0
    assert account["organizations"]["complete"] == 3
    assert account["outcomes"] == {"complete": 4, "forbidden": 1}


async def test_types_alone_that_nobody_can_read_are_nothing_complete(world: Syncing) -> None:
    world.resources = [RESOURCES["connection_types"]]
    world.fleet.faults = [Fault(path="/api/connection_types", status=500)]
    assert (await world.sync())["exit_code"] == 4


async def test_another_key_goes_on_reading_types_where_the_usual_one_dies(world: Syncing) -> None:
    await world.sync()
    before = await world.inventory_writes()
    world.fleet["acme-01"].faults = [Fault(status=401)]
    world.simulator.observed.reset()

    account = await world.sync()

    [reader] = await readers(world)
    assert reader != "acme-01"
    assert account["resources"]["connection_types"]["withheld"] == 0
    assert await world.inventory_writes() == before


async def test_each_deployment_has_types_of_its_own(world: Syncing) -> None:
    other = Fleet(2, 2, names=["other-01", "other-02"], seed=2)
    async with Simulator(other) as elsewhere:
        other.connection_types = other.connection_types[:5]
        for name, key in other.api_keys.items():
            world.add(name, key)
            world.configure(name, base_url=elsewhere.base_url, deployment="elsewhere.example")

        account = await world.sync()

        assert account["exit_code"] == 0
        for host in (world.simulator, elsewhere):
            assert host.observed.calls().count(("GET", "/api/connection_types")) == 1
        listed = dict.fromkeys(["simulated.example", "elsewhere.example"], 0)
        for row in await world.query("select deployment, name from inventory.connection_types"):
            listed[row["deployment"]] += row["name"] is not None
        assert listed["simulated.example"] == len(world.fleet.connection_types)
        assert listed["elsewhere.example"] == 5


async def test_types_that_nobody_can_read_leave_everything_else_complete(world: Syncing) -> None:
    world.fleet.faults = [Fault(path="/api/connection_types", status=500)]

    account = await world.sync()

    assert account["exit_code"] == 3
    assert account["organizations"]["complete"] == 3
    assert account["outcomes"] == {"complete": 3, "upstream_error": 3}, "three keys were tried"
    statuses = await world.column("select distinct status from reporting.organizations")
    assert statuses == ["complete"]
