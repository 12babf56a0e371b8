from __future__ import annotations

import asyncio
import base64
import gzip
import inspect
import json
import logging
import math
import ssl
import subprocess
import time
import traceback
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Literal

import aiohttp
import pytest
from aiohttp import client_exceptions

from aggregator.allowlist import AllowList
from aggregator.backpressure import ByteBudget, Hold
from aggregator.client import Caller, Client, Tally, make_session
from aggregator.errors import RetryableError, ScopeError
from aggregator.limits import HostLimits, OrganizationLimits
from aggregator.model import (
    Credential,
    Organization,
    Outcome,
    Page,
    Refusal,
    Request,
    Response,
    Secret,
)
from aggregator.resources import RESOURCES
from aggregator.transport import FAILURES
from tests.integration.scripted_server import Hang, Received, Script, ScriptedServer, ok, serve

KEY = "canary-0000-4000-8000-fake"
LIST = b'{"data":[{"id":"1"}]}'
REQUEST = Request("/api/connections")


class Calling:
    """A client whose waits are written down instead of waited, and what it needs to ask."""

    def __init__(self, session: aiohttp.ClientSession, **settings: float) -> None:
        self.waits: list[float] = []
        self.may_ask: Callable[[Request], bool] = lambda _: True
        self.tally = Tally()
        self.deadline = math.inf
        options: dict[str, Any] = {
            "api_version": "2025-09-18",
            "request_timeout_seconds": 5.0,
            "max_attempts": 4,
            "max_response_bytes": 1_000_000,
        }
        self.client = Client(
            session,
            **(options | settings),
            clock=self.clock,
            sleep=self.sleep,
            random=lambda: 0.5,
            may_ask=self.is_allowed,
        )
        self.host = HostLimits(
            "api.test", requests_per_second=0, concurrency=8, clock=self.clock, sleep=self.sleep
        )

    def is_allowed(self, request: Request) -> bool:
        return self.may_ask(request)

    def clock(self) -> float:
        return sum(self.waits)

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    def limits(self, name: str = "acme") -> OrganizationLimits:
        return self.host.organization(name, requests_per_second=0, concurrency=8)

    def caller(
        self,
        of: Organization,
        hold: Hold | None = None,
        limits: OrganizationLimits | None = None,
    ) -> Caller:
        limits = limits or self.limits(of.name)
        return Caller(of, limits, self.deadline, self.tally, hold)

    async def get(self, of: Organization, request: Request = REQUEST) -> Response:
        return await self.client.send(self.caller(of), request)

    async def fail(self, of: Organization, request: Request = REQUEST) -> ScopeError:
        with pytest.raises(ScopeError) as error:
            await self.get(of, request)
        assert_no_key(error.value)
        return error.value

    async def pages(self, of: Organization) -> list[Page]:
        caller = self.caller(of)
        first = await self.client.send(caller, REQUEST)
        pages = self.client.pages(caller, REQUEST, first)
        return [page async for _, page in pages]


def assert_no_key(error: BaseException) -> None:
    """Trap T1: neither the error nor anything that hangs on it shows the key."""
    seen: list[BaseException] = []
    pending: list[BaseException | None] = [error]
    while pending:
        one = pending.pop()
        if one is None or one in seen:
            continue
        seen.append(one)
        assert not isinstance(one, aiohttp.ClientError)
        pending += [one.__cause__, one.__context__]
        # pytest's own frames hold everything; those of the package must not.
        frames = [
            frame
            for frame, _ in traceback.walk_tb(one.__traceback__)
            if "/tests/" not in frame.f_code.co_filename
        ]
        told = [repr(one), str(one), repr(vars(one)), *(repr(frame.f_locals) for frame in frames)]
        assert not [text for text in told if KEY in text]


def organization(
    base_url: str,
    key: str = KEY,
    name: str = "acme",
    *,
    scheme: Literal["bearer", "basic"] = "bearer",
    refusal: Refusal | None = None,
) -> Organization:
    return Organization(
        name=name,
        base_url=base_url,
        deployment="api.test",
        source="test",
        credential=None if refusal else Credential(Secret(key), scheme, "org-1"),
        refusal=refusal,
    )


@asynccontextmanager
async def calling(
    script: Script, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", **settings: float
) -> AsyncIterator[tuple[Calling, Organization, ScriptedServer]]:
    async with serve(script, tls, host) as server, make_session(8) as session:
        yield Calling(session, **settings), organization(server.base_url), server


