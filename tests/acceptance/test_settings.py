"""Each setting of the contract has its effect, as the server or the database sees it."""

from __future__ import annotations

import json

from tests.acceptance.conftest import NewWorld
from tests.acceptance.world import World
from tests.simulator import Fault, Fleet


async def test_requests_per_second_is_never_exceeded_at_the_host(new_world: NewWorld) -> None:
    world = await new_world(Fleet(12, 1))
    result = await world.sync(REQUESTS_PER_SECOND="12")
    assert result.exit_code == 0
    assert len(world.simulator.observed.requests()) == 24
    assert 6 <= world.simulator.observed.max_in_any_second() <= 12 + 1


async def test_requests_per_second_per_organization_is_never_exceeded(
    new_world: NewWorld,
) -> None:
    world = await new_world(Fleet(2, 6))
    world.fleet.page_sizes = {"/api/connections": 1}
    result = await world.sync(REQUESTS_PER_SECOND_PER_ORGANIZATION="4")
    assert result.exit_code == 0
    for name in ("acme-01", "acme-02"):
        assert len(world.simulator.observed.requests(name)) == 7
        assert world.simulator.observed.max_in_any_second(name) <= 4 + 1
    assert world.simulator.observed.max_in_any_second() > 4 + 1


async def test_max_concurrency_bounds_the_requests_in_flight(new_world: NewWorld) -> None:
    world = await new_world(Fleet(9, 1))
    world.fleet.latency = 0.1
    assert (await world.sync(MAX_CONCURRENCY="3")).exit_code == 0
    assert world.simulator.observed.max_in_flight() == 3


async def test_max_concurrency_per_organization_bounds_one_organization(world: World) -> None:
    world.fleet.latency = 0.05
    assert (await world.sync(MAX_CONCURRENCY_PER_ORGANIZATION="1")).exit_code == 0
    assert {world.simulator.observed.max_in_flight(each.name) for each in world.fleet} == {1}
    assert world.simulator.observed.max_in_flight() == 3


async def test_request_timeout_ends_a_whole_attempt_a_trickle_included(world: World) -> None:
    """Trap T4."""
    world.fleet["acme-01"].faults = [Fault(byte_interval=0.05)]
    result = await world.sync(REQUEST_TIMEOUT_SECONDS="0.5", MAX_ATTEMPTS="1")
    assert (await world.outcomes())["acme-01"] == "timeout"
    assert result.document["duration_seconds"] < 3


async def test_max_attempts_counts_the_first_one_too(world: World) -> None:
    world.fleet["acme-01"].faults = [Fault(status=503, path="/api/connections")]
    result = await world.sync(MAX_ATTEMPTS="3")
    counts = world.simulator.observed.counts("acme-01")
    assert counts == {("/api/me", 200): 1, ("/api/connections", 503): 3}
    assert (await world.outcomes())["acme-01"] == "upstream_error"
    assert result.document["retries"] == 2


async def test_run_deadline_defers_what_has_not_started(new_world: NewWorld) -> None:
    world = await new_world(Fleet(8, 1))
    world.fleet.latency = 0.4
    result = await world.sync(RUN_DEADLINE_SECONDS="1.5", REQUESTS_PER_SECOND="2")
    organizations = result.document["organizations"]
    assert result.exit_code in {3, 4}
    assert organizations["deferred"] >= 5
    assert organizations["failed"] == 0
    assert result.document["duration_seconds"] < 5


async def test_max_response_bytes_caps_the_decoded_size(new_world: NewWorld) -> None:
    world = await new_world(Fleet(1, 40))
    result = await world.sync(MAX_RESPONSE_BYTES="4096")
    assert result.document["outcomes"] == {"too_large": 1}
    rows = await world.query("select error from reporting.run_organizations")
    assert "MAX_RESPONSE_BYTES" in rows[0]["error"]


async def test_api_version_is_sent_with_every_request(world: World) -> None:
    await world.sync(API_VERSION="2024-02-08")
    assert {each.version for each in world.simulator.observed.requests()} == {"2024-02-08"}


async def test_resources_chooses_what_is_collected(world: World) -> None:
    result = await world.sync(RESOURCES=" connections , connections")
    assert list(result.document["resources"]) == ["connections"]


async def test_data_dir_holds_the_embedded_server_where_no_database_is_named(world: World) -> None:
    """Asked with ``status``, which never starts a server."""
    result = await world.run("status", DATABASE_URL=None, DATA_DIR="elsewhere")
    assert result.failed_with(1)
    assert "embedded Postgres is not running" in result.stderr
    assert not (world.folder / ".aggregator").exists()


async def test_settings_come_from_a_dotenv_file_below_the_environment(world: World) -> None:
    lines = [f"{name}={value}" for name, value in world.environment(API_KEYS=None).items()]
    keys = [f"AGGREGATOR_API_KEYS__{name}={key}" for name, key in world.fleet.api_keys.items()]
    (world.folder / ".env").write_text("\n".join([*lines, *keys, "AGGREGATOR_LOG_LEVEL=error"]))
    unset = dict.fromkeys(("BASE_URL", "DATABASE_URL", "API_KEYS"))
    result = await world.sync(**unset)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.document["organizations"]["total"] == 3


async def test_no_proxy_of_the_environment_gets_a_key(world: World) -> None:
    """Fault E9: off by default, for the keys' sake."""
    (world.folder / ".env").write_text("HTTP_PROXY=http://127.0.0.1:9\n")
    async with world.started(
        "sync", "--json", wrapper=("env", "http_proxy=http://127.0.0.1:9")
    ) as process:
        stdout, _ = await process.communicate()
    assert json.loads(stdout)["exit_code"] == 0
