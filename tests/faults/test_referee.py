"""Another program judges our pace: nginx, which counts requests by their Authorization header."""

from __future__ import annotations

import asyncio
import socket
from asyncio.subprocess import DEVNULL, PIPE
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.faults.conftest import OpenWorld
from tests.faults.outside import needs_root, run
from tests.faults.world import World
from tests.simulator import Fleet

pytestmark = needs_root("nginx")

CONFIGURATION = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log stderr crit;
events {{ worker_connections 256; }}
http {{
    map $http_authorization $who {{ default unknown; {names} }}
    map $who $strict {{ "greedy" $who; default ""; }}
    limit_req_zone $http_authorization zone=each:1m rate=2r/s;
    limit_req_zone $server_name zone=host:1m rate=20r/s;
    limit_req_zone $strict zone=strict:1m rate=1r/s;
    log_format verdicts '$who $status $msec';
    access_log {folder}/verdicts verdicts;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    limit_req_status 429;
    server {{
        listen 127.0.0.1:{port}; server_name polytomic.test;
        location / {{
            {limits}
            proxy_pass {base_url}; proxy_http_version 1.1; proxy_set_header Connection "";
        }}
    }}
}}
"""
EACH = "limit_req zone=each burst=1 nodelay;"
HOST = "limit_req zone=host burst=6 nodelay;"
STRICT = "limit_req zone=strict nodelay;"


@asynccontextmanager
async def referee(world: World, limits: str) -> AsyncIterator[tuple[str, Path]]:
    """nginx before the simulated host: its base URL, and the file of its verdicts."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    text = CONFIGURATION.format(
        folder=world.folder,
        names=" ".join(f'"Bearer {key}" "{name}";' for name, key in world.keys.items()),
        base_url=world.simulator.base_url,
        limits=limits,
        port=port,
    )
    path = world.folder / "nginx.conf"
    path.write_text(text)
    server = await asyncio.create_subprocess_exec(
        *("nginx", "-c", str(path), "-p", str(world.folder), "-e", "stderr"),
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=PIPE,
    )
    try:
        await _until_open(port)
        yield f"http://127.0.0.1:{port}", world.folder / "verdicts"
    finally:
        server.terminate()
        await server.communicate()


async def _until_open(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


def verdicts(path: Path) -> Counter[tuple[str, str]]:
    """How often each organization got each status."""
    lines = (line.split() for line in path.read_text().splitlines())
    return Counter((who, status) for who, status, _ in lines)


async def test_at_the_configured_rates_nobody_is_ever_refused(open_world: OpenWorld) -> None:
    """Threat S17, fault B6: 12 organizations at 2/s each and 20/s in all, for some seconds.

    The bursts that nginx allows are what we make good of a lag of our own: a quarter second, which
    is half a request of one organization and five of a host.
    """
    async with open_world(Fleet(12, 5)) as world:
        world.fleet.page_sizes["/api/connections"] = 1
        async with referee(world, EACH + HOST) as (base_url, path):
            result = await run(
                world,
                *("sync", "--json"),
                variables={},
                wrapper=(),
                BASE_URL=base_url,
                REQUESTS_PER_SECOND_PER_ORGANIZATION=2,
                REQUESTS_PER_SECOND=20,
            )
        judged = verdicts(path)
    assert result.exit_code == 0
    assert judged == {(name, "200"): 6 for name in world.keys}
    assert result.document["retries"] == 0


async def test_a_referee_that_is_provoked_does_refuse(open_world: OpenWorld) -> None:
    """The control of the test above: without our ceilings, nginx has to refuse."""
    async with open_world(Fleet(3, 5)) as world:
        world.fleet.page_sizes["/api/connections"] = 1
        async with referee(world, EACH + HOST) as (base_url, path):
            await run(
                world,
                *("sync", "--json"),
                variables={},
                wrapper=(),
                BASE_URL=base_url,
                MAX_ATTEMPTS=1,
            )
        judged = verdicts(path)
    assert sum(count for (_, status), count in judged.items() if status == "429") >= 3


async def test_one_organization_over_its_limit_slows_nobody_else(open_world: OpenWorld) -> None:
    """Faults B6 and B11: 429 without Retry-After for one of eight; the others never wait for it."""
    names = ["greedy", *(f"modest-{n}" for n in range(7))]
    async with open_world(Fleet(names=names, connections=4)) as world:
        world.fleet.page_sizes["/api/connections"] = 1
        async with referee(world, STRICT) as (base_url, path):
            result = await run(
                world,
                *("sync", "--json"),
                variables={},
                wrapper=(),
                BASE_URL=base_url,
                REQUESTS_PER_SECOND_PER_ORGANIZATION=10,
                MAX_ATTEMPTS=6,
            )
        judged = verdicts(path)
        rows = await world.query(
            "select organization, outcome, retries, finished_at - started_at as took"
            " from reporting.run_organizations"
        )
    assert result.exit_code in {0, 3}
    assert judged["greedy", "429"] >= 1
    assert {who for who, status in judged if status == "429"} == {"greedy"}
    for row in rows:
        if row["organization"] != "greedy":
            assert (row["outcome"], row["retries"]) == ("complete", 0)
    slowest = max(row["took"] for row in rows if row["organization"] != "greedy")
    assert slowest < next(row["took"] for row in rows if row["organization"] == "greedy")
