"""The simulator's faults happen as they were scripted."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import AsyncIterator
from typing import Literal

import aiohttp
import pytest

from tests.simulator import Fault, Fleet, Simulator, html_page, refusal
from tests.simulator.server import VERSION_HEADER
from tests.simulator.visitor import Visitor


@pytest.fixture
async def visitor() -> AsyncIterator[Visitor]:
    async with Simulator(Fleet(3, 12)) as simulator, aiohttp.ClientSession() as own:
        yield Visitor(simulator, own)


async def test_a_fault_meets_so_many_requests_after_so_many_of_that_path(visitor: Visitor) -> None:
    fault = Fault(status=503, skip=1, times=2, path="/api/conn*")
    visitor.simulator.fleet["acme-01"].faults = [fault]
    assert await visitor.status("/api/me") == 200
    assert [await visitor.status() for _ in range(4)] == [200, 503, 503, 200]
    assert (fault.applied, fault.spent) == (2, True)
    assert await visitor.status(who="acme-02") == 200


async def test_a_fault_of_the_fleet_meets_everybody(visitor: Visitor) -> None:
    visitor.simulator.fleet.faults = [Fault(status=502)]
    assert await visitor.status() == 502
    assert await visitor.status(Authorization="Bearer wrong") == 502


@pytest.mark.parametrize("value", [3, "Fri, 31 Dec 2999 23:59:59 GMT", "soon", None])
async def test_a_refusal_says_when_to_come_back_in_any_words(
    visitor: Visitor, value: int | str | None
) -> None:
    visitor.simulator.fleet.faults = [refusal(value)]
    async with visitor.get() as response:
        expected = None if value is None else str(value)
        assert (response.status, response.headers.get("Retry-After")) == (429, expected)


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ({"data": None}, b'{"data":null}'),
        ({}, b"{}"),
        ([], b"[]"),
        ({"data": "x"}, b'{"data":"x"}'),
        (b"\xed\xa0\x80", b"\xed\xa0\x80"),
        ('{"data":[],"data":[]}', b'{"data":[],"data":[]}'),
        ({"data": [{"id": "\ud800"}]}, b'{"data":[{"id":"\\ud800"}]}'),
    ],
)
async def test_a_body_is_whatever_a_fault_says(visitor: Visitor, body: object, sent: bytes) -> None:
    visitor.simulator.fleet.faults = [Fault(body=body)]
    async with visitor.get() as response:
        assert (response.status, await response.read()) == (200, sent)


async def test_headers_are_added_and_taken_away(visitor: Visitor) -> None:
    headers = {"Set-Cookie": "a=b", VERSION_HEADER: None, "X-Large": "x" * 5000}
    visitor.simulator.fleet.faults = [Fault(headers=headers)]
    async with visitor.get() as response:
        assert response.headers["Set-Cookie"] == "a=b"
        assert len(response.headers["X-Large"]) == 5000
        assert VERSION_HEADER not in response.headers


async def test_a_page_for_people_comes_with_200(visitor: Visitor) -> None:
    visitor.simulator.fleet.faults = [html_page()]
    async with visitor.get() as response:
        assert (response.status, response.content_type) == (200, "text/html")


async def test_a_redirect_goes_where_the_fault_says(visitor: Visitor) -> None:
    away = Fault(status=302, headers={"Location": "https://elsewhere.example/"})
    visitor.simulator.fleet.faults = [away]
    async with visitor.get() as response:
        assert response.status == 302
        assert response.headers["Location"] == "https://elsewhere.example/"


async def test_the_true_answer_can_be_laid_over_and_edited(visitor: Visitor) -> None:
    visitor.simulator.fleet.faults = [
        Fault(envelope={"new": 1}, edit=lambda body: body.replace(b'"new":1', b'"new":2')),
    ]
    answer = await visitor.json()
    assert answer == {"data": visitor.simulator.fleet["acme-01"].connections, "new": 2}


@pytest.mark.parametrize(("kind", "different"), [("repeated", 1), ("endless", 3)])
async def test_pages_go_on_for_ever(
    visitor: Visitor, kind: Literal["repeated", "endless"], different: int
) -> None:
    visitor.simulator.fleet.page_sizes["/api/connections"] = 5
    visitor.simulator.fleet.faults = [Fault(next_page=kind)]
    tokens, token = set(), ""
    for _ in range(3):
        answer = await visitor.json(f"/api/connections?page_token={token}")
        token = answer["pagination"]["next_page_token"]
        tokens.add(token)
    assert len(tokens) == different


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_a_cut_body_is_noticed_where_its_end_was_told(
    visitor: Visitor, framing: Literal["length", "chunked"]
) -> None:
    visitor.simulator.fleet.faults = [Fault(cut_after=100, framing=framing)]
    async with visitor.get() as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_a_cut_body_is_merely_short_where_only_the_connection_ends_it(
    visitor: Visitor,
) -> None:
    visitor.simulator.fleet.faults = [Fault(cut_after=100, framing="close")]
    async with visitor.get() as response:
        assert "Content-Length" not in response.headers
        assert "Transfer-Encoding" not in response.headers
        assert len(await response.read()) == 100


@pytest.mark.parametrize("kind", ["whole", "truncated", "corrupt"])
async def test_compressed_bodies_break_below_a_fitting_length(
    visitor: Visitor, kind: Literal["whole", "truncated", "corrupt"]
) -> None:
    visitor.simulator.fleet.faults = [Fault(gzip=kind)]
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        visitor.session = session
        async with visitor.get() as response:
            assert response.headers["Content-Encoding"] == "gzip"
            body = await response.read()
            assert int(response.headers["Content-Length"]) == len(body)
    if kind == "whole":
        assert json.loads(gzip.decompress(body))["data"]
    else:
        with pytest.raises((EOFError, gzip.BadGzipFile, zlib.error)):
            gzip.decompress(body)


async def test_a_bomb_is_small_on_the_wire_and_valid(visitor: Visitor) -> None:
    visitor.simulator.fleet.faults = [Fault(bomb_bytes=20 << 20, body={"data": []})]
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        visitor.session = session
        async with visitor.get() as response:
            body = await response.read()
    decoded = gzip.decompress(body)
    assert len(body) < len(decoded) / 500
    assert len(decoded) == (20 << 20) + len(b'{"data":[]}')
    assert json.loads(decoded) == {"data": []}


async def test_bytes_can_trickle(visitor: Visitor) -> None:
    visitor.simulator.fleet.faults = [Fault(byte_interval=0.001, body={"data": []})]
    async with visitor.get() as response:
        pieces = [piece async for piece in response.content.iter_any()]
    assert b"".join(pieces) == b'{"data":[]}'
    assert len(pieces) > 1


async def test_kept_connections_can_be_ended_without_a_word(visitor: Visitor) -> None:
    visitor.simulator.fleet.faults = [Fault(close=True)]
    for _ in range(3):
        async with visitor.get() as response:
            assert response.headers.get("Connection") != "close"
            assert (await response.json())["data"]


async def test_answers_are_compressed_only_for_those_who_accept_it(visitor: Visitor) -> None:
    async with visitor.get(Accept_Encoding="gzip") as packed:
        assert packed.headers["Content-Encoding"] == "gzip"
    async with visitor.get(Accept_Encoding="identity") as plain:
        assert "Content-Encoding" not in plain.headers
    visitor.simulator.fleet.gzip = False
    async with visitor.get(Accept_Encoding="gzip") as switched_off:
        assert "Content-Encoding" not in switched_off.headers
