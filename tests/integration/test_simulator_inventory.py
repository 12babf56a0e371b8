"""What the simulator lists beside connections: references, oddities, changes, pages, refusals."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.simulator import CANARY, Fault, Fleet, Simulator
from tests.simulator.inventory.people import SYSTEM_ORGANIZATION
from tests.simulator.visitor import Visitor

LISTS = {
    "/api/bulk/syncs": "bulk_syncs",
    "/api/syncs": "model_syncs",
    "/api/models": "models",
    "/api/organization/users": "users",
    "/api/permissions/policies": "policies",
    "/api/permissions/roles": "roles",
}
STATES = {
    "usage": "usage",
    "schemas/status": "schemas",
    "bulksync/source": "sources",
    "proxy/info": "proxies",
}


NEVER_SERVED = (
    "/api/connections/test",
    "/api/connections/{id}/parameter_values",
    "/api/connections/{id}/proxy",
    "/api/connections/{id}/schemas/public.users/records",
    "/api/connection_types/postgresql/parameter_values",
)


@pytest.fixture
async def visitor() -> AsyncIterator[Visitor]:
    async with Simulator(Fleet(3, 12)) as simulator, aiohttp.ClientSession() as own:
        yield Visitor(simulator, own)


# What there is


def test_syncs_and_models_refer_to_what_their_organization_has() -> None:
    for organization in Fleet(10, 30, bulk_syncs=20, model_syncs=20, models=20):
        connections = {each["id"]: each for each in organization.connections}
        models = {each["id"] for each in organization.models}
        bulk = {each["id"] for each in organization.bulk_syncs}
        for sync in organization.bulk_syncs:
            source = connections[sync["source_connection_id"]]
            target = connections[sync["destination_connection_id"]]
            assert source is not target
            assert "bulksyncsource" in map(str.lower, source["type"]["operations"])
            assert "target" in target["type"]["operations"]
        for sync in organization.model_syncs:
            assert "target" in connections[sync["target_connection_id"]]["type"]["operations"]
            assert set(sync["model_ids"]) <= models
            after = sync["schedule"].get("run_after", {"bulk_sync_ids": []})
            assert set(after["bulk_sync_ids"]) <= bulk
        assert {each["connection_id"] for each in organization.models} <= connections.keys()
        enrichers = [each["enricher"] for each in organization.models if each["enricher"]]
        assert {each["connection_id"] for each in enrichers} <= connections.keys()
        assert enrichers


def test_some_connections_are_used_by_nothing_and_copies_of_shared_ones_are_used() -> None:
    fleet = Fleet(10, 30, bulk_syncs=40, model_syncs=40, models=40)
    used_copies = 0
    for organization in fleet:
        text = json.dumps([organization.bulk_syncs, organization.model_syncs, organization.models])
        assert any(each["id"] not in text for each in organization.connections)
        copies = [each for each in organization.connections if "parent_connection_id" in each]
        used_copies += any(each["id"] in text for each in copies)
    assert used_copies >= 5


def test_there_are_as_many_as_the_fleet_says_and_none_without_connections() -> None:
    def counts(fleet: Fleet) -> list[int]:
        owner = fleet.owner
        return [len(owner.bulk_syncs), len(owner.model_syncs), len(owner.models)]

    assert counts(Fleet(1, 5)) == [4, 4, 4]
    assert counts(Fleet(1, 1, bulk_syncs=3, model_syncs=101, models=0)) == [3, 101, 0]
    assert counts(Fleet(1, 0)) == [0, 0, 0]


def test_usage_agrees_with_the_connection_and_with_itself() -> None:
    organization = Fleet(2, 60, bulk_syncs=20, model_syncs=20)["acme-02"]
    syncs = {each["id"] for each in organization.bulk_syncs + organization.model_syncs}
    attributed = 0
    for connection in organization.connections:
        usage = organization.usage[connection["id"]]
        assert usage is not None
        assert usage["callsLast24h"] == connection["api_calls_last_24_hours"]
        assert usage["reportsSyncStats"] or not usage["bySync"]
        assert {each["syncId"] for each in usage["bySync"]} <= syncs
        assert sum(each["totalCalls"] for each in usage["bySync"]) <= (usage["callsLast24h"] or 0)
        for each in usage["bySync"]:
            assert sum(category["calls"] for category in each["categories"]) == each["totalCalls"]
        attributed += len(usage["bySync"])
    assert attributed


def test_numbers_of_schedules_are_texts_and_unset_ones_empty() -> None:
    organization = Fleet(1, 30, bulk_syncs=40, model_syncs=40).owner
    schedules = [
        *(sync["default_schedule"] for sync in organization.bulk_syncs),
        *(sync["schedule"] for sync in organization.model_syncs),
    ]
    numbers = {each[name] for each in schedules for name in ("minute", "hour", "day_of_week")}
    assert {type(each) for each in numbers} == {str}
    assert "" in numbers
    assert {"manual", "daily", "runafter", "dbtcloud"} <= {each["frequency"] for each in schedules}


def test_system_roles_and_policies_are_the_same_everywhere() -> None:
    fleet = Fleet(2)
    for resource in ("roles", "policies"):
        first, second = (
            [each for each in getattr(organization, resource) if each["system"]]
            for organization in fleet
        )
        assert first == second
        assert {each["organization_id"] for each in first} == {SYSTEM_ORGANIZATION}
        assert not any("policy_actions" in each for each in first)
        assert any(not each["system"] for each in getattr(fleet.owner, resource))


def test_the_canary_is_wherever_a_text_must_not_be_stored() -> None:
    organization = Fleet(1, 60, bulk_syncs=40).owner
    for resource in ("models", "bulk_syncs", "bulk_sync_states", "proxies"):
        assert CANARY in json.dumps(getattr(organization, resource)), resource


async def test_schemas_of_types_flag_what_is_sensitive_and_may_repeat_a_key(
    visitor: Visitor,
) -> None:
    repeated: list[str] = []

    def noting(pairs: list[tuple[str, object]]) -> dict[str, object]:
        keys = [key for key, _ in pairs]
        repeated.extend({key for key in keys if keys.count(key) > 1})
        return dict(pairs)

    flags = set()
    for kind in (await visitor.json("/api/connection_types"))["data"]:
        async with visitor.get(f"/api/connection_types/{kind['id']}") as response:
            schema = json.loads(await response.read(), object_pairs_hook=noting)
        assert "data" not in schema
        flags |= {key for each in schema["properties"].values() for key in each}
    assert repeated == ["default", "default"]
    assert flags >= {"sensitive", "password", "readOnly", "readonly", "properties", "items"}


# What tests do with it


@pytest.mark.parametrize("path", LISTS)
async def test_a_changed_list_is_served_as_it_is_now(visitor: Visitor, path: str) -> None:
    records = getattr(visitor.simulator.fleet["acme-01"], LISTS[path])
    records[0]["name"] = "renamed"
    del records[1]
    records.append({"id": "added", "updated_at": "2000-01-01T00:00:00Z"})
    assert (await visitor.json(path))["data"] == records
    assert (await visitor.json(f"{path}/added"))["data"]["id"] == "added"
    assert await visitor.status(f"{path}/unknown") == 404


async def test_a_changed_sync_comes_first(visitor: Visitor) -> None:
    syncs = visitor.simulator.fleet["acme-01"].bulk_syncs
    syncs[-1]["updated_at"] = "2026-11-23T00:00:00Z"
    syncs[-2]["updated_at"] = "2026-11-23T00:00:00.5Z"
    syncs[-3]["updated_at"] = syncs[-1]["updated_at"]
    found = [each["id"] for each in (await visitor.json("/api/bulk/syncs"))["data"]]
    tied = sorted((syncs[-1]["id"], syncs[-3]["id"]))
    assert found[:3] == [syncs[-2]["id"], *tied]


@pytest.mark.parametrize("path", [*LISTS, "/api/connection_types"])
async def test_every_list_has_pages_where_a_test_wants_them(visitor: Visitor, path: str) -> None:
    whole = (await visitor.json(path))["data"]
    visitor.simulator.fleet.page_sizes[path] = 2
    found, token = [], ""
    while True:
        answer = await visitor.json(f"{path}?page_token={token}")
        assert len(answer["data"]) <= 2
        found += answer["data"]
        if "pagination" not in answer:
            break
        token = answer["pagination"]["next_page_token"]
    assert found == whole
    assert len(whole) > 2


@pytest.mark.parametrize("path", STATES)
async def test_the_answer_for_one_connection_can_be_changed_and_taken_away(
    visitor: Visitor, path: str
) -> None:
    organization = visitor.simulator.fleet["acme-01"]
    states = getattr(organization, STATES[path])
    one, other = (each["id"] for each in organization.connections[:2])
    organization.connection(one)["saved"] = True
    states[one], states[other] = {"changed": True}, None
    assert (await visitor.json(f"/api/connections/{one}/{path}"))["data"] == {"changed": True}
    assert await visitor.status(f"/api/connections/{other}/{path}") in (400, 403, 404)
    assert await visitor.status(f"/api/connections/unknown/{path}") == 404


async def test_usage_follows_the_connection_while_nobody_touched_it(visitor: Visitor) -> None:
    organization = visitor.simulator.fleet["acme-01"]
    organization.connections.append({"id": "added", "api_calls_last_24_hours": 7})
    usage = await visitor.json("/api/connections/added/usage")
    assert usage["data"]["callsLast24h"] == 7


async def test_copies_are_found_as_they_are_now(visitor: Visitor) -> None:
    fleet = visitor.simulator.fleet
    parent = fleet.owner.connections[0]["id"]
    path = f"/api/connections/{parent}/shared"
    before = (await visitor.json(path))["data"]
    copy = {"id": "copy", "parent_connection_id": parent, "organization_id": fleet["acme-03"].id}
    fleet["acme-03"].connections.append(copy)
    assert [each["id"] for each in (await visitor.json(path))["data"]] == [
        *(each["id"] for each in before),
        "copy",
    ]
    assert await visitor.status(path, who="acme-02") == 404


async def test_a_fault_meets_one_connection_only(visitor: Visitor) -> None:
    organization = visitor.simulator.fleet["acme-01"]
    one, other = (each["id"] for each in organization.connections[:2])
    organization.faults = [Fault(path=f"/api/connections/{one}/usage", status=500)]
    assert await visitor.status(f"/api/connections/{one}/usage") == 500
    assert await visitor.status(f"/api/connections/{other}/usage") == 200
    assert await visitor.status(f"/api/connections/{one}/shared") == 200


# What is not served


@pytest.mark.parametrize("path", NEVER_SERVED)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_reads_data_or_acts_is_not_served_but_seen(
    visitor: Visitor, path: str, method: str
) -> None:
    connection = visitor.simulator.fleet["acme-01"].connections[0]["id"]
    asked = path.replace("{id}", connection)
    async with visitor.send(method, asked) as response:
        assert response.status == 404
    assert visitor.simulator.observed.calls("acme-01") == [(method, asked)]


async def test_only_the_refresh_takes_a_post_and_it_takes_nothing_else(visitor: Visitor) -> None:
    connection = visitor.simulator.fleet["acme-01"].connections[0]["id"]
    refresh = f"/api/connections/{connection}/schemas/refresh"
    for path in (*LISTS, f"/api/connections/{connection}", "/api/bulk/syncs/status"):
        async with visitor.send("POST", path) as response:
            assert (response.status, response.headers["Allow"]) == (405, "GET")
    async with visitor.get(refresh) as response:
        assert (response.status, response.headers["Allow"]) == (405, "POST")
