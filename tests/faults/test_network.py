"""Faults E3 to E6 and E9: packets that are refused, swallowed, lost, late; proxies nobody chose."""

from __future__ import annotations

import random
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from tests.acceptance.world import until
from tests.command import Finished, finished
from tests.faults.conftest import OpenWorld
from tests.faults.front import Front, front, listener
from tests.faults.namespace import Namespace, far_apart, namespace
from tests.faults.outside import needs_root, registry, run, started
from tests.faults.world import Row, World
from tests.simulator import Fault, Fleet

NETWORK = needs_root("ip", "nft", "tc")


@dataclass(frozen=True, slots=True)
class Place:
    """A world whose host is reached through a namespace, at any port of its 127.0.0.1."""

    world: World
    namespace: Namespace

    @asynccontextmanager
    async def served(self, port: int) -> AsyncIterator[Front]:
        sock = self.namespace.make(lambda: listener("127.0.0.1", port))
        async with front(self.world.simulator.base_url, sock) as met:
            yield met

    async def sync(self, **settings: object) -> Finished:
        wrapper = self.namespace.wrapper
        return await run(self.world, "sync", "--json", wrapper=wrapper, variables={}, **settings)


@asynccontextmanager
async def place(open_world: OpenWorld, fleet: Fleet) -> AsyncIterator[Place]:
    with namespace() as inside:
        async with open_world(fleet) as world:
            yield Place(world, inside)


async def scopes(world: World) -> dict[str, Row]:
    """The rows of the last run by organization."""
    rows = await world.query(
        "select * from reporting.run_organizations"
        " where run_id = (select run_id from reporting.runs order by started_at desc limit 1)"
    )
    return {row["organization"]: row for row in rows}


@NETWORK
async def test_refused_swallowed_and_cut_connections_hurt_only_their_own_hosts(
    open_world: OpenWorld,
) -> None:
    """Fault E3: RST on connect, a black hole for SYN, RST in the middle of a body; breakers apart.

    A black hole costs each slot a connect timeout, and those who follow before ten have failed;
    then the host is left alone.
    """
    refusing, swallowing, cutting, good = 7001, 7002, 7003, 7004
    hosts = {f"refused-{n}": refusing for n in range(40)}
    hosts |= {f"swallowed-{n}": swallowing for n in range(30)}
    hosts |= {"cut": cutting}
    hosts |= {f"good-{n}": good for n in range(5)}
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(
            place(open_world, Fleet(names=list(hosts), connections=30))
        )
        world = here.world
        world.fleet.gzip = False
        await stack.enter_async_context(here.served(good))
        cut = await stack.enter_async_context(here.served(cutting))
        cut.reset_after = 2000
        here.namespace.filter(
            f"tcp dport {refusing} reject with tcp reset",
            f"tcp dport {swallowing} tcp flags syn counter drop",
        )
        world.keys = {}
        at = {name: f"http://127.0.0.1:{port}" for name, port in hosts.items()}
        world.settings["ORGANIZATIONS_FILE"] = registry(world, at)
        result = await here.sync(MAX_CONCURRENCY=12, RUN_DEADLINE_SECONDS=6)
        rows = await scopes(world)
        outcomes = {
            kind: Counter(row["outcome"] for name, row in rows.items() if name.startswith(kind))
            for kind in ("refused", "swallowed", "cut", "good")
        }
        (syns,) = here.namespace.counted()

    assert result.exit_code == 3
    assert outcomes["good"] == {"complete": 5}
    assert outcomes["cut"] == {"network": 1}
    assert outcomes["refused"].keys() == {"network", "deferred"}
    assert outcomes["refused"]["deferred"] >= 15
    assert outcomes["swallowed"].keys() == {"network", "deferred"}
    assert outcomes["swallowed"]["deferred"] >= 8
    tried = sum(row["requests"] for name, row in rows.items() if name.startswith("swallowed"))
    assert 12 <= tried <= 12 + 9 + 2, "each slot, who follows nine of them, and probes"
    assert syns >= tried
    assert "no connection in time" in rows["swallowed-0"]["error"] + rows["swallowed-1"]["error"]
    assert "ECONNREFUSED" in str([row["error"] for row in rows.values()])
    assert result.document["duration_seconds"] < 12