def always(*steps: bytes | float | Hang) -> Script:
    return lambda _: steps


def in_turn(*answers: Iterable[bytes | float | Hang]) -> Script:
    """The first answer to the first request and so on; the last one from then on."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


async def test_a_request_carries_key_version_and_sender() -> None:
    async with calling(always(ok(LIST))) as (caller, acme, server):
        response = await caller.get(acme, Request("/api/x", (("page_token", "a+b/=é&%2F"),)))
    (received,) = server.received
    assert response.body == LIST
    assert received.headers["authorization"] == f"Bearer {KEY}"
    assert received.headers["x-polytomic-version"] == "2025-09-18"
    assert received.headers["accept-encoding"] == "gzip"
    assert received.headers["user-agent"].startswith("polytomic-inventory-aggregator/")
    assert received.target == "/api/x?page_token=a%2Bb/%3D%C3%A9%26%252F"


async def test_basic_is_the_organization_and_the_partner_key() -> None:
    async with calling(always(ok(LIST))) as (caller, _, server):
        await caller.get(organization(server.base_url, scheme="basic"))
    sent = server.received[0].headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent).decode() == f"org-1:{KEY}"


@pytest.mark.parametrize("key", ["", " ", "a\r\nX-Evil: 1", "é", "\u200b"])
@pytest.mark.parametrize("scheme", ["bearer", "basic"])
async def test_a_bad_key_is_never_sent(key: str, scheme: Literal["bearer", "basic"]) -> None:
    """Faults A3 to A5."""
    async with calling(always(ok(LIST))) as (caller, _, server):
        bad = organization(server.base_url, key, scheme=scheme)
        assert (await caller.fail(bad)).outcome == Outcome.BAD_KEY
    assert server.connections == 0


async def test_a_refused_organization_is_not_asked() -> None:
    async with calling(always(ok(LIST))) as (caller, _, server):
        refusal = Refusal(Outcome.WRONG_KEY_TYPE, "a partner key")
        refused = organization(server.base_url, refusal=refusal)
        assert (await caller.fail(refused)).outcome == Outcome.WRONG_KEY_TYPE
    assert server.connections == 0


@pytest.mark.parametrize(
    "request_",
    [
        Request("/api/connections/x/proxy"),
        Request("/api/connections/x/schemas/y/records"),
        Request("/api/connections/x/parameter_values", method="POST"),
        Request("/api/connections/test", method="POST"),
        Request("/api/connections/x/schemas/refresh", method="POST"),
        Request("/api/connections", method="POST"),
    ],
    ids=lambda request: f"{request.method} {request.path}",
)
async def test_what_may_not_be_asked_is_never_sent(request_: Request) -> None:
    """The program reads inventory, whoever asks for something else and why."""
    async with calling(always(ok(LIST))) as (caller, acme, server):
        caller.may_ask = AllowList(RESOURCES.values())
        with pytest.raises(PermissionError):
            await caller.get(acme, request_)
    assert server.connections == 0


@pytest.mark.parametrize(
    ("base_url", "path"),
    [
        ("http://api.test", "/x"),
        ("http://10.0.0.1", "/x"),
        ("ftp://127.0.0.1", "/x"),
        ("https://user:pw@127.0.0.1", "/x"),
        ("https://127.0.0.1", "@evil.test/x"),
        ("https://127.0.0.1", ".evil.test/x"),
        ("https://127.0.0.1:bad", "/x"),
    ],
)
async def test_a_key_leaves_only_over_https_and_to_its_own_origin(base_url: str, path: str) -> None:
    """Fault A13, threat S5."""
    async with make_session(1) as session:
        error = await Calling(session).fail(organization(base_url), Request(path))
    assert error.outcome in {Outcome.TLS, Outcome.NETWORK}
    assert "evil" not in error.message


@pytest.mark.parametrize("status", ["301 M", "302 F", "303 S", "307 T", "308 P"])
async def test_a_redirect_is_told_and_never_followed(status: str) -> None:
    """Fault B18, threat S5: the second origin sees no request."""
    async with serve(always(ok(LIST))) as other:
        location = f"Location: {other.base_url}/take?key={KEY}"
        script = always(ok(b"", location, status=status))
        async with calling(script) as (caller, acme, server):
            error = await caller.fail(acme)
    assert error.outcome == Outcome.REDIRECTED
    assert error.message.endswith("to http://127.0.0.1")
    assert (len(server.received), other.connections) == (1, 0)


async def test_a_cookie_is_neither_stored_nor_sent() -> None:
    """Fault B23, trap T6, threat S6: asked by name, for default jars keep none for an address."""
    script = always(ok(LIST, "Set-Cookie: session=of-acme; Path=/"))
    async with calling(script, host="localhost") as (caller, acme, server):
        await caller.get(acme)
        await caller.get(organization(server.base_url, name="other"))
    assert len(server.received) == 2
    assert "cookie" not in server.received[1].headers


async def test_each_of_many_organizations_gets_the_answer_to_its_own_key() -> None:
    """Threat S6: the server answers with the key it was given."""

    def echo(received: Received) -> list[bytes]:
        return [ok(json.dumps({"data": [received.headers["authorization"]]}).encode())]

    async with calling(echo) as (caller, _, server):

        async def ask(number: int) -> bool:
            one = organization(server.base_url, f"fake-{number}", str(number))
            return (await caller.get(one)).body == f'{{"data": ["Bearer fake-{number}"]}}'.encode()

        assert all(await asyncio.gather(*(ask(number) for number in range(500))))


async def test_a_401_is_final_and_never_repeated() -> None:
    """Fault B1."""
    script = always(ok(b'{"message":"unknown key"}', "X-Request-Id: r-7", status="401 U"))
    async with calling(script) as (caller, acme, server):
        error = await caller.fail(acme)
    assert (error.outcome, error.http_status) == (Outcome.UNAUTHORIZED, 401)
    assert caller.tally == Tally(requests=1, http_status=401, request_id="r-7")
    assert len(server.received) == 1


async def test_a_key_that_the_server_repeats_is_not_told() -> None:
    """Invariant I6."""
    body = json.dumps({"message": f"unknown key {KEY}"}).encode()
    script = always(ok(body, f"X-Request-Id: {KEY}", status="401 U"))
    async with calling(script) as (caller, acme, _):
        assert (await caller.fail(acme)).message == "HTTP 401: unknown key **"
    assert caller.tally.request_id == "**"


@pytest.mark.parametrize("status", ["500", "502", "503", "504"])
async def test_a_5xx_is_tried_four_times(status: str) -> None:
    """Fault B12."""
    async with calling(always(ok(b"", status=f"{status} E"))) as (caller, acme, server):
        error = await caller.fail(acme)
    assert (error.outcome, error.http_status) == (Outcome.UPSTREAM_ERROR, int(status))
    assert len(server.received) == 4
    assert caller.waits == [0.25, 0.5, 1.0]  # half of each ceiling: random is 0.5
    assert caller.tally == Tally(4, 3, 1.75, int(status))


async def test_a_429_is_waited_out_as_the_server_asks() -> None:
    """Fault B6."""
    limited = ok(b"", "Retry-After: 3", status="429 T")
    async with calling(in_turn([limited], [ok(LIST)])) as (caller, acme, _):
        await caller.get(acme)
    assert caller.waits == [3.0]
    assert caller.tally == Tally(2, 1, 3.0, 200)


async def test_a_retry_date_counts_from_the_servers_own_clock() -> None:
    """Fault B8."""
    date = "Date: Sun, 06 Nov 1994 08:49:37 GMT"
    until = "Retry-After: Sun, 06 Nov 1994 08:50:37 GMT"
    limited = ok(b"", date, until, status="429 T")
    async with calling(in_turn([limited], [ok(LIST)])) as (caller, acme, _):
        await caller.get(acme)
    assert caller.waits == [60.0]


async def test_a_429_beyond_the_deadline_is_deferred() -> None:
    """Fault B8."""
    async with calling(always(ok(b"", "Retry-After: 61", status="429 T"))) as (caller, acme, _):
        caller.deadline = 60
        error = await caller.fail(acme)
    assert (error.outcome, error.http_status) == (Outcome.DEFERRED, 429)
    assert caller.waits == []


async def test_retry_after_zero_is_no_hot_loop() -> None:
    """Fault B10."""
    async with calling(always(ok(b"", "Retry-After: 0", status="429 T"))) as (caller, acme, server):
        assert (await caller.fail(acme)).outcome == Outcome.RATE_LIMITED
    assert len(server.received) == 4
    assert sum(caller.waits) > 1


async def test_a_failure_whose_retry_would_be_too_late_is_told_as_what_it_was() -> None:
    async with calling(always(ok(b"", status="500 E"))) as (caller, acme, server):
        caller.deadline = 0.3
        assert (await caller.fail(acme)).outcome == Outcome.UPSTREAM_ERROR
    assert len(server.received) == 2


async def test_retries_end_with_the_shared_budget() -> None:
    """Fault B13."""
    async with calling(always(ok(b"", status="500 E"))) as (caller, acme, server):
        while caller.host.retries("/api/connections").spend():
            pass
        await caller.fail(acme)
    assert len(server.received) == 1


async def test_another_version_than_asked_for_stops_the_scope() -> None:
    """Fault B19."""
    async with calling(always(ok(LIST, "X-Polytomic-Version: 2021-05-23"))) as (caller, acme, _):
        assert (await caller.fail(acme)).outcome == Outcome.VERSION_MISMATCH


@pytest.mark.parametrize("end", [Hang.UP, Hang.RESET])
async def test_a_kept_alive_connection_that_was_closed_costs_nothing(end: Hang) -> None:
    """Fault B24: each connection dies at its third request, and nobody notices."""

    def script(received: Received) -> list[bytes | Hang]:
        return [end] if received.nth_of_connection == 2 else [ok(LIST)]

    async with calling(script) as (caller, acme, _):
        for _ in range(30):
            await caller.get(acme)
    assert caller.tally == Tally(requests=30, http_status=200)


@pytest.mark.parametrize("end", [Hang.UP, Hang.RESET])
async def test_a_new_connection_that_is_closed_is_a_failure_and_sent_no_second_time(
    end: Hang,
) -> None:
    """Invariant I5: nothing is sent behind the back of the limits."""
    async with calling(always(end), max_attempts=1) as (caller, acme, server):
        assert (await caller.fail(acme)).outcome == Outcome.NETWORK
    assert len(server.received) == 1


HEAD = b"HTTP/1.1 200 OK\r\n"
CUT_BODIES: dict[str, list[bytes | float | Hang]] = {
    "length": [HEAD + b"Content-Length: 100\r\n\r\n" + LIST, Hang.UP],
    "reset": [HEAD + b"Content-Length: 100\r\n\r\n" + LIST, 0.05, Hang.RESET],
    "chunked": [HEAD + b"Transfer-Encoding: chunked\r\n\r\n10\r\n{", Hang.UP],
    "until close": [HEAD + b"\r\n" + LIST[:-3], Hang.UP],
    "matching length": [ok(LIST[:-3])],
    "gzip": [ok(gzip.compress(LIST * 100)[:-9], "Content-Encoding: gzip")],
    "gzip head": [ok(b"", "Content-Encoding: gzip")],
    "corrupt gzip": [ok(gzip.compress(LIST)[:12] + b"\xff" * 30, "Content-Encoding: gzip")],
    "gzip checksum": [ok(gzip.compress(LIST)[:-8] + b"\0" * 8, "Content-Encoding: gzip")],
    "after gzip": [ok(gzip.compress(LIST) + b"more", "Content-Encoding: gzip")],
    "two gzips": [ok(gzip.compress(LIST) * 2, "Content-Encoding: gzip")],
    "headers": [HEAD + b"Content-Len", Hang.UP],
}


@pytest.mark.parametrize("cut", CUT_BODIES)
async def test_a_body_that_is_cut_or_corrupt_is_asked_for_again(cut: str) -> None:
    """Faults C1 and C2, E3, trap T3."""
    async with calling(in_turn(CUT_BODIES[cut], [ok(LIST)])) as (caller, acme, _):
        assert (await caller.get(acme)).body == LIST
    assert caller.tally.retries == 1


@pytest.mark.parametrize("cut", CUT_BODIES)
async def test_a_body_that_stays_cut_is_an_error_and_never_half_a_list(cut: str) -> None:
    """Faults C1 and C2."""
    async with calling(always(*CUT_BODIES[cut]), max_attempts=2) as (caller, acme, _):
        assert (await caller.fail(acme)).outcome in {Outcome.BAD_PAYLOAD, Outcome.NETWORK}


async def test_gzip_is_decoded_however_it_is_cut_into_chunks() -> None:
    body = gzip.compress(LIST)
    parts = [body[i : i + 1] for i in range(len(body))]
    head = HEAD + f"Content-Length: {len(body)}\r\nContent-Encoding: gzip\r\n\r\n".encode()
    async with calling(always(head, *parts)) as (caller, acme, _):
        assert (await caller.get(acme)).body == LIST


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "deflate", "bogus"])
async def test_an_encoding_that_we_did_not_ask_for_is_refused(encoding: str) -> None:
    """Fault C3."""
    script = always(ok(LIST, f"Content-Encoding: {encoding}"))
    async with calling(script) as (caller, acme, server):
        assert (await caller.fail(acme)).outcome == Outcome.BAD_PAYLOAD
    assert len(server.received) == 1


async def test_a_gzip_bomb_is_too_large_and_its_size_is_never_held() -> None:
    """Fault C3, trap T2: 300 MB in 300 kB."""
    bomb = ok(gzip.compress(bytes(300_000_000), 1), "Content-Encoding: gzip")
    async with calling(always(bomb), max_response_bytes=2_000_000) as (caller, acme, _):
        tracemalloc.start()
        try:
            error = await caller.fail(acme)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert error.outcome == Outcome.TOO_LARGE
    assert peak < 40_000_000


async def test_an_honest_body_beyond_the_cap_is_too_large_and_names_the_setting() -> None:
    """Fault C4."""
    async with calling(always(ok(b"x" * 1001)), max_response_bytes=1000) as (caller, acme, _):
        error = await caller.fail(acme)
    assert error.outcome == Outcome.TOO_LARGE
    assert "MAX_RESPONSE_BYTES" in error.message
    async with calling(always(ok(b"x" * 1000)), max_response_bytes=1000) as (caller, acme, _):
        assert len((await caller.get(acme)).body) == 1000


async def test_large_bodies_wait_for_each_other_without_a_slot_and_start_anew() -> None:
    """Fault C4: memory holds two of them at a time, not as many as there are requests."""
    large, small = ok(b"[" + b" " * (3 << 20) + b"]"), ok(LIST)
    budget = ByteBudget(1 << 20)
    holds = [Hold(budget), Hold(budget), Hold(budget)]

    def script(received: Received) -> list[bytes]:
        return [large if "large" in received.target else small]

    async with calling(script, max_response_bytes=4 << 20) as (caller, acme, server):
        limits = caller.limits()

        async def get(path: str, hold: Hold) -> Response:
            request = Request(path)
            return await caller.client.send(caller.caller(acme, hold, limits), request)

        await asyncio.gather(*(get("/large", hold) for hold in holds[:2]))
        waiting = asyncio.create_task(get("/large", holds[2]))
        await asyncio.gather(*(get("/small", Hold(budget)) for _ in range(20)))
        while len(server.received) < 23:  # noqa: ASYNC110 - the server makes it true
            await asyncio.sleep(0)
        assert not waiting.done()
        holds[0].release()
        assert len((await waiting).body) > 3 << 20
    assert (caller.tally.requests, caller.tally.retries) == (24, 0)


async def test_who_waits_for_room_holds_no_body() -> None:
    """Fault C4, threat S7."""
    budget = ByteBudget(1)
    large = [Hold(budget), Hold(budget)]
    for hold in large:
        await hold.grow()
    answer = ok(b"x" * 3_000_000)
    async with calling(always(answer), max_response_bytes=4_000_000) as (caller, acme, server):
        limits = caller.limits()
        tracemalloc.start()
        try:
            waiting = asyncio.create_task(
                caller.client.send(caller.caller(acme, Hold(budget), limits), REQUEST)
            )
            async with asyncio.timeout(5):
                while not budget.large._waiters:  # noqa: ASYNC110, SLF001 - another task waits
                    await asyncio.sleep(0)
            held = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        large[0].release()
        assert len((await waiting).body) == 3_000_000
    assert held < 1_000_000
    assert len(server.received) == 2


async def test_a_failure_that_waits_to_be_tried_again_holds_no_body() -> None:
    """Threat S7: the frames of an error hold what they worked on, in each scope for up to 30 s."""
    answer = ok(b"x" * 3_000_000, status="503 S")
    held: list[int] = []

    async def sleep(_: float) -> None:
        held.append(tracemalloc.get_traced_memory()[0])

    async with calling(always(answer), max_response_bytes=4_000_000) as (caller, acme, _):
        caller.client._sleep = sleep  # noqa: SLF001 - to look while it waits
        tracemalloc.start()
        try:
            await caller.fail(acme)
        finally:
            tracemalloc.stop()
    assert len(held) == 3
    assert max(held) < 2_000_000


async def test_more_values_than_memory_has_room_for_are_too_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Threat S7: ``[]`` takes three bytes on the wire and eighty in memory."""
    monkeypatch.setattr("aggregator.client.FEWEST_VALUES", 10)
    body = b'{"data":[' + b",".join([b"[]"] * 20) + b"]}"
    async with calling(always(ok(body)), max_response_bytes=320) as (caller, acme, _):
        assert (await caller.fail(acme)).outcome == Outcome.TOO_LARGE


