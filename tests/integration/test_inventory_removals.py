"""What is gone goes, of every resource by its own proof, and nothing else does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import orjson
import pytest

from aggregator.diff import UNVOUCHED
from aggregator.resources import RESOURCES
from tests.simulator import Fault, Fleet
from tests.syncing import Row, Syncing, syncing

ROUTES = {
    "bulk_syncs": "/api/bulk/syncs",
    "model_syncs": "/api/syncs",
    "models": "/api/models",
    "users": "/api/organization/users",
    "policies": "/api/permissions/policies",
    "roles": "/api/permissions/roles",
}
"""Resources whose rows can be read one by one, with the routes of their lists."""
NEWEST_FIRST = ["bulk_syncs", "model_syncs", "models"]
"""Those whose lists are in order of ``updated_at``, so that edits reorder them."""


def counts(account: Row, resource: str) -> tuple[int, int]:
    """How many rows were removed and withheld."""
    found = account["resources"][resource]
    return found["removed"], found["withheld"]


def read_only(world: Syncing, *resources: str) -> None:
    world.resources = [RESOURCES[name] for name in resources]


async def versions(world: Syncing, resource: str) -> int:
    """How many closed versions of rows there are."""
    count: int = await world.value(
        "select count(*) from inventory.history where resource = $1", resource
    )
    return count


@pytest.fixture
async def one(database_url: str) -> AsyncIterator[Syncing]:
    """One organization; each test says which of its resources are read."""
    async with syncing(database_url, Fleet(1, 6)) as world:
        yield world


@pytest.mark.parametrize("resource", ROUTES)
async def test_a_row_goes_when_its_address_says_404_beside_one_that_reads(
    one: Syncing, resource: str
) -> None:
    read_only(one, resource)
    await one.sync()
    acme = one.fleet["acme-01"]
    gone = getattr(acme, resource).pop()
    one.simulator.observed.reset()

    account = await one.sync()

    assert (counts(account, resource), account["exit_code"]) == ((1, 0), 0)
    route = ROUTES[resource]
    kept = min(each["id"] for each in getattr(acme, resource))
    asked = [path for _, path in one.simulator.observed.calls()]
    assert asked.index(f"{route}/{gone['id']}") < asked.index(f"{route}/{kept}")
    assert await one.stored(resource) == len(getattr(acme, resource))


@pytest.mark.parametrize("resource", ROUTES)
@pytest.mark.parametrize("status", [403, 500])
async def test_a_row_that_nobody_can_read_by_id_stays(
    one: Syncing, resource: str, status: int
) -> None:
    read_only(one, resource)
    await one.sync()
    acme = one.fleet["acme-01"]
    gone = getattr(acme, resource).pop()
    acme.faults = [Fault(path=f"{ROUTES[resource]}/{gone['id']}", status=status)]

    for _ in range(3):
        assert counts(await one.sync(), resource) == (0, 1), "time proves nothing"

    acme.faults = []
    assert counts(await one.sync(), resource) == (1, 0)


@pytest.mark.parametrize("resource", ROUTES)
async def test_a_row_that_comes_back_is_restored(one: Syncing, resource: str) -> None:
    read_only(one, resource)
    await one.sync()
    records = getattr(one.fleet["acme-01"], resource)
    gone = records.pop()
    await one.sync()
    records.append(gone)

    account = await one.sync()

    assert account["resources"][resource]["restored"] == 1
    assert await one.stored(resource) == len(records)


def edit_while_reading(world: Syncing, resource: str) -> str:
    """The last row of a list in pages is edited after the first page was read.

    It moves to the front, so that no page has it; gives its id.
    """
    acme = world.fleet["acme-01"]
    raced = min(getattr(acme, resource), key=lambda each: str(each["updated_at"]))
    world.fleet.page_sizes = {ROUTES[resource]: 2}

    def edit(body: bytes) -> bytes:
        raced["updated_at"], raced["name"] = "2026-11-23T10:00:00Z", "edited meanwhile"
        return body

    acme.faults = [Fault(path=ROUTES[resource], times=1, edit=edit)]
    identifier: str = raced["id"]
    return identifier


@pytest.mark.parametrize("resource", NEWEST_FIRST)
async def test_a_row_that_an_edit_moved_between_pages_is_kept(one: Syncing, resource: str) -> None:
    """Fault D4: absence in one walk is never proof."""
    read_only(one, resource)
    await one.sync()
    before = await one.stored(resource)
    raced = edit_while_reading(one, resource)

    account = await one.sync()

    asked = [path for _, path in one.simulator.observed.calls()]
    assert f"{ROUTES[resource]}/{raced}" in asked, "the walk did not miss it"
    assert (counts(account, resource), account["exit_code"]) == ((0, 0), 0)
    assert (account["walk_races"], await one.stored(resource)) == (1, before)
    name = f"select name from inventory.{resource} where id = $1"  # noqa: S608
    account = await one.sync()
    assert await one.value(name, raced) == "edited meanwhile"
    assert account["outcomes"] == {"complete": 1}


async def test_a_moved_row_whose_address_tells_less_stays_as_it_was(one: Syncing) -> None:
    """``/api/syncs/{id}`` has other fields than the list: it proves that the sync exists."""
    read_only(one, "model_syncs")
    await one.sync()
    raced = edit_while_reading(one, "model_syncs")
    row = "select to_jsonb(s)::text from inventory.model_syncs s where id = $1"
    before = await one.value(row, raced)

    await one.sync()

    assert await one.value(row, raced) == before
    assert await versions(one, "model_syncs") == 0


async def test_a_moved_row_whose_address_tells_all_is_taken_from_there(one: Syncing) -> None:
    read_only(one, "models")
    await one.sync()
    raced = edit_while_reading(one, "models")

    account = await one.sync()

    assert account["resources"]["models"]["updated"] == 1
    name = "select name from inventory.models where id = $1"
    assert await one.value(name, raced) == "edited meanwhile"


async def test_a_connection_that_an_edit_moved_is_masked_as_in_the_list(one: Syncing) -> None:
    """What its type's schema says counts whichever way it is read."""
    read_only(one, "connections", "connection_types")
    await one.sync()
    acme = one.fleet["acme-01"]
    kept, *_ = acme.connections
    for hidden in acme.connections[1:]:
        shown = [each for each in acme.connections if each is not hidden]
        acme.faults = [Fault(path="/api/connections", body={"data": shown})]
        assert (await one.sync())["walk_races"] == 1, kept
    assert await versions(one, "connections") == 0


