"""Any bytes as the answer to a list, through all of the program but the socket and the commit.

``swallow`` lets the real client, collector and writer work on bodies, each the list of an
organization of its own, and rolls everything back. Shared by the property test and by
``benchmarks/fuzz.py``.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from random import Random
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import yarl

from aggregator.allowlist import AllowList
from aggregator.backpressure import ByteBudget, Hold
from aggregator.client import Caller, Client
from aggregator.collect import Collector
from aggregator.database import Database
from aggregator.diff import RemovalRules
from aggregator.limits import HostLimits
from aggregator.model import Credential, Organization, Outcome, Response, Secret
from aggregator.resources import RESOURCES
from aggregator.schemas import Schemas
from aggregator.scope import OrganizationState, ScopeResult
from aggregator.transport import make_session
from aggregator.visit import Scope, Visit
from aggregator.writer import Writer
from tests.simulator.generate import make_connections

VERSION = "2025-09-18"
CONNECTIONS = RESOURCES["connections"]
EXPECTED = {Outcome.COMPLETE, Outcome.PARTIAL, Outcome.BAD_PAYLOAD, Outcome.ORG_MISMATCH}
"""How any answer of status 200 may end."""
REFUSED = "Postgres refused a record"


async def swallow(database: Database, bodies: Sequence[bytes]) -> list[ScopeResult]:
    """How each body ended, in order; the database is as it was before."""
    answers = {f"org-{number}.example": body for number, body in enumerate(bodies)}
    written: dict[str, ScopeResult] = {}

    def note(results: Sequence[ScopeResult]) -> None:
        written.update((result.organization.name, result) for result in results)

    writer = Writer(database, uuid4(), 1, written=note, plan_version="any")
    async with make_session(1) as session:
        client = Client(
            session,
            api_version=VERSION,
            request_timeout_seconds=1,
            max_attempts=1,
            max_response_bytes=1 << 30,
            clock=time.monotonic,
            sleep=_at_once,
            random=lambda: 0.0,
            may_ask=AllowList([CONNECTIONS]),
        )
        collector = Collector(
            client,
            database,
            schemas=Schemas(client, database, None, now=_now),
            pepper=b"",
            rules=RemovalRules(0.1, 10),
            budget=ByteBudget(1 << 40),
            now=_now,
        )
        with patch("aggregator.client.send", _answering(answers)):
            results = [await collector.collect(_scope(host)) for host in answers]
    note(await writer.write(results))
    return [written[host] for host in answers]


def complaint(result: ScopeResult) -> str | None:
    """What is wrong with the end of a body: neither stored nor rejected, or refused."""
    if result.outcome not in EXPECTED:
        return f"{result.outcome}: {result.error}"
    if any("database refuses" in rejection.reason for rejection in result.rejections):
        return REFUSED
    counts = result.counts
    if result.outcome in {Outcome.COMPLETE, Outcome.PARTIAL} and (
        counts.seen != counts.created + counts.rejected
    ):
        return f"neither stored nor rejected: {counts}"
    return None


# Realistic lists and what may happen to them

ODDITIES: Sequence[Any] = (
    *(None, True, False, 0, -1, 1.5, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63) - 1),
    *(10**40, 1e308, -1e308, float("nan"), float("inf"), "", " ", "\0", "a\0b", "\ud800", "\udfff"),
    *("\ufffd", "\ufffe\uffff", "\U0010ffff", "\u202e", "\u2028", "\x85", "\x1b[2J", "'; --", "{}"),
    *("0001-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "0002-01-01T00:00:00+14:00", "24:00"),
    *("9999-12-31T23:59:59-23:59", "10000-01-01T00:00:00Z", "-infinity", "2024-02-30", "2024-W01"),
    *("20240506T070809.123456789Z", "2024-05-06 07:08:60Z", "44 BC", "now", "\u0662024-01-01"),
    *([], {}, [[]], {"": ""}, {"\0": "\0"}, {"\ud800": 1}, {"a": {"a": {"a": None}}}),
    *("x" * 3_000, "é" * 70_000, list(range(300)), {str(n): n for n in range(300)}),
)
FIELDS = (
    *("id", "organization_id", "name", "type", "configuration", "status", "status_error", "saved"),
    *("policies", "parent_connection_id", "created_at", "created_by", "updated_at", "updated_by"),
    *("api_calls_last_24_hours", "rate_limit", "unknown", "", "\0", "\ud800", "secret"),
)


def mutated(random: Random, most_mutations: int = 6) -> bytes:
    """A realistic list after a few mutations of its values, its structure and its bytes."""
    seed = random.randrange(1 << 30)
    records: list[Any] = list(make_connections(seed, "", "acme", random.randint(0, 6)))
    for record in records:
        del record["organization_id"]
    for _ in range(random.randint(0, most_mutations)):
        _mutate_list(random, records)
    envelope: Any = {"data": records}
    if random.random() < 0.05:
        envelope[random.choice(("pagination", "error", "data", "new"))] = random.choice(ODDITIES)
    body = json.dumps(envelope, ensure_ascii=random.random() < 0.5)
    raw = body.encode(errors="surrogatepass")
    return _mutate_bytes(random, raw) if random.random() < 0.2 else raw


def _mutate_list(random: Random, records: list[Any]) -> None:
    choice = random.random()
    if not records or choice < 0.1:
        records.insert(random.randint(0, len(records)), _oddity(random))
    elif choice < 0.2:
        twin = random.choice(records)
        records.append(dict(twin) if isinstance(twin, dict) else twin)
    elif choice < 0.25:
        records.append(_nested(random.choice((10, 70, 500))))
    else:
        _mutate_inside(random, random.choice(records))


def _mutate_inside(random: Random, value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Changes one value somewhere in an object or a list."""
    while isinstance(value, dict | list):
        keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
        if isinstance(value, dict) and random.random() < 0.3:
            keys = [random.choice(FIELDS)]
        if not keys:
            return
        key = random.choice(keys)
        inner = value.get(key) if isinstance(value, dict) else value[key]
        if isinstance(inner, dict | list) and inner and random.random() < 0.6:
            value = inner
            continue
        if isinstance(value, dict) and random.random() < 0.15:
            value.pop(key, None)
        else:
            value[key] = _oddity(random)
        return