@NETWORK
async def test_a_far_and_lossy_line_of_little_width_is_no_storm(
    open_world: OpenWorld, tmp_path: Path
) -> None:
    """Fault E4: 30% of packets lost, a round trip of 250 ms, 256 kbit/s.

    This kernel has no netem: loss and delay are made by a relay between two tunnels, width by tbf.
    """
    lottery = random.Random(4)  # noqa: S311 - repeatable
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("polytomic.test").configure_cert(context)
    with namespace() as near, namespace() as far:
        tunnels = near.tunnel("192.0.2.1", "192.0.2.2"), far.tunnel("192.0.2.2", "192.0.2.1")
        far.command("tc qdisc add dev far root tbf rate 256kbit burst 8kb latency 800ms")
        near.write("hosts", "192.0.2.2 polytomic.test\n")
        sock = far.make(lambda: listener("192.0.2.2", 443))
        with far_apart(*tunnels, seconds=0.125, lost=lambda: lottery.random() < 0.3):
            async with (
                open_world(Fleet(5, 8)) as world,
                front(world.simulator.base_url, sock, context),
            ):
                result = await run(
                    world,
                    *("sync", "--json"),
                    wrapper=near.wrapper,
                    variables={"SSL_CERT_FILE": str(tmp_path / "ca.pem")},
                    BASE_URL="https://polytomic.test",
                    REQUEST_TIMEOUT_SECONDS=10,
                    RUN_DEADLINE_SECONDS=16,
                )
                rows = await scopes(world)
    outcomes = Counter(row["outcome"] for row in rows.values())
    assert outcomes.keys() <= {"complete", "timeout", "network", "deferred"}
    assert outcomes["complete"] >= 2
    assert result.document["requests"] <= 2 * 5 * 1.1 + 10
    assert result.exit_code in {0, 3}


@NETWORK
async def test_a_server_that_vanishes_costs_one_attempt(open_world: OpenWorld) -> None:
    """Fault E6: the connection stays open and goes silent; the next attempt takes another."""
    async with place(open_world, Fleet(1, 3)) as here, here.served(7001) as met:
        here.world.fleet.faults = [Fault(path="/api/connections", latency=1.5, times=1)]

        async def listing() -> bool:
            return len(here.world.simulator.observed.requests()) == 2

        async with started(
            here.world,
            *("sync", "--json"),
            wrapper=here.namespace.wrapper,
            BASE_URL="http://127.0.0.1:7001",
            REQUEST_TIMEOUT_SECONDS=3,
        ) as process:
            await until(listing)
            ((_, port),) = met.accepted
            here.namespace.filter(f"tcp sport {port} drop", f"tcp dport {port} drop")
            result = await finished(process)
        assert result.exit_code == 0
        assert result.document["retries"] == 1
        assert len(met.accepted) == 2
        (row,) = (await scopes(here.world)).values()
        assert row["outcome"] == "complete"


async def test_a_host_that_trickles_is_given_its_time_and_no_more(open_world: OpenWorld) -> None:
    """Fault E5, trap T4: one byte in 0.3 s, in the body; the deadline is of the whole attempt."""
    async with open_world(Fleet(4, 3)) as world:
        world.fleet["acme-02"].faults = [Fault(path="/api/connections", byte_interval=0.3)]
        ran = await world.sync(REQUEST_TIMEOUT_SECONDS=1)
        assert ran.outcomes == {
            "acme-01": "complete",
            "acme-02": "timeout",
            "acme-03": "complete",
            "acme-04": "complete",
        }
        row = ran.scopes["acme-02"]
        seconds = (row["finished_at"] - row["started_at"]).total_seconds()
        assert 2 <= seconds - row["waited_seconds"] < 6, "two attempts of a second each"


async def test_proxies_and_passwords_of_the_surroundings_get_no_key(
    open_world: OpenWorld,
) -> None:
    """Fault E9, threat S5: variables name a proxy, .netrc another password; check says so."""
    async with open_world(Fleet(2, 2)) as world:
        async with front(world.simulator.base_url) as proxy:
            url = f"http://127.0.0.1:{proxy.port}"
            names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy")
            variables = dict.fromkeys(names, url) | {"NO_PROXY": "", "no_proxy": ""}
            (world.folder / ".netrc").write_text("default login someone password else\n")
            (world.folder / ".netrc").chmod(0o600)
            synced = await run(world, "sync", "--json", variables=variables)
            checked = await run(world, "check", variables=variables)
        assert (synced.exit_code, checked.exit_code) == (0, 0)
        assert proxy.accepted == []
        assert set(world.simulator.observed.organizations()) == {"acme-01", "acme-02"}
        assert "no proxy" in checked.stdout
        assert "note: HTTPS_PROXY is set and not used" in checked.stdout


@pytest.mark.parametrize("option", ["proxy", "insecure", "verify"])
def test_there_is_no_switch_for_a_proxy_or_for_trust(option: str) -> None:
    """Faults E7 and E9: neither is in the contract, and neither hides under another name."""
    from aggregator.settings import Settings  # noqa: PLC0415 - takes a while

    assert [name for name in Settings.model_fields if option in name] == []


@NETWORK
async def test_a_run_listens_nowhere(open_world: OpenWorld) -> None:
    """Threat S16: in a network of its own, nothing listens while it waits for an answer."""
    async with place(open_world, Fleet(1, 1)) as here, here.served(7001):
        before = here.namespace.command("ss -Hlntuxp")
        here.world.fleet.faults = [Fault(latency=30)]

        async def asked() -> bool:
            return bool(here.world.simulator.observed.requests())

        async with started(
            here.world,
            *("sync", "--json"),
            wrapper=here.namespace.wrapper,
            BASE_URL="http://127.0.0.1:7001",
        ) as process:
            await until(asked)
            during = here.namespace.command("ss -Hlntuxp")
            connected = here.namespace.command("ss -Hntp")
    assert ":7001" in before, "the host itself is seen, so others would be"
    assert during == before
    assert str(process.pid) in connected