async def test_bounds_and_doubts_are_those_of_each_resource(one: Syncing) -> None:
    read_only(one, "models", "bulk_syncs", "roles")
    acme = one.fleet["acme-01"]
    template = acme.models[0]
    acme.models = [template | {"id": f"m-{n:03}", "name": str(n)} for n in range(40)]
    await one.sync()
    del acme.models[:11]
    acme.bulk_syncs.pop()
    acme.roles.pop()
    acme.faults = [Fault(path="/api/permissions/roles/*", status=403)]

    account = await one.sync()

    assert counts(account, "models") == (0, 11)
    assert counts(account, "roles") == (0, 1)
    assert counts(account, "bulk_syncs") == (1, 0)
    assert account["exit_code"] == 5
    acme.faults = []
    account = await one.sync(accept_removals=True)
    assert (counts(account, "models"), counts(account, "roles")) == ((11, 0), (1, 0))


async def test_a_type_that_is_not_listed_any_more_goes_when_the_next_run_agrees(
    one: Syncing,
) -> None:
    """Its address answers also for types that are hidden: it proves nothing."""
    read_only(one, "connections", "connection_types")
    await one.sync()
    used = {each["type"]["id"] for each in one.fleet["acme-01"].connections}
    types = one.fleet.connection_types
    gone = next(each for each in types if each["id"] not in used)
    types.remove(gone)

    accounts = [await one.sync(), await one.sync()]

    assert [counts(account, "connection_types") for account in accounts] == [(0, 1), (1, 0)]
    assert [account["exit_code"] for account in accounts] == [0, 0], "nothing for a person"
    assert await one.stored("connection_types") == len(types)


async def test_a_type_that_comes_back_in_between_is_not_removed(one: Syncing) -> None:
    read_only(one, "connections", "connection_types")
    await one.sync()
    used = {each["type"]["id"] for each in one.fleet["acme-01"].connections}
    types = one.fleet.connection_types
    gone = next(each for each in types if each["id"] not in used)
    for _ in range(2):
        types.remove(gone)
        assert counts(await one.sync(), "connection_types") == (0, 1)
        types.append(gone)
        assert counts(await one.sync(), "connection_types") == (0, 0)


async def test_a_type_in_use_that_is_not_listed_any_more_stays_as_it_was(one: Syncing) -> None:
    read_only(one, "connections", "connection_types")
    await one.sync()
    used = one.fleet["acme-01"].connections[0]["type"]["id"]
    row = "select name, logo_url from inventory.connection_types where id = $1"
    before = await one.query(row, used)
    types = one.fleet.connection_types
    types.remove(next(each for each in types if each["id"] == used))

    for _ in range(3):
        assert (await one.sync())["exit_code"] == 0

    assert await one.query(row, used) == before
    assert await versions(one, "connection_types") == 0


PER_CONNECTION = [name for name, each in RESOURCES.items() if each.per == "connection"]


async def test_what_belongs_to_a_connection_goes_after_it(everything: Syncing) -> None:
    acme = everything.fleet["acme-01"]
    gone = next(each for each in acme.connections if acme.proxies.get(each["id"]))
    await everything.sync()
    acme.connections.remove(gone)

    accounts = [await everything.sync() for _ in range(3)]

    assert counts(accounts[0], "connections") == (1, 0)
    for name in ("connection_proxy", "connection_usage", "connection_schemas"):
        left = await everything.column(
            f"select id from inventory.{name} where id like $1",  # noqa: S608 - a name of ours
            f"{gone['id']}%",
        )
        assert left == [], name
        assert (
            await everything.value(
                "select count(*) from inventory.history where resource = $1 and change = 'updated'"
                " and id like $2",
                name,
                f"{gone['id']}%",
            )
            == 0
        ), "it went, and did not lose anything first"
    assert [account["exit_code"] for account in accounts] == [0, 0, 0]


