"""Faults E1, E2 and E12: names that do not resolve, that resolve to the dead, that change."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from tests.acceptance.world import until
from tests.command import Finished
from tests.faults.conftest import OpenWorld
from tests.faults.front import Front, front, listener
from tests.faults.names import Answer, Names, serving
from tests.faults.namespace import Namespace, namespace
from tests.faults.outside import needs_root, run, started
from tests.faults.world import World
from tests.simulator import Fault, Fleet

pytestmark = needs_root("ip", "nft")

HOST = "polytomic.test"
LIVE, DEAD = "192.0.2.10", "192.0.2.99"
DEAD6 = "2001:db8::99"


@dataclass(frozen=True, slots=True)
class Place:
    """A world whose host is known by name only, in a namespace."""

    world: World
    namespace: Namespace
    names: Names
    variables: dict[str, str]
    tls: ssl.SSLContext

    @asynccontextmanager
    async def served(self, address: str = LIVE) -> AsyncIterator[Front]:
        """The host at one more address."""
        kind = "128" if ":" in address else "32"
        self.namespace.command(f"ip addr add {address}/{kind} dev lo")
        sock = self.namespace.make(lambda: listener(address, 443))
        async with front(self.world.simulator.base_url, sock, self.tls) as met:
            yield met

    async def sync(self, **settings: object) -> Finished:
        return await run(
            self.world,
            *("sync", "--json"),
            wrapper=self.namespace.wrapper,
            variables=self.variables,
            BASE_URL=f"https://{HOST}",
            **settings,
        )


@asynccontextmanager
async def place(open_world: OpenWorld, folder: Path, fleet: Fleet) -> AsyncIterator[Place]:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(HOST).configure_cert(context)
    with namespace() as inside:
        async with (
            open_world(fleet) as world,
            serving(Names(), inside.names()) as names,
        ):
            yield Place(world, inside, names, {"SSL_CERT_FILE": str(folder / "ca.pem")}, context)


@pytest.mark.parametrize("answer", [Answer.NXDOMAIN, Answer.SERVFAIL, Answer.SILENCE])
async def test_a_name_that_does_not_resolve_is_asked_for_a_few_times_and_not_by_everyone(
    open_world: OpenWorld, tmp_path: Path, answer: Answer
) -> None:
    """Fault E1: the same outcome whatever the resolver says, and one breaker for the host."""
    async with place(open_world, tmp_path, Fleet(60, 1)) as here:
        here.names.answer = answer
        result = await here.sync(MAX_CONCURRENCY=12, RUN_DEADLINE_SECONDS=2)
        assert result.exit_code == 4
        assert result.document["outcomes"].keys() == {"network", "deferred"}
        assert result.document["outcomes"]["deferred"] >= 40
        assert 1 <= len(here.names.asked) <= 24


async def test_a_whole_fleet_asks_for_the_name_once(open_world: OpenWorld, tmp_path: Path) -> None:
    """Fault E1."""
    async with place(open_world, tmp_path, Fleet(60, 1)) as here, here.served():
        here.names.addresses = [LIVE]
        assert (await here.sync()).exit_code == 0
        assert len(here.names.asked) == 1


@pytest.mark.parametrize("how", ["drop", "reject with tcp reset"])
async def test_one_of_two_addresses_may_be_dead(
    open_world: OpenWorld, tmp_path: Path, how: str
) -> None:
    """Fault E2: silent or refusing."""
    async with place(open_world, tmp_path, Fleet(8, 1)) as here, here.served():
        here.namespace.command(f"ip addr add {DEAD}/32 dev lo")
        here.namespace.filter(f"ip daddr {DEAD} tcp dport 443 counter {how}")
        here.names.addresses = [DEAD, LIVE]
        result = await here.sync()
        assert result.exit_code == 0
        assert result.document["retries"] == 0
        assert here.namespace.counted()[0] >= 1, "the dead one was tried"


async def test_a_host_that_moves_during_a_run_is_found_again(
    open_world: OpenWorld, tmp_path: Path
) -> None:
    """Fault E2: the old address goes silent for good, and the name says another one."""
    async with (
        place(open_world, tmp_path, Fleet(40, 1)) as here,
        here.served() as old,
        here.served("192.0.2.20") as new,
    ):
        here.names.addresses = [LIVE]
        here.world.fleet.faults = [Fault(latency=0.1)]

        async def begun() -> bool:
            return len(here.world.simulator.observed.requests()) >= 4

        async with started(
            here.world,
            *("sync", "--json"),
            wrapper=here.namespace.wrapper,
            variables=here.variables,
            BASE_URL=f"https://{HOST}",
            MAX_CONCURRENCY=2,
            MAX_ATTEMPTS=8,
        ) as process:
            await until(begun)
            here.names.addresses = ["192.0.2.20"]
            here.namespace.filter(f"ip daddr {LIVE} tcp dport 443 reject with tcp reset")
            await process.communicate()
        assert process.returncode in {0, 3}
        rows = await here.world.query("select outcome from reporting.run_organizations")
        ended = Counter(row["outcome"] for row in rows)
        assert ended.keys() <= {"complete", "network"}
        assert ended["complete"] >= 20, "all but those whose retries the shared budget refused"
        assert old.accepted
        assert new.accepted
        assert len(here.names.asked) <= 4


async def test_a_broken_ipv6_costs_less_than_half_a_second(
    open_world: OpenWorld, tmp_path: Path
) -> None:
    """Fault E12: its address is there, and leads into silence."""
    async with place(open_world, tmp_path, Fleet(1, 1)) as here, here.served() as met:
        for address in (DEAD6, "2001:db8::1"):
            here.namespace.command(f"ip addr add {address}/128 dev lo")
        here.namespace.filter(f"ip6 daddr {DEAD6} tcp dport 443 counter drop")
        here.names.addresses = [DEAD6, LIVE]
        costs: list[float] = []
        while len(costs) < 3 and not any(cost <= 0.5 for cost in costs):  # a busy machine is slow
            here.names.asked.clear()
            met.accepted.clear()
            assert (await here.sync()).exit_code == 0
            costs.append(met.accepted[0][0] - here.names.asked[0])
        assert here.namespace.counted()[0] >= 1, "it was tried first"
        assert min(costs) <= 0.5


async def test_a_resolver_that_answers_late_is_waited_for(
    open_world: OpenWorld, tmp_path: Path
) -> None:
    """Fault E1: silence at first, then an answer: a retry finds it."""
    async with place(open_world, tmp_path, Fleet(3, 1)) as here, here.served():
        here.names.answer = Answer.SILENCE
        here.names.addresses = [LIVE]

        async def asked() -> bool:
            return bool(here.names.asked)

        finishing = asyncio.ensure_future(here.sync(MAX_ATTEMPTS=4))
        await until(asked)
        here.names.answer = Answer.NOERROR
        assert (await finishing).exit_code == 0
