"""Any list may come in pages: all of them are read, or nothing that is missing is believed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from aggregator import client
from aggregator.resources import RESOURCES
from tests.simulator import Fault, Fleet
from tests.simulator.generate import Record, shared_copy
from tests.syncing import Row, Syncing, syncing

PAGED = {
    "connections": "/api/connections",
    "bulk_syncs": "/api/bulk/syncs",
    "model_syncs": "/api/syncs",
    "models": "/api/models",
    "users": "/api/organization/users",
    "policies": "/api/permissions/policies",
    "roles": "/api/permissions/roles",
}
"""Lists of an organization by resource, with the route that serves them."""


def grown(world: Syncing, resource: str, rows: int) -> list[Record]:
    """acme-01 with so many records of a resource: the list that is served from now on."""
    acme = world.fleet["acme-01"]
    template = getattr(acme, resource)[-1]
    records = [template | {"id": f"r-{n:03}", "name": f"number {n}"} for n in range(rows)]
    setattr(acme, resource, records)
    return records


def asked(world: Syncing, path: str) -> int:
    return world.simulator.observed.calls("acme-01").count(("GET", path))


async def end_of(world: Syncing, account: Row, resource: str) -> Row:
    return (await world.ends(account))["acme-01", resource]


@pytest.fixture
async def one(database_url: str) -> AsyncIterator[Syncing]:
    """One organization; each test says which of its resources is read."""
    async with syncing(database_url, Fleet(1, 6)) as world:
        yield world


def read_only(world: Syncing, resource: str) -> str:
    """Nothing but this resource is read from now on; gives the route of its list."""
    world.resources = [RESOURCES[resource]]
    return PAGED[resource]


async def test_every_list_is_followed_to_its_last_page(everything: Syncing) -> None:
    """Also where the vendor's documentation knows of no pages."""
    everything.fleet.page_sizes = dict.fromkeys([*PAGED.values(), "/api/connection_types"], 2)

    account = await everything.sync()

    assert account["exit_code"] == 0
    for resource in PAGED:
        there = sum(len(getattr(each, resource)) for each in everything.fleet)
        assert await everything.stored(resource) == there, resource
    assert await everything.stored("connection_types") == len(everything.fleet.connection_types)


async def test_lists_in_pages_that_did_not_change_write_nothing(everything: Syncing) -> None:
    everything.fleet.page_sizes = dict.fromkeys([*PAGED.values(), "/api/connection_types"], 2)
    await everything.sync()
    before = await everything.inventory_writes()

    account = await everything.sync()

    assert account["exit_code"] == 0
    after = await everything.inventory_writes()
    assert {name: after[name] for name in after if after[name] != before[name]} == {}


@pytest.mark.parametrize(("rows", "pages"), [(50, 1), (51, 2), (100, 2), (101, 3)])
@pytest.mark.parametrize("resource", ["bulk_syncs", "model_syncs", "users"])
async def test_fifty_a_page_lose_no_row(one: Syncing, resource: str, rows: int, pages: int) -> None:
    route = read_only(one, resource)
    one.fleet.page_sizes = {route: 50}
    grown(one, resource, rows)

    account = await one.sync()

    assert asked(one, route) == pages
    assert account["resources"][resource]["created"] == rows == await one.stored(resource)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(next_page="repeated"), "a page token came twice"),
        (Fault(body={"data": []}, next_page="endless"), "empty pages without end"),
        (Fault(next_page="endless"), "more than 3 pages"),
        (Fault(skip=1, body={"data": [], "pagination": "2"}), "a pagination of unknown form"),
        (Fault(skip=1, status=500), "HTTP 500"),
        (Fault(skip=1, status=404), "HTTP 404"),
        (Fault(skip=1, body={"data": "more"}), "the data is no list"),
    ],
)
@pytest.mark.parametrize("resource", ["model_syncs", "models", "roles"])
async def test_a_list_that_was_not_read_to_its_end_changes_nothing(
    one: Syncing, resource: str, fault: Fault, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "MOST_PAGES", 3 if "more than" in error else 10_000)
    route = read_only(one, resource)
    one.fleet.page_sizes = {route: 2}
    records = grown(one, resource, 4)
    await one.sync()
    before = await one.inventory_writes()
    records[0]["name"] = "edited"
    del records[3]
    fault.path, fault.applied = route, 0
    one.fleet["acme-01"].faults = [_again(fault)]

    account = await one.sync()

    end = await end_of(one, account, resource)
    assert error in end["error"]
    assert end["outcome"] not in {"complete", "partial"}
    assert account["exit_code"] == 4
    assert await one.inventory_writes() == before