async def test_more_records_than_memory_has_room_for_are_too_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Threat S7."""
    monkeypatch.setattr("aggregator.extent.FEWEST_RECORDS", 10)
    body = b'{"data":[' + b",".join([b"{}"] * 11) + b"]}"
    async with calling(always(ok(body)), max_response_bytes=1000) as (caller, acme, _):
        with pytest.raises(ScopeError) as error:
            await caller.pages(acme)
    assert error.value.outcome == Outcome.TOO_LARGE


@pytest.mark.parametrize(
    "headers",
    [
        [f"X-H{number}: 1" for number in range(50_000)],
        ["X-Big: " + "x" * 20_000],
        ["Content-Length: 5"],
        ["no colon"],
    ],
    ids=["many", "big", "two lengths", "no header"],
)
async def test_headers_that_are_too_many_too_big_or_wrong_are_an_error(headers: list[str]) -> None:
    """Fault B21."""
    async with calling(always(ok(LIST, *headers)), max_attempts=1) as (caller, acme, _):
        assert (await caller.fail(acme)).outcome in {Outcome.BAD_PAYLOAD, Outcome.NETWORK}


def drip(part: bytes) -> list[bytes | float | Hang]:
    return [part, 0.02] * 250


TRICKLES: dict[str, list[bytes | float | Hang]] = {
    "silence": [5.0],
    "headers": [HEAD, *drip(b"X: 1\r\n")],
    "one header": [HEAD + b"X: ", *drip(b"x")],
    "body": [HEAD + b"Content-Length: 9999\r\n\r\n", *drip(b"x")],
    "gzip": [
        HEAD + b"Content-Length: 9999\r\nContent-Encoding: gzip\r\n\r\n",
        *[bytes([byte]) if half else 0.02 for byte in gzip.compress(LIST) for half in (1, 0)],
        5.0,
    ],
}


@pytest.mark.parametrize("trickle", TRICKLES)
async def test_a_trickle_does_not_outlast_the_time_of_its_attempt(trickle: str) -> None:
    """Faults E5 and B21, trap T4."""
    script = always(*TRICKLES[trickle])
    async with calling(script, request_timeout_seconds=0.3, max_attempts=1) as (caller, acme, _):
        start = time.monotonic()
        error = await caller.fail(acme)
    assert error.outcome == Outcome.TIMEOUT
    assert time.monotonic() - start < 2


async def test_waiting_for_a_slot_does_not_count_as_waiting_for_an_answer() -> None:
    """Trap T5: 16 answers of 0.1 s, one at a time, each with 0.4 s to come in."""
    script = always(0.1, ok(LIST))
    async with calling(script, request_timeout_seconds=0.4) as (caller, acme, _):
        limits = caller.host.organization("acme", requests_per_second=0, concurrency=1)
        answers = (
            caller.client.send(caller.caller(acme, limits=limits), REQUEST) for _ in range(16)
        )
        assert len(await asyncio.gather(*answers)) == 16
    assert caller.tally.retries == 0


async def test_a_refused_connection_is_a_network_error_that_names_host_and_cause() -> None:
    """Fault E3."""
    async with serve(always()) as server:
        pass
    async with make_session(1) as session:
        error = await Calling(session, max_attempts=2).fail(organization(server.base_url))
    assert error.outcome == Outcome.NETWORK
    assert error.message == "127.0.0.1: cannot connect (ClientConnectorError, ECONNREFUSED)"


async def test_a_name_without_an_address_is_a_network_error() -> None:
    """Fault E1."""
    async with make_session(1) as session:
        caller = Calling(session, max_attempts=1)
        error = await caller.fail(organization("https://nowhere.invalid"))
    assert error.outcome == Outcome.NETWORK


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], ssl.SSLContext]:
    """A server's side with a certificate that nobody signed, valid so many days from now."""
    folder: Path = tmp_path_factory.mktemp("tls")

    def make(name: str) -> ssl.SSLContext:
        key, cert = folder / f"{name}.key", folder / f"{name}.crt"
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"]
        command += ["ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj", f"/CN={name}"]
        command += ["-addext", f"subjectAltName=DNS:{name}", "-keyout", str(key), "-out", str(cert)]
        subprocess.run(command, check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        return context

    return make


@contextmanager
def quiet_loop() -> Iterator[None]:
    """The server's side of a handshake that fails on purpose is logged by asyncio."""
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logging.getLogger("asyncio").setLevel(logging.NOTSET)


async def test_a_certificate_that_nobody_signed_is_refused_and_not_tried_again(
    certificate: Callable[[str], ssl.SSLContext],
) -> None:
    """Fault E7: no request is sent, and there is no switch to send one."""
    with quiet_loop():
        script = always(ok(LIST))
        async with calling(script, certificate("localhost"), "localhost") as (caller, acme, server):
            error = await caller.fail(acme)
    assert error.outcome == Outcome.TLS
    assert not isinstance(error, RetryableError)
    assert "self-signed" in error.message
    assert "clock" not in error.message
    assert (server.received, caller.tally.requests) == ([], 1)


async def test_a_server_that_speaks_no_tls_is_refused() -> None:
    """Fault E7."""
    async with serve(always(ok(LIST))) as server, make_session(1) as session:
        plain = organization(server.base_url.replace("http:", "https:"))
        with quiet_loop():
            error = await Calling(session, max_attempts=1, request_timeout_seconds=0.3).fail(plain)
    assert error.outcome in {Outcome.TLS, Outcome.NETWORK, Outcome.TIMEOUT}


async def test_any_page_token_is_followed_to_the_last_page() -> None:
    """Fault B26, with an empty page that has a token."""
    bodies = [
        b'{"data":[1],"pagination":{"next_page_token":"a"}}',
        b'{"data":null,"pagination":{"next_page_token":"b"}}',
        b'{"data":[2],"unknown":1}',
    ]
    async with calling(in_turn(*([ok(body)] for body in bodies))) as (caller, acme, server):
        pages = await caller.pages(acme)
    assert [page.records for page in pages] == [[1], [], [2]]
    assert [received.target for received in server.received] == [
        "/api/connections",
        "/api/connections?page_token=a",
        "/api/connections?page_token=b",
    ]
    assert caller.tally.requests == 3


async def test_a_page_token_that_comes_twice_is_incomplete() -> None:
    """Fault B26."""
    body = b'{"data":[1],"pagination":{"next_page_token":"again"}}'
    async with calling(always(ok(body))) as (caller, acme, server):
        with pytest.raises(ScopeError) as error:
            await caller.pages(acme)
    assert error.value.outcome == Outcome.BAD_PAYLOAD
    assert "incomplete" in error.value.message
    assert len(server.received) == 2


@pytest.mark.parametrize(
    ("padding", "outcome"), [(0, Outcome.BAD_PAYLOAD), (900, Outcome.TOO_LARGE)]
)
async def test_pages_without_end_are_bounded_in_number_and_size(
    padding: int, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault B26, threat S7."""
    monkeypatch.setattr("aggregator.client.MOST_PAGES", 20)
    numbers = iter(range(10**6))

    def script(_: Received) -> list[bytes]:
        pagination = {"next_page_token": str(next(numbers))}
        return [ok(json.dumps({"data": ["x" * padding], "pagination": pagination}).encode())]

    async with calling(script, max_response_bytes=1000) as (caller, acme, server):
        with pytest.raises(ScopeError) as error:
            await caller.pages(acme)
    assert error.value.outcome == outcome
    assert len(server.received) <= 20


async def test_in_a_total_outage_the_server_sees_few_attempts() -> None:
    """Fault B13, as counted by the server: attempts ≤ 1.10 x keys and the floor."""
    async with calling(always(Hang.RESET)) as (caller, _, server):
        outcomes = await asyncio.gather(
            *(caller.fail(organization(server.base_url, name=str(n))) for n in range(200))
        )
    assert len(server.received) < 60
    assert {error.outcome for error in outcomes} == {Outcome.NETWORK, Outcome.DEFERRED}


def test_every_error_of_the_library_is_mapped() -> None:
    errors = {
        kind
        for _, kind in inspect.getmembers(client_exceptions, inspect.isclass)
        if issubclass(kind, aiohttp.ClientError)
    }
    assert errors
    assert errors <= FAILURES.keys()
