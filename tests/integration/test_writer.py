"""Batches, and what becomes of them when the database refuses, dies or is written by others."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from aggregator import commit, database, diff, roster, runs
from aggregator.database import open_database
from aggregator.errors import DatabaseError, TransientDatabaseError
from aggregator.model import Counts, Organization, Outcome, Record
from aggregator.patience import Patience
from aggregator.resources import RESOURCES
from aggregator.scope import SOME_REJECTED, Change, Digests, ScopeResult
from aggregator.writer import Writer
from tests.command import ROOT
from tests.syncing import Syncing

CONNECTIONS = RESOURCES["connections"]
FORBID = (
    "alter table inventory.connections add constraint no_poison check (name not like 'poison%')"
)


def _records(organization_id: str, name: str, count: int) -> list[Record]:
    records = []
    for number in range(count):
        raw = {"id": f"c-{number}", "organization_id": organization_id, "name": name}
        record = CONNECTIONS.normalize(raw, False)
        assert isinstance(record, Record)
        records.append(record)
    return records


def _result(
    organization: Organization, name: str, *, count: int = 3, based_on: int = 0
) -> ScopeResult:
    """As the collector gives it for an organization whose connections all have this name."""
    organization_id = f"id-of-{organization.name}"
    records = _records(organization_id, name, count)
    hashes = {record.id: diff.content_hash(record) for record in records}
    now = datetime.now(UTC)
    changed = [(record, hashes[record.id]) for record in records]
    return ScopeResult(
        organization,
        CONNECTIONS,
        Outcome.COMPLETE,
        started_at=now,
        finished_at=now,
        organization_id=organization_id,
        counts=Counts(seen=count, unchanged=count),
        change=Change(records=changed, is_first=based_on == 0),
        digests=Digests(name.encode(), diff.tracked_digest(hashes), b"readings"),
        records=count,
        based_on=based_on,
    )


class _Begun:
    """A run that has begun, and its writer."""

    def __init__(self, writer: Writer, generation: int) -> None:
        self.writer = writer
        self.generation = generation
        self.waits: list[float] = []


@asynccontextmanager
async def _begun(world: Syncing) -> AsyncIterator[_Begun]:
    """A run over everyone, on a pool of its own as another process would have it."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    patience = Patience(clock=lambda: sum(waits), sleep=sleep, random=lambda: 1.0)
    async with open_database(world.database_url, patience) as opened:
        run_id = uuid4()
        names = list(world.organizations)
        async with opened.transaction() as connection:
            await roster.register(connection, world.organizations.values())
            generation = await runs.begin(connection, run_id, "test", {"connections": names})
        writer = Writer(opened, run_id, generation, written=lambda _: None)
        begun = _Begun(writer, generation)
        begun.waits = waits
        yield begun


async def _names(world: Syncing) -> dict[str, set[str]]:
    """Names of stored connections by organization id."""
    found: dict[str, set[str]] = {}
    for row in await world.query("select organization_id, name from inventory.connections"):
        found.setdefault(row["organization_id"], set()).add(row["name"])
    return found