async def test_a_sync_that_makes_no_calls_any_more_leaves_the_usage_when_the_next_run_agrees(
    one: Syncing,
) -> None:
    read_only(one, "connections", "connection_usage")
    acme = one.fleet["acme-01"]
    used = next(each for each in acme.usage.values() if each and each["bySync"])
    await one.sync()
    used["bySync"].pop()

    accounts = [await one.sync(), await one.sync()]

    assert [counts(account, "connection_usage") for account in accounts] == [(0, 1), (1, 0)]
    assert [account["exit_code"] for account in accounts] == [0, 0], "nothing for a person"


def shrink_everything(world: Syncing) -> None:
    """acme-01 shows one row less of each resource."""
    acme = world.fleet["acme-01"]
    for name in ("connections", *ROUTES):
        getattr(acme, name).pop()
    for usage in acme.usage.values():
        if usage:
            usage["bySync"] = []
    del world.fleet.connection_types[-1]


@pytest.mark.parametrize(
    "change", [{"role": "viewer"}, {"credential": {"mode": "restricted"}}], ids=["role", "mode"]
)
async def test_a_key_with_fewer_rights_removes_nothing_of_any_resource(
    everything: Syncing, change: dict[str, Any]
) -> None:
    """Fault D3: what it does not see still exists."""
    await everything.sync()
    rows = {name: await everything.stored(name) for name in RESOURCES}
    shrink_everything(everything)
    everything.fleet["acme-01"].identity = change

    for _ in range(3):
        account = await everything.sync()
        assert all(counts["removed"] == 0 for counts in account["resources"].values())

    assert {name: await everything.stored(name) for name in RESOURCES} == rows
    reasons = await everything.column("select distinct reason from ledger.withheld")
    assert reasons == [UNVOUCHED]


@pytest.mark.parametrize("resource", [*ROUTES, *PER_CONNECTION, "connection_types"])
async def test_a_resource_that_is_forbidden_keeps_its_rows(
    everything: Syncing, resource: str
) -> None:
    await everything.sync()
    rows = {name: await everything.stored(name) for name in RESOURCES}
    path = RESOURCES[resource].path.replace("{id}", "*")
    everything.fleet["acme-01"].faults = [Fault(path=path, status=403)]
    everything.fleet["acme-01"].identity = {"role": "viewer"}

    for _ in range(2):  # and where runs agree
        account = await everything.sync()
        assert all(counts["removed"] == 0 for counts in account["resources"].values())

    assert {name: await everything.stored(name) for name in RESOURCES} == rows
    others = {name: end for name, end in account["outcomes"].items() if name != "complete"}
    assert sum(others.values()) == (resource != "connection_types"), "another key reads types"


async def test_suspects_of_different_resources_are_no_incident(database_url: str) -> None:
    """Fault D1: ten organizations that lose different things have nothing in common."""
    async with syncing(database_url, Fleet(12, 2)) as world:
        read_only(world, "models", "bulk_syncs")
        await world.sync()
        for number in range(1, 11):
            acme = world.fleet[f"acme-{number:02}"]
            (acme.models if number % 2 else acme.bulk_syncs).clear()
        world.fleet["acme-11"].models.pop()

        account = await world.sync()

        assert "headline" not in account
        assert counts(account, "models") == (1, 20)


async def test_a_fleet_that_loses_one_resource_stops_every_removal(database_url: str) -> None:
    """Fault D1."""
    async with syncing(database_url, Fleet(12, 2)) as world:
        read_only(world, "models", "bulk_syncs")
        await world.sync()
        for number in range(1, 11):
            world.fleet[f"acme-{number:02}"].models.clear()
        world.fleet["acme-11"].bulk_syncs.pop()

        account = await world.sync()

        assert "(models)" in account["headline"]
        assert counts(account, "bulk_syncs") == (0, 1)


async def test_absences_are_judged_a_day_later_as_well(one: Syncing) -> None:
    """What was withheld of one resource is not forgotten while another one is read."""
    read_only(one, "models", "roles")
    await one.sync()
    one.fleet["acme-01"].models.clear()
    assert counts(await one.sync(), "models") == (0, 4)
    read_only(one, "roles")
    await one.sync()
    await one.pass_time(timedelta(days=1))
    read_only(one, "models", "roles")
    assert counts(await one.sync(), "models") == (4, 0)


async def test_an_organization_that_says_nothing_of_itself_keeps_its_row(one: Syncing) -> None:
    read_only(one, "organizations")
    await one.sync()
    one.fleet["acme-01"].faults = [Fault(path="/api/organization", body={"data": None})]

    account = await one.sync()

    assert account["outcomes"] == {"bad_payload": 1}
    assert await one.stored("organizations") == 1
    assert orjson.dumps(account)
