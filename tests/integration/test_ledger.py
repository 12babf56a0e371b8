"""The books: every scope has exactly one row in every run, however the run ends."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from aggregator import backpressure, commit, ledger, lookup, roster, runs
from aggregator.client import Client
from aggregator.commands.signals import Stopper
from aggregator.database import open_database
from aggregator.errors import ActiveRunError, DatabaseError, TransientDatabaseError
from aggregator.model import Record, Rejection
from aggregator.resources import RESOURCES
from tests.simulator import Fault
from tests.syncing import Row, Syncing

CONNECTIONS = RESOURCES["connections"]


async def _outcomes(world: Syncing) -> dict[str, str]:
    """Of the newest run; every organization of it exactly once."""
    run = (await world.runs())[0]
    scopes = await world.scopes({"run_id": str(run["run_id"])})
    return {name: row["outcome"] for name, row in scopes.items()}


async def test_every_scope_of_a_run_has_exactly_one_row(world: Syncing) -> None:
    """Invariant I3."""
    world.fleet["acme-02"].faults = [Fault(path="/api/connections", status=500)]

    account = await world.sync()

    scopes = await world.scopes(account)
    assert {name: row["outcome"] for name, row in scopes.items()} == {
        "acme-01": "complete",
        "acme-02": "upstream_error",
    }
    assert scopes["acme-02"]["http_status"] == 500
    assert scopes["acme-02"]["requests"] == 2
    assert sum(row["requests"] for row in scopes.values()) == account["requests"]
    [run] = await world.runs()
    assert (run["status"], run["exit_code"]) == ("partial", 3)
    assert run["outcomes"] == account["outcomes"]
    assert (run["organizations_complete"], run["organizations_failed"]) == (1, 1)
    assert (run["seen"], run["created"]) == (6, 6)
    assert run["finished_at"] >= run["started_at"]


async def test_a_run_is_in_the_ledger_from_its_first_second(
    world: Syncing, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Row] = []
    send = Client.send

    async def looking(self: Client, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as Client.send
        seen.extend(await world.runs())
        return await send(self, *arguments, **named)

    monkeypatch.setattr(Client, "send", looking)

    await world.sync("acme-01")

    assert seen[0]["status"] == "running"
    assert seen[0]["finished_at"] is None


async def test_the_next_run_closes_the_books_of_one_that_died(world: Syncing) -> None:
    """Fault H4, invariant I3."""
    dead = uuid4()
    names = list(world.organizations)
    async with world.database.transaction() as connection:
        await roster.register(connection, world.organizations.values())
        await runs.begin(connection, dead, "test", {"connections": names})
        await connection.execute(
            "insert into ledger.run_organizations (run_id, organization, resource, outcome)"
            " values ($1, 'acme-01', 'connections', 'complete')",
            dead,
        )

    await world.sync()

    living, closed = await world.runs()
    assert (living["status"], closed["status"]) == ("complete", "abandoned")
    assert closed["run_id"] == dead
    assert closed["outcomes"] == {"complete": 1, "cancelled": 1}
    counts = [closed[f"organizations_{name}"] for name in ("total", "complete", "failed")]
    assert counts == [2, 1, 1]
    assert {
        name: row["outcome"] for name, row in (await world.scopes({"run_id": str(dead)})).items()
    } == {
        "acme-01": "complete",
        "acme-02": "cancelled",
    }


async def test_books_are_closed_once(world: Syncing) -> None:
    await world.sync()
    finished = (await world.runs())[0]
    await world.sync()
    assert (await world.runs())[1] == finished


async def test_a_second_run_at_the_same_time_is_refused_and_writes_nothing(
    world: Syncing,
) -> None:
    """Fault F8."""
    async with open_database(world.database_url) as other, runs.run_lock(other, uuid4()):
        async with other.transaction() as connection:
            await runs.begin(connection, uuid4(), "test", {})
        with pytest.raises(ActiveRunError, match=r"run [0-9a-f-]{36} is active since"):
            await world.sync()

    assert await world.value("select count(*) from ledger.runs") == 1
    assert (await world.sync())["exit_code"] == 0


async def test_the_lock_of_a_run_hides_no_error_of_ours(world: Syncing) -> None:
    """An error of the block is not taken for one of the lock's connection."""
    with pytest.raises(TypeError, match="a bug"):
        async with runs.run_lock(world.database, uuid4()):
            raise TypeError("a bug")
    async with runs.run_lock(world.database, uuid4()):
        pass


# Bad endings


async def test_a_bug_in_one_scope_leaves_the_others_alone(
    world: Syncing, caplog: pytest.LogCaptureFixture
) -> None:
    """Fault H11."""
    broken = world.fleet["acme-01"].id

    def normalize(record: Any, *more: Any) -> Record | Rejection:  # noqa: ANN401 - the interface of Resource
        if record["organization_id"] == broken:
            raise ZeroDivisionError(record["name"])
        return CONNECTIONS.normalize(record, *more)

    world.resources = [replace(CONNECTIONS, normalize=normalize)]

    account = await world.sync()

    scopes = await world.scopes(account)
    assert (scopes["acme-01"]["outcome"], scopes["acme-01"]["error"]) == (
        "internal_error",
        "ZeroDivisionError",
    )
    assert scopes["acme-02"]["outcome"] == "complete"
    assert account["exit_code"] == 3
    assert "scope.bug" in caplog.messages