def _again(fault: Fault) -> Fault:
    """The same fault, not yet met: parameters are shared between tests."""
    return Fault(
        path=fault.path,
        skip=fault.skip,
        status=fault.status,
        body=fault.body,
        next_page=fault.next_page,
    )


async def test_pages_of_connection_types_that_do_not_end_change_none(one: Syncing) -> None:
    one.resources = [RESOURCES["connections"], RESOURCES["connection_types"]]
    await one.sync()
    before = await one.stored("connection_types")
    one.fleet.page_sizes = {"/api/connection_types": 2}
    one.fleet.faults = [Fault(path="/api/connection_types", skip=1, status=500)]

    account = await one.sync()

    assert (await end_of(one, account, "connections"))["outcome"] == "complete"
    assert (await end_of(one, account, "connection_types"))["outcome"] == "upstream_error"
    assert await one.stored("connection_types") == before


@pytest.fixture
async def family(database_url: str) -> AsyncIterator[Syncing]:
    """Five copies of the first connection of ``acme-01``, all in ``acme-02``."""
    async with syncing(database_url, Fleet(2, 3)) as world:
        world.resources = [RESOURCES["connections"], RESOURCES["shared_connections"]]
        parent = world.fleet["acme-01"].connections[0]
        child = world.fleet["acme-02"]
        child.connections = [shared_copy(parent, child.id) | {"id": f"copy-{n}"} for n in range(5)]
        yield world


async def test_copies_in_pages_are_all_seen(family: Syncing) -> None:
    family.fleet.page_sizes = {"/api/connections/{id}/shared": 2}
    assert (await family.sync())["resources"]["shared_connections"]["created"] == 5
    before = await family.inventory_writes()
    await family.sync()
    assert await family.inventory_writes() == before


async def test_copies_whose_pages_do_not_end_stay_as_they_are(family: Syncing) -> None:
    await family.sync()
    parent = family.fleet["acme-01"].connections[0]["id"]
    path = f"/api/connections/{parent}/shared"
    family.fleet.faults = [Fault(path=path, next_page="repeated")]
    del family.fleet["acme-02"].connections[0]

    account = await family.sync()

    end = await end_of(family, account, "shared_connections")
    assert (end["outcome"], end["rejected"], end["removed"]) == ("partial", 1, 0)
    assert await family.stored("shared_connections") == 5


async def test_one_answer_of_a_connection_that_has_more_pages_is_not_believed(
    one: Syncing,
) -> None:
    """What is no list has no second page that anybody could read."""
    one.resources = [RESOURCES["connections"], RESOURCES["connection_sources"]]
    await one.sync()
    before = await one.stored("connection_sources")
    one.fleet.faults = [
        Fault(path="*/bulksync/source", envelope={"pagination": {"next_page_token": "x"}}, times=1)
    ]

    account = await one.sync()

    end = await end_of(one, account, "connection_sources")
    assert (end["outcome"], end["rejected"]) == ("partial", 1)
    assert await one.stored("connection_sources") == before


async def test_states_of_bulk_syncs_are_read_to_their_last_page(one: Syncing) -> None:
    one.resources = [RESOURCES["bulk_syncs"]]
    await one.sync()
    shown = "select count(*) from inventory.bulk_syncs_readings"
    before = await one.value(shown)
    one.fleet.page_sizes = {"/api/bulk/syncs/status": 1}

    account = await one.sync()

    assert account["exit_code"] == 0
    assert await one.value(shown) == before > 1


@pytest.mark.parametrize("data", [[{"sync_id": ["x"]}, {"sync_id": 5}, {}, "x"], {"x": 1}, 7])
async def test_states_of_unknown_form_cost_nothing_but_the_states(
    one: Syncing, data: object
) -> None:
    one.resources = [RESOURCES["bulk_syncs"]]
    one.fleet.faults = [Fault(path="/api/bulk/syncs/status", body={"data": data})]

    account = await one.sync()

    assert account["exit_code"] == 0
    assert account["resources"]["bulk_syncs"]["created"] == await one.stored("bulk_syncs") == 4
