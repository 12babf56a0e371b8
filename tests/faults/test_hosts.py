"""Faults B: of a whole host, and of servers that no HTTP library would be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest

from tests.faults.conftest import OpenWorld
from tests.faults.table import change
from tests.faults.world import World
from tests.simulator import Fault, Fleet


async def before_and_changed(world: World) -> dict[str, dict[str, dict[str, object]]]:
    """The rows of a first complete run, after which every organization changed."""
    assert (await world.sync()).exit_code == 0
    before = await world.connections()
    for organization in world.fleet:
        change(organization)
    world.simulator.observed.reset()
    return before


async def test_many_refused_keys_are_an_incident_and_not_asked_again(
    open_world: OpenWorld,
) -> None:
    """Fault B3."""
    async with open_world(Fleet(24, 4)) as world:
        before = await before_and_changed(world)
        refused = [f"acme-{number:02d}" for number in range(1, 25, 3)]
        for name in refused:
            world.fleet[name].faults = [Fault(status=401)]
        ran = await world.sync()
        assert ran.exit_code == 3
        assert ran.account["headline"].startswith("auth incident?")
        assert {name for name, outcome in ran.outcomes.items() if outcome == "unauthorized"} == {
            *refused
        }
        after = await world.connections()
        for name in refused:
            assert len(world.simulator.observed.requests(name)) == 1, "not confirmed"
            assert after[name] == before[name]


async def test_all_keys_refused_ends_as_none_complete(open_world: OpenWorld) -> None:
    """Fault B3, in its worst form: nothing is retired."""
    async with open_world(Fleet(12, 4)) as world:
        before = await before_and_changed(world)
        world.fleet.faults = [Fault(status=401)]
        ran = await world.sync()
        assert ran.exit_code == 4
        assert set(ran.outcomes.values()) <= {"unauthorized", "deferred"}
        assert await world.connections() == before


LISTS = "connections,bulk_syncs,models,model_syncs,users,roles"


async def outcomes_by_list(world: World, exit_code: int) -> dict[str, set[str]]:
    """Of one run of six lists: how those of each organization ended."""
    ended, stdout, _ = await world.run("sync", "--json", RESOURCES=LISTS)
    assert ended == exit_code, stdout
    rows = await world.query(
        "select organization, array_agg(distinct outcome) as outcomes"
        " from reporting.run_organizations where run_id = $1 group by organization",
        UUID(json.loads(stdout)["run_id"]),
    )
    return {row["organization"]: set(row["outcomes"]) for row in rows}


@pytest.mark.parametrize("dead", [("acme-01", "acme-02"), ("acme-01", "acme-02", "acme-03")])
async def test_keys_that_were_refused_in_an_incident_are_not_counted_in_the_next_run(
    open_world: OpenWorld, dead: tuple[str, ...]
) -> None:
    """Fault B3: the incident tells a person once; whoever still works is read from then on."""
    async with open_world(Fleet(10, 2)) as world:
        await outcomes_by_list(world, 0)
        for name in dead:
            world.fleet[name].faults = [Fault(status=401)]
        stopped = await world.sync()  # of connections only: the other lists still were complete
        assert stopped.account["headline"].startswith(f"auth incident? {len(dead)} of 10 keys")
        outcomes = await outcomes_by_list(world, 3)
        assert outcomes == {
            name: {"unauthorized" if name in dead else "complete"} for name in world.keys
        }


async def test_keys_that_are_not_there_any_more_do_not_hide_an_incident(
    open_world: OpenWorld,
) -> None:
    """Fault B3: a fifth is one of the keys that this run asks with."""
    async with open_world(Fleet(30, 1)) as world:
        assert (await world.sync()).exit_code == 0
        world.keys = {name: key for name, key in world.keys.items() if name <= "acme-10"}
        for name in ("acme-01", "acme-02", "acme-03", "acme-04"):
            world.fleet[name].faults = [Fault(status=401)]
        assert "of 10 keys" in (await world.sync()).account["headline"]


async def test_an_incident_that_lasts_for_runs_removes_nothing_and_ends_by_itself(
    open_world: OpenWorld,
) -> None:
    """Fault B3: all keys of the fleet, run after run, and then none."""
    async with open_world(Fleet(12, 4)) as world:
        before = await before_and_changed(world)
        world.fleet.faults = [Fault(status=401)]
        for _ in range(3):
            assert (await world.sync()).exit_code == 4
            assert await world.connections() == before
        world.fleet.faults = []
        assert (await world.sync()).exit_code == 0
        assert await world.connections() != before


async def test_a_limit_on_the_address_pauses_the_host_and_all_is_read(
    open_world: OpenWorld,
) -> None:
    """Fault B11."""
    async with open_world(Fleet(30, 4)) as world:
        await before_and_changed(world)
        world.fleet.faults = [Fault(status=429, times=8)]
        ran = await world.sync(MAX_ATTEMPTS=4)
        assert set(ran.outcomes.values()) == {"complete"}
        assert ran.account["retries"] <= 10


async def test_an_outage_costs_few_requests_and_no_row(open_world: OpenWorld) -> None:
    """Fault B13."""
    async with open_world(Fleet(40, 4)) as world:
        before = await before_and_changed(world)
        world.fleet.faults = [Fault(status=503)]
        ran = await world.sync(RUN_DEADLINE_SECONDS=1.5, MAX_CONCURRENCY=4)
        assert ran.exit_code == 4
        assert set(ran.outcomes.values()) <= {"upstream_error", "deferred"}
        assert "deferred" in ran.outcomes.values()
        assert ran.account["requests"] <= 1.1 * 40 + 10
        assert await world.connections() == before
        for row in await world.query("select change from reporting.connection_history"):
            assert row["change"] == "created"


async def test_a_host_that_comes_back_is_read_to_the_end(open_world: OpenWorld) -> None:
    """Fault B14."""
    async with open_world(Fleet(40, 4)) as world:
        await before_and_changed(world)
        world.fleet.faults = [Fault(status=503, times=10)]
        ran = await world.sync(MAX_ATTEMPTS=4, MAX_CONCURRENCY=1)  # none in flight at the tenth
        assert ran.exit_code == 0
        assert ran.account["retries"] == 10
        times = world.simulator.observed.times()
        assert times[10] - times[9] >= 1, "down, it is left alone for a second"


async def test_a_slow_host_defers_the_rest_and_the_next_run_begins_there(
    open_world: OpenWorld,
) -> None:
    """Fault B27."""
    async with open_world(Fleet(20, 4)) as world:
        await world.sync()
        for organization in world.fleet:
            organization.connections[0]["name"] = "renamed"
        world.fleet.latency = 0.2
        ran = await world.sync(RUN_DEADLINE_SECONDS=1, MAX_CONCURRENCY=2)
        assert ran.exit_code == 3
        late = {name for name, outcome in ran.outcomes.items() if outcome == "deferred"}
        assert set(ran.outcomes.values()) == {"complete", "deferred"}
        assert 5 <= len(late) <= 18
        world.fleet.latency = 0.0
        world.simulator.observed.reset()
        assert (await world.sync(MAX_CONCURRENCY=1)).exit_code == 0
        asked = [request.organization for request in world.simulator.observed.requests()]
        assert set(asked[: len(late)]) == late, "the stalest come first"


# Servers that no HTTP library would be


Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(speak: Speak) -> AsyncIterator[str]:
    """The base URL of a server whose every byte the test decides; it reads the request first."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await speak(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def endless_headers(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: and more\r\n")
        await writer.drain()
        await asyncio.sleep(0.02)


