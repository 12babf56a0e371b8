"""Faults E7, E8 and E10: no key goes to a server that is not proven to be the one we asked for."""

from __future__ import annotations

import asyncio
import ssl
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from tests.acceptance.world import until
from tests.command import Finished
from tests.faults.conftest import OpenWorld
from tests.faults.front import Front, front, quiet
from tests.faults.outside import needs_root, registry, run, started
from tests.faults.world import Row, World
from tests.simulator import Fault, Fleet

HOST = "localhost"
Make = Callable[[trustme.CA, trustme.CA], ssl.SSLContext]


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def days(number: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=number)


def self_signed(_: trustme.CA, stranger: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    both = trustme.Blob(stranger.private_key_pem.bytes() + stranger.cert_pem.bytes())
    with both.tempfile() as path:
        context.load_cert_chain(path)
    return context


@asynccontextmanager
async def openssl(certificate: trustme.LeafCert, version: str) -> AsyncIterator[Front]:
    """OpenSSL's own server, which speaks an old protocol only, and says why it ends."""
    with certificate.private_key_and_cert_chain_pem.tempfile() as pem:
        server = await asyncio.create_subprocess_exec(
            *("openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", pem, "-key", pem),
            *(version, "-cipher", "ALL:@SECLEVEL=0", "-www"),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=DEVNULL,
        )
        try:
            assert server.stdout
            await server.stdout.readuntil(b"ACCEPT")
            line = await server.stdout.readline()
            yield Front(int(line.rpartition(b":")[2]))
        finally:
            server.kill()
            await server.communicate()


@dataclass(frozen=True, slots=True)
class Case:
    """A server, and what is to be said of it."""

    name: str
    make: Make | str
    """A server's side of TLS, or an option of ``openssl s_server``."""
    says: str
    attempts: int = 1

    def __str__(self) -> str:
        return self.name


IN_TIME = "check the clock"
CASES = [
    Case("unknown-ca", lambda _, other: serving(other.issue_cert(HOST)), "local issuer"),
    Case("wrong-host", lambda ca, _: serving(ca.issue_cert("elsewhere.example")), "mismatch"),
    Case(
        "expired",
        lambda ca, _: serving(ca.issue_cert(HOST, not_before=days(-9), not_after=days(-1))),
        f"certificate has expired, {IN_TIME}",
    ),
    Case(
        "not-yet-valid",
        lambda ca, _: serving(ca.issue_cert(HOST, not_before=days(1), not_after=days(9))),
        f"certificate is not yet valid, {IN_TIME}",
    ),
    Case("self-signed", self_signed, "self-signed"),
    Case("tls-1.1", "-tls1_1", "PROTOCOL_VERSION", attempts=2),
    Case("tls-1.0", "-tls1", "PROTOCOL_VERSION", attempts=2),
]
TRUSTED = Case("trusted", lambda ca, _: serving(ca.issue_cert(HOST)), "")


@dataclass(frozen=True, slots=True)
class Picture:
    """What one run over all servers came to, and a second one that trusts the stranger too."""

    first: Finished
    fronts: dict[str, Front]
    outcomes: dict[str, str]
    errors: dict[str, str | None]
    attempts: dict[str, int]
    intercepted: dict[str, str]
    asked: list[str]
    """Organizations that the simulated host heard of in the first run."""


@asynccontextmanager
async def listening(
    world: World, cases: list[Case], ca: trustme.CA, stranger: trustme.CA
) -> AsyncIterator[dict[str, Front]]:
    async with AsyncExitStack() as stack:
        fronts = {}
        for case in cases:
            if isinstance(case.make, str):
                server = openssl(ca.issue_cert(HOST), case.make)
            else:
                server = front(world.simulator.base_url, tls=case.make(ca, stranger))
            fronts[case.name] = await stack.enter_async_context(server)
        yield fronts


async def _outcomes(world: World) -> list[Row]:
    return await world.query(
        "select organization, outcome, error, requests from reporting.run_organizations"
        " where run_id = (select run_id from reporting.runs order by started_at desc limit 1)"
    )


async def _picture(open_world: OpenWorld, folder: Path) -> Picture:
    ca, stranger = trustme.CA(), trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    both = ca.cert_pem.bytes() + stranger.cert_pem.bytes()
    (folder / "both.pem").write_bytes(both)
    cases = [*CASES, TRUSTED]
    fleet = Fleet(names=[case.name for case in cases], connections=2)
    async with (
        open_world(fleet) as world,
        listening(world, cases, ca, stranger) as fronts,
    ):
        hosts = {name: f"https://{HOST}:{met.port}" for name, met in fronts.items()}
        world.settings["ORGANIZATIONS_FILE"] = registry(world, hosts)
        world.keys = {}
        certificates = {"SSL_CERT_FILE": str(folder / "ca.pem")}
        first = await run(world, "sync", "--json", variables=certificates)
        rows = await _outcomes(world)
        asked = world.simulator.observed.organizations()
        seen = {name: replace(met, accepted=[*met.accepted]) for name, met in fronts.items()}
        certificates = {"SSL_CERT_FILE": str(folder / "both.pem")}
        await run(world, "sync", "--json", variables=certificates)
        later = await _outcomes(world)
    return Picture(
        first,
        seen,
        {row["organization"]: row["outcome"] for row in rows},
        {row["organization"]: row["error"] for row in rows},
        {row["organization"]: row["requests"] for row in rows},
        {row["organization"]: row["outcome"] for row in later},
        asked,
    )


@pytest.fixture(scope="module")
def picture(open_world: OpenWorld, tmp_path_factory: pytest.TempPathFactory) -> Picture:
    with quiet():
        return asyncio.run(_picture(open_world, tmp_path_factory.mktemp("certificates")))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_server_that_is_not_proven_gets_no_key(picture: Picture, case: Case) -> None:
    """Fault E7: tls, said in OpenSSL's words, and the request was never sent."""
    assert picture.outcomes[case.name] == "tls"
    assert case.says in (picture.errors[case.name] or "")
    assert (IN_TIME in (picture.errors[case.name] or "")) == (IN_TIME in case.says)
    assert picture.attempts[case.name] == case.attempts
    assert picture.fronts[case.name].accepted == [], "no handshake went through"
    assert case.name not in picture.asked


def test_a_server_that_is_proven_is_read_beside_them(picture: Picture) -> None:
    """Fault E7: hosts are on their own, and the refused ones are exit 3."""
    assert picture.outcomes["trusted"] == "complete"
    assert picture.first.exit_code == 3
    assert picture.asked == ["trusted"]


def test_interception_needs_a_ca_that_somebody_configured(picture: Picture) -> None:
    """Fault E10: a proxy that answers in the host's name is a stranger until SSL_CERT_FILE says
    otherwise; and no CA makes another host's or an old certificate good.
    """
    trusted = {name for name, outcome in picture.intercepted.items() if outcome == "complete"}
    assert trusted == {"trusted", "unknown-ca"}


async def test_when_nobody_can_be_trusted_the_host_is_left_alone(
    open_world: OpenWorld, tmp_path: Path
) -> None:
    """Fault E7: one breaker for the host; few of 60 organizations try a handshake."""
    handshakes = 0

    def count(_: object, __: object, ___: object) -> None:
        nonlocal handshakes
        handshakes += 1

    context = serving(trustme.CA().issue_cert(HOST))
    context.sni_callback = count
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    async with open_world(Fleet(60, 1)) as world:
        with quiet():
            async with front(world.simulator.base_url, tls=context) as met:
                result = await run(
                    world,
                    "sync",
                    "--json",
                    variables={"SSL_CERT_FILE": str(tmp_path / "ca.pem")},
                    BASE_URL=f"https://{HOST}:{met.port}",
                    MAX_CONCURRENCY=5,
                    RUN_DEADLINE_SECONDS=2,
                )
        assert result.exit_code == 4
        assert result.document["outcomes"].keys() == {"tls", "deferred"}
        assert 10 <= handshakes <= 20
        assert world.simulator.observed.requests() == []


@needs_root("faketime")
@pytest.mark.parametrize(
    ("offset", "says"), [("+1y", "has expired"), ("-1y", "is not yet valid")], ids=str
)
async def test_a_wrong_clock_is_named_where_certificates_fail_by_it(
    open_world: OpenWorld, tmp_path: Path, offset: str, says: str
) -> None:
    """Fault E8: the whole process lives a year off."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = serving(ca.issue_cert(HOST, not_before=days(-30), not_after=days(30)))
    async with open_world(Fleet(1, 1)) as world:
        with quiet():
            async with front(world.simulator.base_url, tls=context) as met:
                result = await run(
                    world,
                    "sync",
                    wrapper=("faketime", "-f", offset),
                    variables={"SSL_CERT_FILE": str(tmp_path / "ca.pem")},
                    BASE_URL=f"https://{HOST}:{met.port}",
                )
        assert result.exit_code == 4
        (scope,) = await _outcomes(world)
        assert f"{says}, check the clock of this machine" in scope["error"]


@needs_root("faketime")
async def test_a_clock_that_jumps_during_a_run_moves_no_wait(
    open_world: OpenWorld, tmp_path: Path
) -> None:
    """Fault E8: a year ahead, while a Retry-After of a second is waited out in a second."""
    moment = tmp_path / "moment"
    moment.write_text("+0")
    async with open_world(Fleet(3, 2)) as world:
        world.fleet.faults = [Fault(status=429, headers={"Retry-After": "1"}, times=1)]
        async with started(
            world,
            "sync",
            "--json",
            wrapper=("faketime", "-f", "+0"),
            variables={
                "FAKETIME_TIMESTAMP_FILE": str(moment),
                "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            },
        ) as process:

            async def asked() -> bool:
                return bool(world.simulator.observed.requests())

            await until(asked)
            moment.write_text("+1y")
            await process.communicate()
        assert process.returncode == 0
        refused, *_ = world.simulator.observed.requests()
        times = world.simulator.observed.times(refused.organization)
        assert 1.0 <= times[1] - times[0] < 3.0
        assert len(await world.query("select 1 from reporting.connections")) == 6