def _counting(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Scopes of each transaction that is begun from now on."""
    sizes: list[int] = []
    write = commit.write

    async def counted(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as commit.write
        sizes.append(len(arguments[1]))
        return await write(*arguments, **options)

    monkeypatch.setattr(commit, "write", counted)
    return sizes


# Batches


async def test_the_end_of_a_stage_is_written_without_waiting_for_more(
    everything: Syncing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aggregator.writer.BATCH_SECONDS", 3600)
    sizes = _counting(monkeypatch)
    async with asyncio.timeout(30):
        account = await everything.sync()
    assert account["outcomes"] == {"complete": sum(sizes)}
    assert len(sizes) == 3, "lists, what is asked by connection, types: a transaction each"


# Locks of others


@pytest.fixture
def short_lock_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    shorter = database.LOCAL_SETTINGS.replace("'5s'", "'50ms'")
    monkeypatch.setattr(database, "LOCAL_SETTINGS", shorter)


@pytest.mark.usefixtures("short_lock_timeout")
async def test_a_locked_row_fails_its_scope_and_the_run_goes_on(world: Syncing) -> None:
    """Fault F5: even the state of that scope cannot be noted, only how it ended."""
    names = list(world.organizations)
    async with _begun(world) as begun, _locked(world, names[0], "ledger.scopes"):
        results = [_result(world.organizations[name], "x") for name in names]
        written = await begun.writer.write(results)
    assert {result.organization.name: result.outcome for result in written} == {
        names[0]: Outcome.DATABASE_ERROR,
        names[1]: Outcome.COMPLETE,
    }
    rows = await world.query("select organization, outcome from reporting.run_organizations")
    assert {row["organization"]: row["outcome"] for row in rows} == {
        names[0]: "database_error",
        names[1]: "complete",
    }
    assert await _names(world) == {f"id-of-{names[1]}": {"x"}}


@pytest.mark.usefixtures("short_lock_timeout")
async def test_a_locked_table_fails_the_scopes_that_would_write_it(world: Syncing) -> None:
    """Fault F5."""
    async with _begun(world) as begun, _locked(world, None, "inventory.connections"):
        results = [_result(one, "x") for one in world.organizations.values()]
        written = await begun.writer.write(results)
    assert {result.outcome for result in written} == {Outcome.DATABASE_ERROR}
    rows = await world.query("select last_outcome from ledger.scopes")
    assert {row["last_outcome"] for row in rows} == {"database_error"}
    assert await _names(world) == {}


@asynccontextmanager
async def _locked(world: Syncing, name: str | None, table: str) -> AsyncIterator[None]:
    """Somebody holds a lock on the organization's row of a table, or on the whole table."""
    connection = await asyncpg.connect(world.database_url)
    try:
        async with connection.transaction():
            if name is None:
                await connection.execute(f"lock table {table} in share mode")
            else:
                await connection.execute(
                    f"select from {table} where organization = $1 for update",
                    name,
                )
            yield
    finally:
        await connection.close()


# Refused data


async def test_one_refused_record_of_a_thousand_costs_itself_and_few_transactions(
    world: Syncing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault F1: isolation by halving."""
    await world.query(FORBID)
    acme = world.fleet["acme-01"]
    template = acme.connections[0]
    acme.connections = [template | {"id": f"c-{n:04}", "name": f"n {n}"} for n in range(1000)]
    acme.connections[617]["name"] = "poisonous hunter2"
    transactions = _counting(monkeypatch)

    account = await world.sync()

    scopes = await world.scopes(account)
    assert {name: row["outcome"] for name, row in scopes.items()} == {
        "acme-01": "partial",
        "acme-02": "complete",
    }
    counts = {name: scopes["acme-01"][name] for name in ("seen", "created", "rejected")}
    assert counts == {"seen": 1000, "created": 999, "rejected": 1}
    assert len(await world.connections("acme-01")) == 999
    assert len(await world.connections("acme-02")) == 6
    [rejected] = await world.query("select * from reporting.rejected_records")
    assert rejected["record_id"] == "c-0617"
    assert "no_poison" in rejected["reason"]
    assert "hunter2" not in rejected["reason"]
    refused = 2 if transactions[0] == 2 else 1  # the batch, and then the scope by itself
    others = 1  # acme-02
    written = 1
    assert len(transactions) <= refused + others + math.ceil(math.log2(1000)) + 2 + written
    assert account["exit_code"] == 3

    acme.connections[617]["name"] = "antidote"
    healed = await world.sync()
    assert healed["exit_code"] == 0
    assert len(await world.connections("acme-01")) == 1000


async def test_several_refused_records_are_each_found(world: Syncing) -> None:
    """Fault F1."""
    await world.query(FORBID)
    for index in (0, 2, 5):
        world.fleet["acme-01"].connections[index]["name"] = f"poison {index}"

    account = await world.sync()

    scope = (await world.scopes(account))["acme-01"]
    assert (scope["outcome"], scope["created"], scope["rejected"]) == ("partial", 3, 3)


async def test_of_a_refused_user_no_address_is_shown(world: Syncing) -> None:
    """Fault F1: rejections are read by people who may not read ``people.users``."""
    await world.query("alter table inventory.users add check (email not like 'poison%')")
    world.resources = (RESOURCES["users"],)
    for number, user in enumerate(world.fleet["acme-01"].users):
        user["email"] = f"{'poison' if number == 0 else 'good'}@coffee.example.com"

    account = await world.sync("acme-01")

    assert account["resources"]["users"]["rejected"] == 1
    [rejected] = await world.query("select * from reporting.rejected_records")
    assert "coffee" not in repr(rejected)


async def test_a_refused_change_leaves_the_row_as_it_was_and_removes_nothing(
    world: Syncing,
) -> None:
    """Fault F1."""
    acme = world.fleet["acme-01"]
    for connection in acme.connections:
        connection["api_calls_last_24_hours"] = 1
    await world.sync()
    await world.query(FORBID)
    kept = acme.connections[0]["id"]
    before = (await world.connections("acme-01"))[kept]
    acme.connections[0] |= {"name": "poison", "api_calls_last_24_hours": 2}
    acme.connections[1]["name"] = "renamed"
    gone = acme.connections.pop()

    account = await world.sync()

    scope = (await world.scopes(account))["acme-01"]
    assert (scope["outcome"], scope["updated"], scope["removed"]) == ("partial", 1, 0)
    assert scope["withheld"] == 1
    stored = await world.connections("acme-01")
    assert stored[kept]["name"] == before["name"]
    assert stored[kept]["api_calls_last_24_hours"] == 1
    assert stored[gone["id"]]["withheld_reason"] == SOME_REJECTED


async def test_a_scope_that_is_refused_as_a_whole_fails_alone(world: Syncing) -> None:
    await world.query(
        "alter table ledger.scopes"
        " add check (organization <> 'acme-01' or last_outcome <> 'complete')"
    )

    account = await world.sync()

    scopes = await world.scopes(account)
    assert scopes["acme-01"]["outcome"] == "database_error"
    assert (scopes["acme-01"]["seen"], scopes["acme-01"]["created"]) == (0, 0)
    assert scopes["acme-02"]["outcome"] == "complete"
    assert account["exit_code"] == 3
    assert await world.connections("acme-01") == {}
    assert len(await world.connections("acme-02")) == 6


async def test_more_refused_records_than_are_worth_finding_fail_their_scope(world: Syncing) -> None:
    await world.query(FORBID)
    acme = world.fleet["acme-01"]
    template = acme.connections[0]
    acme.connections = [template | {"id": f"c-{n}", "name": f"poison {n}"} for n in range(25)]

    account = await world.sync()

    scopes = await world.scopes(account)
    assert scopes["acme-01"]["outcome"] == "database_error"
    assert scopes["acme-02"]["outcome"] == "complete"
    assert await world.value("select count(*) from reporting.rejected_records") == 0


async def test_a_plan_finds_refused_records_as_a_run_does(world: Syncing) -> None:
    await world.query(FORBID)
    world.fleet["acme-01"].connections[0]["name"] = "poison"

    planned = await world.sync(plan=True)
    real = await world.sync()

    assert planned["outcomes"] == real["outcomes"] == {"complete": 1, "partial": 1}
    assert planned["resources"] == real["resources"]


# Transient errors


async def test_a_transient_error_is_retried_with_growing_waits(
    world: Syncing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault F3."""
    write, failures = commit.write, [TransientDatabaseError("deadlock")] * 2

    async def failing(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as commit.write
        if failures:
            raise failures.pop()
        return await write(*arguments, **options)

    monkeypatch.setattr(commit, "write", failing)
    async with _begun(world) as run:
        [result] = await run.writer.write([_result(world.organizations["acme-01"], "a")])

    assert result.outcome is Outcome.COMPLETE
    assert run.waits == [0.5, 1.0]


async def test_a_database_that_stays_away_ends_the_writer(
    world: Syncing, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(*_: Any, **__: Any) -> Any:  # noqa: ANN401 - as commit.write
        raise TransientDatabaseError("away")

    monkeypatch.setattr(commit, "write", failing)
    async with _begun(world) as run:
        with pytest.raises(DatabaseError, match="away"):
            await run.writer.write([_result(world.organizations["acme-01"], "a")])


def _killing(times: int) -> Callable[..., Awaitable[None]]:
    """A ``runs.record`` that ends its own connection, so many times."""
    record, left = runs.record, [times]

    async def killing(connection: Any, *arguments: Any) -> None:  # noqa: ANN401 - as runs.record
        if left[0]:
            left[0] -= 1
            await connection.execute("select pg_terminate_backend(pg_backend_pid())")
        await record(connection, *arguments)

    return killing


async def test_a_connection_that_dies_in_a_batch_is_replaced(
    world: Syncing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faults G1, G2."""
    monkeypatch.setattr(runs, "record", _killing(1))

    account = await world.sync()

    assert account["outcomes"] == {"complete": 2}
    assert account["resources"]["connections"]["created"] == 12


async def test_a_connection_that_dies_in_a_batch_leaves_no_torn_scope(
    world: Syncing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault H4."""
    monkeypatch.setattr(runs, "record", _killing(100))
    batch = [_result(one, "a") for one in world.organizations.values()]
    async with _begun(world) as run:
        with pytest.raises(DatabaseError):
            await run.writer.write(batch)

    assert await _names(world) == {}
    assert await world.value("select count(*) from ledger.run_organizations") == 0
    assert await world.value("select max(generation) from ledger.scopes") == 0


# Several writers


async def test_an_older_run_never_overwrites_a_newer_one(world: Syncing) -> None:
    """Faults D15, F9."""
    acme = world.organizations["acme-01"]
    async with _begun(world) as older, _begun(world) as newer:
        await newer.writer.write([_result(acme, "new")])
        [late] = await older.writer.write([_result(acme, "old", count=5)])

    assert late.outcome is Outcome.DEFERRED
    assert late.counts == Counts()
    assert await _names(world) == {"id-of-acme-01": {"new"}}
    generation = await world.value(
        "select generation from ledger.scopes where organization = 'acme-01'"
    )
    assert generation == newer.generation
    outcomes = await world.column("select outcome from ledger.run_organizations order by 1")
    assert outcomes == ["complete", "deferred"]


async def test_what_was_compared_with_an_overtaken_state_is_looked_at_again(
    world: Syncing,
) -> None:
    """Fault F9: an older run wrote after we compared; our digests would vouch for its rows."""
    acme = world.organizations["acme-01"]
    async with _begun(world) as older, _begun(world) as newer:
        await older.writer.write([_result(acme, "old")])
        await newer.writer.write([_result(acme, "new", based_on=0)])
        digests = await world.query(
            "select bytes_digest, tracked_digest, readings_digest from ledger.scopes"
            " where organization = 'acme-01'"
        )
        assert set(digests[0].values()) == {None}
        closed = await world.column(
            "select record ->> 'name' from inventory.history where id = 'c-0'"
        )
        assert closed == ["old"]

        async with _begun(world) as next_one:
            await next_one.writer.write([_result(acme, "new", based_on=newer.generation)])
    tracked = await world.value(
        "select tracked_digest from ledger.scopes where organization = 'acme-01'"
    )
    assert tracked is not None


async def test_writers_on_the_same_scopes_wait_for_each_other_without_deadlock(
    world: Syncing, caplog: pytest.LogCaptureFixture
) -> None:
    """Fault F9, trap T8: the run lock defeated; everybody takes rows in the order of their keys."""
    organizations = [world.organizations["acme-01"]]
    for number in range(20):
        world.add(f"org-{number:02}", f"face0000-bbbb-4000-8000-{number:012}")
        organizations.append(world.organizations[f"org-{number:02}"])
    async with _begun(world) as older, _begun(world) as newer:
        for round_ in range(4):
            forward = [_result(one, f"old {round_}") for one in organizations]
            backward = [_result(one, f"new {round_}") for one in reversed(organizations)]
            with caplog.at_level(logging.WARNING):
                await asyncio.gather(older.writer.write(forward), newer.writer.write(backward))

    assert not caplog.records, "a writer had to try again"
    assert set().union(*(await _names(world)).values()) == {"new 3"}


def test_no_statement_merges() -> None:
    """Trap T9: under concurrent writers MERGE deadlocks even on sorted rows."""
    statements = {path.name: path.read_text() for path in ROOT.glob("aggregator/sql/*.sql")}
    assert "upsert.sql" in statements
    assert [name for name, text in statements.items() if "merge into" in text.lower()] == []