async def one_endless_header(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX-Endless: ")
    while True:
        writer.write(b"x" * 64)
        await writer.drain()
        await asyncio.sleep(0.02)


async def go_away(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """HTTP/2 without being asked: SETTINGS, then GOAWAY."""
    writer.write(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
    writer.write(b"\x00\x00\x08\x07\x00\x00\x00\x00\x00" + 8 * b"\x00")
    await writer.drain()


@pytest.mark.parametrize(
    ("speak", "outcomes"),
    [
        pytest.param(endless_headers, {"timeout", "bad_payload"}, id="Fault B21: endless headers"),
        pytest.param(one_endless_header, {"timeout", "bad_payload"}, id="Fault B21: one of them"),
        pytest.param(go_away, {"bad_payload", "network"}, id="Fault B25: HTTP/2 and GOAWAY"),
    ],
)
async def test_a_server_that_is_no_server_hurts_nobody_else(
    open_world: OpenWorld, tmp_path: Path, speak: Speak, outcomes: set[str]
) -> None:
    async with open_world(Fleet(1)) as world, raw_server(speak) as base_url:
        registry = tmp_path / "registry.toml"
        (tmp_path / "key").write_text("face0000-0000-4000-8000-000000000bad")
        (tmp_path / "key").chmod(0o600)
        registry.write_text(
            f'[[organization]]\nname = "raw"\napi_key = "file:key"\nbase_url = "{base_url}"\n'
        )
        ran = await world.sync(ORGANIZATIONS_FILE=registry, REQUEST_TIMEOUT_SECONDS=0.5)
        assert ran.outcomes["raw"] in outcomes
        assert ran.outcomes["acme-01"] == "complete"
        assert ran.exit_code == 3


async def test_requests_are_http_1(open_world: OpenWorld) -> None:
    """Fault B25, trap T7."""
    lines: list[bytes] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.append(await reader.readline())
        writer.close()

    async with open_world(Fleet(1)) as world:
        server = await asyncio.start_server(note, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            ran = await world.sync(BASE_URL=f"http://127.0.0.1:{port}")
        assert ran.outcomes == {"acme-01": "network"}
        assert lines
        assert all(line == b"GET /api/me HTTP/1.1\r\n" for line in lines)


async def test_a_redirect_is_not_followed_anywhere(open_world: OpenWorld) -> None:
    """Fault B18: the other origin sees no request, and so no key."""
    met = []

    async def note(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        met.append(1)

    async with open_world(Fleet(1)) as world, raw_server(note) as elsewhere:
        world.fleet.faults = [
            Fault(status=307, headers={"Location": f"{elsewhere}/api/connections"})
        ]
        assert (await world.sync()).outcomes == {"acme-01": "redirected"}
        assert met == []