async def test_a_writer_that_dies_ends_the_run_and_every_scope_is_accounted_for(
    world: Syncing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault G4, invariants I3 and I7: nothing is called complete that was not written."""

    async def full(*_: object, **__: object) -> None:
        raise DatabaseError("the database's disk is full", sqlstate="53100")

    monkeypatch.setattr(commit, "write", full)

    with pytest.raises(DatabaseError, match="disk is full"):
        await world.sync()

    [run] = await world.runs()
    assert (run["status"], run["exit_code"]) == ("failed", 1)
    assert (run["organizations_complete"], run["organizations_failed"]) == (0, 2)
    assert run["outcomes"] == {"cancelled": 2}
    assert await _outcomes(world) == {"acme-01": "cancelled", "acme-02": "cancelled"}


async def test_a_database_that_goes_while_scopes_are_chosen_ends_the_run_with_its_own_error(
    world: Syncing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault G1: not as a group of errors that nobody catches."""

    async def gone(*_: object) -> None:
        raise TransientDatabaseError("the database cannot be reached")

    monkeypatch.setattr(ledger, "load_states", gone)

    with pytest.raises(TransientDatabaseError, match="cannot be reached"):
        await world.sync()

    [run] = await world.runs()
    assert (run["status"], run["organizations_complete"]) == ("failed", 0)
    assert await _outcomes(world) == {"acme-01": "cancelled", "acme-02": "cancelled"}


async def test_a_database_that_fails_one_scope_while_it_is_compared_fails_that_scope(
    world: Syncing, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.sync()
    world.fleet["acme-01"].connections[0]["name"] = "renamed"

    async def refusing(*_: object) -> None:
        raise TransientDatabaseError("connection lost")

    monkeypatch.setattr(lookup, "load_known", refusing)

    await world.sync()

    assert await _outcomes(world) == {"acme-01": "database_error", "acme-02": "complete"}


async def _stopped_when(
    world: Syncing, ready: Callable[[], Awaitable[bool]], number: signal.Signals
) -> Row:
    """The account of a run that gets a signal as soon as it is ``ready``."""
    stopper = Stopper()
    running = asyncio.create_task(world.sync(stopper=stopper))
    while not await ready():  # noqa: ASYNC110 - it watches the database
        await asyncio.sleep(0.01)
    stopper(number)
    return await running


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
async def test_a_stopped_run_keeps_what_is_finished_and_calls_the_rest_cancelled(
    world: Syncing, number: signal.Signals, code: int
) -> None:
    """Fault H1."""
    world.fleet["acme-02"].faults = [Fault(latency=30)]

    async def first_is_written() -> bool:
        return bool(await world.connections("acme-01"))

    account = await _stopped_when(world, first_is_written, number)

    assert (account["status"], account["exit_code"]) == ("cancelled", code)
    assert account["organizations"]["complete"] == 1
    assert account["outcomes"] == {"cancelled": 1, "complete": 1}
    [run] = await world.runs()
    assert (run["status"], run["exit_code"]) == ("cancelled", code)
    assert await _outcomes(world) == {"acme-01": "complete", "acme-02": "cancelled"}
    world.fleet["acme-02"].faults = []
    assert (await world.sync())["exit_code"] == 0


async def test_a_second_signal_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault H3."""
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    stopper = Stopper()
    stopper(signal.SIGTERM)
    stopper(signal.SIGTERM)
    assert ended == [143]
    task = asyncio.current_task()
    assert task is not None
    task.uncancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(0)


# Memory between network and database


@pytest.fixture
def budgets(monkeypatch: pytest.MonkeyPatch) -> list[backpressure.ByteBudget]:
    """The byte budgets of all runs; each holds so little that answers wait for each other."""
    made: list[backpressure.ByteBudget] = []
    begin = backpressure.ByteBudget.__init__

    def small(self: backpressure.ByteBudget, _: int) -> None:
        begin(self, 1_000)
        made.append(self)

    monkeypatch.setattr(backpressure.ByteBudget, "__init__", small)
    return made


async def _is_free(budget: backpressure.ByteBudget) -> bool:
    """Whether nothing is held: only then is there room for more than all of it."""
    try:
        async with asyncio.timeout(0.05):
            await budget.acquire(1_000_000)
    except TimeoutError:
        return False
    return True


async def test_bytes_are_released_whatever_the_outcome(
    world: Syncing, budgets: list[backpressure.ByteBudget]
) -> None:
    await world.query("alter table inventory.connections add check (name not like 'poison%')")
    world.fleet.page_sizes["/api/connections"] = 3
    world.fleet["acme-01"].faults = [Fault(path="/api/connections", skip=1, status=401)]
    world.fleet["acme-02"].connections[0]["name"] = "poison"

    account = await world.sync()

    assert account["outcomes"] == {"partial": 1, "unauthorized": 1}
    assert await _is_free(budgets[0])


async def test_bytes_of_refused_identities_and_foreign_rows_are_released(
    world: Syncing, budgets: list[backpressure.ByteBudget]
) -> None:
    world.fleet["acme-01"].connections[0]["organization_id"] = "another"
    world.fleet["acme-02"].faults = [Fault(path="/api/connections", body={"data": "?"})]

    account = await world.sync()

    assert account["outcomes"] == {"bad_payload": 1, "org_mismatch": 1}
    assert await _is_free(budgets[0])


async def test_answers_larger_than_the_budget_are_read_one_after_another(
    world: Syncing, budgets: list[backpressure.ByteBudget]
) -> None:
    account = await world.sync()

    assert account["outcomes"] == {"complete": 2}
    assert await _is_free(budgets[0])