def _mutate_bytes(random: Random, body: bytes) -> bytes:
    position = random.randrange(len(body))
    junk = random.choice(
        (b"\xff", b"\x00", b"\xed\xa0\x80", b'"', b"}", b"\\u0000", b"\\ud800", b"[" * 1_100, b"")
    )
    return body[:position] + junk + body[position + random.randint(0, 2) :]


def _oddity(random: Random) -> Any:  # noqa: ANN401 - any JSON value
    """A copy, because it may be mutated further."""
    return deepcopy(random.choice(ODDITIES))


def _nested(depth: int) -> Any:  # noqa: ANN401 - any JSON value
    value: Any = {"id": "deep"}
    for _ in range(depth):
        value = [value]
    return {"id": f"nested {depth}", "configuration": {"a": value}, "unknown": value}


def _answering(answers: Mapping[str, bytes]) -> Callable[..., Awaitable[Response]]:
    """Stands for ``transport.send``: what each host answers, and who its key speaks for."""

    async def send(_session: object, url: yarl.URL, *_: object, **__: object) -> Response:
        host = url.host or ""
        body = answers[host]
        if url.path == "/api/me":
            body = json.dumps({"data": {"is_user": True, "organization_id": host}}).encode()
        return Response(200, {"x-polytomic-version": VERSION}, body)

    return send


def _scope(host: str) -> Scope:
    organization = Organization(
        name=host,
        base_url=f"https://{host}",
        deployment=host,
        source="a test",
        credential=Credential(Secret("face0000")),
    )
    limits = HostLimits(
        host, requests_per_second=0, concurrency=1, clock=time.monotonic, sleep=_at_once
    ).organization(host, requests_per_second=0, concurrency=1)
    hold = Hold(ByteBudget(1 << 40))
    caller = Caller(organization, limits, time.monotonic() + 3600, hold=hold)
    return Scope(Visit(organization, OrganizationState()), CONNECTIONS, caller, hold, _now())


def _now() -> datetime:
    return datetime.now(UTC)


async def _at_once(_: float) -> None:
    await asyncio.sleep(0)
