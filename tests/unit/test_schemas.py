"""Schemas are read once for all organizations, and none of these can keep them from the others."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, cast

import orjson
import pytest

from aggregator import lookup
from aggregator.backpressure import LARGE_SCOPES, ByteBudget, Hold
from aggregator.client import Caller, Client
from aggregator.database import Database
from aggregator.errors import ScopeError
from aggregator.limits import OrganizationLimits
from aggregator.model import Organization, Outcome, Request, Response
from aggregator.resources import RESOURCES
from aggregator.schemas import MOST_ATTEMPTS, MOST_FAILURES_IN_A_ROW, Schemas
from aggregator.scope import OrganizationState
from aggregator.visit import Scope, Visit
from tests.unit import virtual_time

SCHEMA = orjson.dumps({"properties": {"flavor": {"type": "string"}}})
Answer = Callable[[Caller, Request], Awaitable[bytes]]


class Server:
    """Answers requests for schemas as ``answer`` does, and counts them by organization."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.asked: Counter[str] = Counter()

    async def send(self, caller: Caller, request: Request) -> Response:
        self.asked[caller.organization.name] += 1
        return Response(200, {}, await self._answer(caller, request))


def schemas_of(server: Server) -> Schemas:
    return Schemas(
        cast("Client", server),
        cast("Database", None),
        "/api/connection_types/{id}",
        now=lambda: datetime.now(UTC),
    )


def scope_of(name: str, budget: ByteBudget | None = None) -> Scope:
    organization = Organization(name, "https://app.example", "app.example", "a test")
    hold = Hold(budget or ByteBudget(1))
    caller = Caller(organization, cast("OrganizationLimits", None), 0.0, hold=hold)
    visit = Visit(organization, OrganizationState())
    return Scope(visit, RESOURCES["connections"], caller, hold, datetime.now(UTC))


@pytest.fixture(autouse=True)
def _nothing_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    async def load_schemas(_: Database) -> list[Any]:
        return []

    monkeypatch.setattr(lookup, "load_schemas", load_schemas)


def forbidden() -> ScopeError:
    return ScopeError(Outcome.FORBIDDEN, "it may not", http_status=403)


def test_a_key_that_may_not_read_schemas_leaves_them_to_others() -> None:
    async def answer(caller: Caller, _: Request) -> bytes:
        await asyncio.sleep(1)
        if caller.organization.name == "lesser":
            raise forbidden()
        return SCHEMA

    async def main() -> None:
        server = Server(answer)
        schemas = schemas_of(server)
        scopes = [scope_of("lesser"), scope_of("other")]
        await asyncio.gather(*(schemas.rules(each, {"shop"}) for each in scopes))
        assert schemas.fields("app.example").keys() == {"shop"}
        assert server.asked == {"lesser": 1, "other": 1}

    virtual_time.run(main)


def test_a_slow_key_does_not_keep_others_waiting() -> None:
    async def answer(caller: Caller, _: Request) -> bytes:
        await asyncio.sleep(3600 if caller.organization.name == "slow" else 1)
        return SCHEMA

    async def main() -> None:
        schemas = schemas_of(Server(answer))
        slow = asyncio.create_task(schemas.rules(scope_of("slow"), {"shop", "store"}))
        await asyncio.sleep(0)
        await schemas.rules(scope_of("other"), {"shop", "store"})
        assert schemas.fields("app.example").keys() == {"shop", "store"}
        assert virtual_time.clock() < 60
        slow.cancel()
        await asyncio.wait([slow])

    virtual_time.run(main)


@pytest.mark.parametrize("outcome", [Outcome.NOT_FOUND, Outcome.TOO_LARGE, Outcome.BAD_PAYLOAD])
def test_a_schema_that_nobody_can_read_is_asked_for_a_few_times_in_a_run(outcome: Outcome) -> None:
    async def answer(_: Caller, __: Request) -> bytes:
        await asyncio.sleep(1)
        raise ScopeError(outcome, "no schema")

    async def main() -> None:
        server = Server(answer)
        schemas = schemas_of(server)
        scopes = [scope_of(f"org-{number}") for number in range(50)]
        await asyncio.gather(*(schemas.rules(each, {"shop"}) for each in scopes))
        assert server.asked.total() == MOST_ATTEMPTS

    virtual_time.run(main)


def test_many_scopes_that_miss_the_same_types_ask_for_each_once() -> None:
    async def answer(_: Caller, __: Request) -> bytes:
        await asyncio.sleep(0.01)
        return SCHEMA

    async def main() -> None:
        server = Server(answer)
        schemas = schemas_of(server)
        kinds = {f"type-{number}" for number in range(100)}
        scopes = [scope_of(f"org-{number}") for number in range(20)]
        await asyncio.gather(*(schemas.rules(each, kinds) for each in scopes))
        assert server.asked.total() == 100

    virtual_time.run(main)


def test_a_large_schema_waits_for_nobody_who_waits_for_it() -> None:
    """The scopes that may hold large bodies do so, and wait for what a small one asks for."""

    async def answer(caller: Caller, _: Request) -> bytes:
        assert caller.hold is not None
        await asyncio.sleep(1)
        await caller.hold.grow()
        return SCHEMA

    async def main() -> None:
        server, budget = Server(answer), ByteBudget(1)
        schemas = schemas_of(server)
        small = scope_of("small", budget)
        await small.hold.keep(1)
        large = [scope_of(f"large-{number}", budget) for number in range(LARGE_SCOPES)]
        for each in large:
            await each.hold.grow()
            await each.hold.keep(100)
        await asyncio.gather(*(schemas.rules(each, {"shop"}) for each in [small, *large]))
        assert server.asked == {"small": 1}

    virtual_time.run(main)


def test_others_ask_where_the_one_who_asked_is_cancelled() -> None:
    async def answer(_: Caller, __: Request) -> bytes:
        await asyncio.sleep(5)
        return SCHEMA

    async def main() -> None:
        schemas = schemas_of(Server(answer))
        first = asyncio.create_task(schemas.rules(scope_of("first"), {"shop"}))
        second = asyncio.create_task(schemas.rules(scope_of("second"), {"shop"}))
        await asyncio.sleep(1)
        first.cancel()
        await second
        assert "shop" in schemas.fields("app.example")

    virtual_time.run(main)


def test_a_key_that_reads_no_schema_is_not_asked_for_all_that_are_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def in_use(_: Database, __: str) -> dict[str, dict[str, str]]:
        return {f"type-{number}": {} for number in range(5_000)}

    async def answer(_: Caller, __: Request) -> bytes:
        await asyncio.sleep(30)
        raise ScopeError(Outcome.TIMEOUT, "no answer in time")

    async def main() -> None:
        server = Server(answer)
        scope = scope_of("slow")
        await schemas_of(server).refresh(scope)
        assert server.asked.total() == MOST_FAILURES_IN_A_ROW
        assert not scope.details_read

    monkeypatch.setattr(lookup, "load_kinds_in_use", in_use)
    virtual_time.run(main)
