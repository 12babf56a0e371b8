"""The simulator keeps its word: keys, envelopes, ceilings, faults, seeds and observations."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator

import aiohttp
import httpx
import pytest

from tests.simulator import CANARY, Ceiling, Fleet, Simulator, demo_fleet
from tests.simulator.answers import ErrorShape
from tests.simulator.observed import most_in_any_second
from tests.simulator.server import VERSION_HEADER
from tests.simulator.visitor import Visitor


def basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


@pytest.fixture
async def visitor() -> AsyncIterator[Visitor]:
    async with Simulator(Fleet(3, 12), control=True) as simulator, aiohttp.ClientSession() as own:
        yield Visitor(simulator, own)


# Keys


async def test_a_user_key_speaks_for_its_organization(visitor: Visitor) -> None:
    me = (await visitor.json("/api/me", who="acme-02"))["data"]
    organization = visitor.simulator.fleet["acme-02"]
    assert me["organization_id"] == organization.id
    assert (me["is_user"], me["is_partner"], me["is_organization"]) == (True, False, False)


async def test_an_organization_key_has_no_user(visitor: Visitor) -> None:
    visitor.simulator.fleet["acme-01"].key_class = "organization"
    me = (await visitor.json("/api/me"))["data"]
    assert me["is_organization"]
    assert "id" not in me
    assert "role" not in me


async def test_a_partner_key_lists_the_owner_first_and_reads_no_inventory(visitor: Visitor) -> None:
    fleet = visitor.simulator.fleet
    partner = f"Bearer {fleet.partner_key}"
    listed = (await visitor.json("/api/organizations", Authorization=partner))["data"]
    me = (await visitor.json("/api/me", Authorization=partner))["data"]
    assert [each["id"] for each in listed] == [each.id for each in fleet]
    assert me["is_partner"]
    assert "organization_id" not in me
    for path in ("/api/connections", "/api/organization"):
        assert await visitor.status(path, Authorization=partner) == 403


async def test_a_user_key_may_not_list_organizations(visitor: Visitor) -> None:
    assert await visitor.status("/api/organizations") == 403


@pytest.mark.parametrize("secret", ["partner_key", "deployment_key"])
async def test_a_key_narrowed_by_basic_reads_that_organization(
    visitor: Visitor, secret: str
) -> None:
    fleet = visitor.simulator.fleet
    header = basic(fleet["acme-03"].id, getattr(fleet, secret))
    listed = (await visitor.json(Authorization=header))["data"]
    assert {each["organization_id"] for each in listed} == {fleet["acme-03"].id}


async def test_a_deployment_key_goes_with_an_empty_password_where_there_is_one(
    visitor: Visitor,
) -> None:
    fleet = visitor.simulator.fleet
    assert fleet.deployment_key is not None
    header = basic(fleet.deployment_key, "")
    assert (await visitor.json("/api/me", Authorization=header))["data"]["is_system"]
    fleet.deployment_key = None
    assert await visitor.status("/api/me", Authorization=header) == 401


@pytest.mark.parametrize(
    "header", ["", "Bearer ", "Bearer wrong", "Basic ?", "Basic Og==", "Basic d3Jvbmc6d3Jvbmc="]
)
async def test_a_wrong_key_is_refused(visitor: Visitor, header: str) -> None:
    assert await visitor.status("/api/me", Authorization=header) == 401
    visitor.simulator.fleet.bad_key_status = 403
    assert await visitor.status("/api/me", Authorization=header) == 403


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("A", {"key", "message", "metadata", "status"}),
        ("B", {"code", "context", "error", "status"}),
        ("C", {"error"}),
        ("D", {"message", "status_code", "metadata"}),
    ],
)
async def test_errors_come_in_four_shapes(
    visitor: Visitor,
    shape: ErrorShape,
    expected: set[str],
) -> None:
    visitor.simulator.fleet.error_shape = shape
    async with visitor.get(Authorization="Bearer wrong") as response:
        assert set(await response.json()) == expected


async def test_keys_can_be_added_revoked_and_swapped(visitor: Visitor) -> None:
    fleet = visitor.simulator.fleet
    first, second = fleet["acme-01"], fleet["acme-02"]
    fleet.keys["second-key"] = first
    del fleet.keys[first.key]
    fleet.keys[second.key] = fleet["acme-03"]
    added = await visitor.json("/api/me", Authorization="Bearer second-key")
    swapped = await visitor.json("/api/me", who="acme-02")
    assert added["data"]["organization_id"] == first.id
    assert swapped["data"]["organization_id"] == fleet["acme-03"].id
    assert await visitor.status() == 401


# Versions, envelopes and pages


async def test_the_served_version_is_echoed(visitor: Visitor) -> None:
    visitor.simulator.fleet.default_version = "2023-04-25"
    async with visitor.get(X_Polytomic_Version="2024-02-08") as named, visitor.get() as unnamed:
        assert named.headers[VERSION_HEADER] == "2024-02-08"
        assert unnamed.headers[VERSION_HEADER] == "2023-04-25"
    assert await visitor.status(X_Polytomic_Version="1999-01-01") == 400


async def test_the_oldest_version_wraps_as_result(visitor: Visitor) -> None:
    answer = await visitor.json(X_Polytomic_Version="2021-05-23")
    assert set(answer) == {"result", "error"}
    assert answer["result"] == visitor.simulator.fleet["acme-01"].connections


async def test_a_list_has_pages_only_where_a_test_wants_them(visitor: Visitor) -> None:
    assert set(await visitor.json()) == {"data"}
    visitor.simulator.fleet.page_sizes["/api/connections"] = 5
    sizes, token, found = [], "", []
    while True:
        answer = await visitor.json(f"/api/connections?page_token={token}")
        sizes.append(len(answer["data"]))
        found += answer["data"]
        if "pagination" not in answer:
            break
        token = answer["pagination"]["next_page_token"]
    assert sizes == [5, 5, 2]
    assert found == visitor.simulator.fleet["acme-01"].connections
    assert await visitor.status("/api/connections?page_token=invented") == 400


async def test_one_connection_is_read_by_its_id(visitor: Visitor) -> None:
    connection = visitor.simulator.fleet["acme-01"].connections[3]
    assert (await visitor.json(f"/api/connections/{connection['id']}"))["data"] == connection
    assert await visitor.status("/api/connections/unknown") == 404
    assert await visitor.status(f"/api/connections/{connection['id']}", who="acme-02") == 404


async def test_a_trailing_slash_is_redirected_and_other_paths_are_not_found(
    visitor: Visitor,
) -> None:
    async with visitor.get("/api/connections/") as response:
        assert (response.status, response.headers["Location"]) == (301, "/api/connections")
    assert await visitor.status("/api/nothing") == 404


# Fleets


async def test_changes_are_seen_at_once(visitor: Visitor) -> None:
    organization = visitor.simulator.fleet["acme-01"]
    await visitor.json()
    organization.connections[0]["name"] = "renamed"
    del organization.connections[1]
    organization.connections.append({"id": "added", "name": "\ud800"})
    assert (await visitor.json())["data"] == organization.connections


async def test_a_fleet_has_what_real_ones_have() -> None:
    fleet = Fleet(40, 50)
    found = [each for organization in fleet for each in organization.connections]
    owned = {each["id"] for each in fleet.owner.connections}
    copies = [each for each in found if "parent_connection_id" in each]
    limits = {json.dumps(each.get("rate_limit", "absent"))[:28] for each in found}
    assert len({each["id"] for each in found}) == 40 * 50
    assert len({each["type"]["id"] for each in found}) >= 20
    assert {each.get("status") for each in found} == {"healthy", "unhealthy", "", None}
    assert all(("status_error" in each) == (each.get("status") == "unhealthy") for each in found)
    assert len(limits) == 4
    assert copies
    assert all(copy["parent_connection_id"] in owned for copy in copies)
    assert all(copy["organization_id"] != fleet.owner.id for copy in copies)
    assert "********" in json.dumps(found)
    assert CANARY in json.dumps(found)


def test_the_same_seed_gives_the_same_bytes_in_another_process() -> None:
    code = (
        "import sys; from tests.simulator import Fleet; fleet = Fleet(4, 30, seed=7);"
        "[sys.stdout.buffer.write(fleet.encoded(o, resource).gzipped) for o in fleet"
        " for resource in ('connections', 'bulk_syncs', 'model_syncs', 'models', 'users',"
        " 'policies', 'roles')];"
        "print(fleet.type_schemas, fleet.connection_types, [getattr(o, states) for o in fleet"
        " for states in ('bulk_sync_states', 'usage', 'schemas', 'sources', 'proxies')]);"
        "print(fleet.api_keys)"
    )
    command = [sys.executable, "-c", code]
    one, two = (
        subprocess.run(
            command,
            env={"PYTHONHASHSEED": number, "PYTHONPATH": os.environ["PYTHONPATH"]},
            check=True,
            capture_output=True,
        )
        for number in ("1", "2")
    )
    assert one.stdout
    assert one.stdout == two.stdout
    other = Fleet(4, 30, seed=8)
    assert other.owner.connections != Fleet(4, 30, seed=7).owner.connections


def test_it_shares_no_code_with_what_it_tests() -> None:
    code = (
        "import sys, tests.simulator.__main__;"
        "print([m for m in sys.modules if m.split('.')[0] == 'aggregator'])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert done.stdout.strip() == b"[]"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_prints_one_line_and_stops_when_told(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "tests.simulator", "--organizations", "2", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        started = json.loads(process.stdout.readline())
        process.send_signal(number)
        rest, errors = process.communicate(timeout=10)
    assert set(started) == {"base_url", "partner_key", "api_keys"}
    assert set(started["api_keys"]) == {"acme-01", "acme-02"}
    assert (process.returncode, rest, errors) == (0, b"", b"")


def test_the_command_is_told_how_many_syncs_and_models_an_organization_has() -> None:
    counts = {"/api/bulk/syncs": 3, "/api/syncs": 2, "/api/models": 1}
    options = ("--bulk-syncs", "3", "--model-syncs", "2", "--models", "1")
    command = [sys.executable, "-m", "tests.simulator", "--organizations", "1", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        started = json.loads(process.stdout.readline())
        headers = {"Authorization": f"Bearer {started['api_keys']['acme-01']}"}
        found = {
            path: httpx.get(started["base_url"] + path, headers=headers).json()["data"]
            for path in counts
        }
        process.terminate()
    assert {path: len(records) for path, records in found.items()} == counts


async def test_the_demo_fleet_fails_as_documented() -> None:
    fleet = demo_fleet()
    async with Simulator(fleet) as simulator, aiohttp.ClientSession() as session:
        visitor = Visitor(simulator, session)
        statuses = {
            each.name: [await visitor.status(who=each.name) for _ in range(3)] for each in fleet
        }
        async with visitor.get(who="umber-paints") as response:
            assert response.content_type == "text/html"
    odd = {name: seen for name, seen in statuses.items() if seen != [200] * 3}
    assert len(fleet) >= 25
    assert odd == {
        "harbor-hotels": [401] * 3,
        "lumen-optics": [403] * 3,
        "quartz-jewelers": [500] * 3,
        "cobalt-bank": [429, 200, 200],
        "nimbus-cloud": [503, 503, 200],
    }
    for name in ("acme-us", "acme-eu", "acme-apac"):
        assert any("parent_connection_id" in each for each in fleet[name].connections)


def test_a_broken_shared_connection_of_the_demo_fleet_feeds_syncs_of_many_organizations() -> None:
    fleet = demo_fleet()
    broken = fleet.owner.connection("Group warehouse")
    copies = {each["organization_id"]: each for each in fleet.copies_of(broken["id"])}
    reached = set()
    for organization in fleet:
        copy = copies.get(organization.id, {"id": None})["id"]
        models = {each["id"] for each in organization.models if each["connection_id"] == copy}
        if (
            any(each["source_connection_id"] == copy for each in organization.bulk_syncs)
            and models
            and any(models & set(each["model_ids"]) for each in organization.model_syncs)
        ):
            reached.add(organization.name)
    assert broken["status"] == "unhealthy"
    assert reached >= {"acme-us", "acme-eu", "acme-apac", "bluebird-air", "copperleaf"}
    assert {copy.get("status") for copy in copies.values()} == {"unhealthy", "healthy", None}


# Ceilings and observations


def test_a_sliding_ceiling_admits_no_more_than_its_limit_in_any_window() -> None:
    ceiling = Ceiling(limit=2, seconds=1.0)
    assert [ceiling.admit(now) for now in (0.0, 0.5)] == [None, None]
    assert ceiling.admit(0.75) == pytest.approx(0.25)
    assert ceiling.admit(1.0) is None
    assert ceiling.refused == 1


def test_an_aligned_ceiling_forgets_at_the_full_minute() -> None:
    ceiling = Ceiling(limit=2, seconds=60, aligned=True)
    assert [ceiling.admit(now) for now in (118.0, 119.0)] == [None, None]
    assert ceiling.admit(119.5) == pytest.approx(0.5)
    assert [ceiling.admit(now) for now in (120.0, 120.0)] == [None, None]


async def test_over_the_ceiling_means_429_for_that_organization_only(visitor: Visitor) -> None:
    visitor.simulator.fleet["acme-01"].ceiling = Ceiling(limit=1, seconds=1000)
    assert await visitor.status() == 200
    async with visitor.get() as response:
        assert response.status == 429
        assert 1 <= int(response.headers["Retry-After"]) <= 1000
    assert await visitor.status(who="acme-02") == 200
    visitor.simulator.fleet.ceiling = Ceiling(limit=0, retry_after=False)
    async with visitor.get(who="acme-02") as response:
        assert response.status == 429
        assert "Retry-After" not in response.headers


async def test_what_was_seen_can_be_asked(visitor: Visitor) -> None:
    visitor.simulator.fleet.latency = 0.05
    await asyncio.gather(*(visitor.status(who=who) for who in ("acme-01", "acme-01", "acme-02")))
    await visitor.status("/api/me", Authorization="Bearer wrong", Cookie="a=b", User_Agent="me/1")
    observed = visitor.simulator.observed
    assert len(observed.requests("acme-01")) == 2
    assert observed.counts() == {("/api/connections", 200): 3, ("/api/me", 401): 1}
    assert (observed.max_in_flight("acme-01"), observed.max_in_flight()) == (2, 3)
    assert observed.times() == sorted(observed.times())
    assert observed.cookies("(stranger)") == ["a=b"]
    assert observed.requests("(stranger)")[0].user_agent == "me/1"
    assert visitor.simulator.fleet["acme-01"].key not in repr(observed.requests())
    observed.reset()
    assert observed.max_in_flight() == len(observed.requests()) == 0


def test_the_busiest_second_is_found_at_any_offset() -> None:
    assert most_in_any_second([]) == 0
    assert most_in_any_second([0.0, 0.5, 0.75, 1.0, 1.25, 1.5, 9.0]) == 4


# Control from outside


async def test_another_process_can_change_the_fleet(visitor: Visitor) -> None:
    base = visitor.simulator.base_url + "/_control"
    acme = base + "/organizations/acme-01"
    organization = visitor.simulator.fleet["acme-01"]
    removed, renamed = organization.connections[0]["id"], organization.connections[1]["id"]

    async def send(method: str, url: str, body: object = None) -> int:
        async with visitor.session.request(method, url, json=body) as response:
            return response.status

    assert await send("POST", f"{acme}/connections", {"id": "added"}) == 201
    assert await send("PATCH", f"{acme}/connections/{renamed}", {"name": "new"}) == 204
    assert await send("DELETE", f"{acme}/connections/{removed}") == 204
    assert await send("DELETE", f"{acme}/connections/{removed}") == 404
    assert await send("GET", f"{base}/organizations/nobody/connections") == 404
    async with visitor.session.get(f"{acme}/connections") as response:
        assert await response.json() == organization.connections
    names = {each["id"]: each.get("name") for each in organization.connections}
    assert removed not in names
    assert (names[renamed], "added" in names) == ("new", True)

    assert await send("PUT", f"{acme}/faults", [{"status": 500, "times": 1}]) == 204
    assert await send("PUT", f"{base}/faults", [{"nonsense": 1}]) == 400
    assert [await visitor.status() for _ in range(2)] == [500, 200]
    async with visitor.session.get(f"{base}/observed") as response:
        seen = await response.json()
    assert seen["host"]["requests"] == seen["organizations"]["acme-01"]["requests"] == 2
    assert await send("DELETE", f"{base}/observed") == 204
    assert visitor.simulator.observed.requests() == []


async def test_nobody_controls_a_simulator_that_did_not_ask_for_it() -> None:
    async with Simulator(Fleet(1)) as simulator, aiohttp.ClientSession() as session:
        visitor = Visitor(simulator, session)
        assert await visitor.status("/_control/observed") == 404
