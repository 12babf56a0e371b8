"""Others at work in the same database: locks, deadlocks, long queries, views on our tables."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from aggregator import database as module
from aggregator import migrate
from aggregator.database import open_database
from aggregator.errors import DatabaseError
from aggregator.migrate import Migration
from tests.acceptance.world import WAITING
from tests.faults.outages import Waits
from tests.faults.servers import administer
from tests.simulator import Fault, Fleet
from tests.syncing import Syncing, syncing

ONCE = """
create sequence public.met;
create function public.fail_once() returns trigger language plpgsql as $$
begin
    if nextval('public.met') = 1 then
        raise exception 'once' using errcode = '{state}';
    end if;
    return new;
end $$;
create trigger fail_once before insert on ledger.run_organizations
for each row execute function public.fail_once();
"""
"""The server raises an error at the first row of the ledger, and never again."""


@asynccontextmanager
async def another_session(dsn: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def until_somebody_waits(world: Syncing) -> None:
    while not await world.query(WAITING):  # noqa: ASYNC110 (another session makes it true)
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("row", "state"),
    [("Fault F3", "40P01"), ("Fault F3", "40001"), ("Fault F4", "23505")],
    ids=["Fault F3: deadlock", "Fault F3: serialization", "Fault F4: unique violation"],
)
async def test_what_fails_by_accident_is_tried_again_and_counted_once(
    database_url: str, row: str, state: str
) -> None:
    await administer(database_url, ONCE.format(state=state))
    waits = Waits()
    async with syncing(database_url, Fleet(3, 4), waits.patience) as world:
        account = await world.sync()
        assert account["outcomes"] == {"complete": 3}, row
        assert account["resources"]["connections"]["created"] == 12
        assert await world.value("select count(*) from ledger.rejected_records") == 0
    assert waits.count == (1 if row == "Fault F3" else 0)


async def test_a_real_deadlock_costs_one_more_attempt(database_url: str) -> None:
    """Fault F3: somebody else locks scopes in another order than every writer of ours."""
    waits = Waits()
    async with (
        syncing(database_url, Fleet(2, 4), waits.patience) as world,
        another_session(database_url) as other,
    ):
        await world.sync()
        for organization in world.fleet:
            organization.connections[0]["name"] = "renamed"
        lock = "select from ledger.scopes where organization = $1 for update"
        async with other.transaction():
            await other.execute("set local deadlock_timeout = '30s'")  # ours notices it first
            await other.execute(lock, "acme-02")
            running = asyncio.create_task(world.sync())
            await until_somebody_waits(world)
            await other.execute(lock, "acme-01")
        assert (await running)["outcomes"] == {"complete": 2}
    assert waits.count >= 1


@pytest.mark.parametrize("table", ["ledger.runs", "ledger.scopes", "ledger.organizations"])
async def test_a_lock_on_the_ledger_is_waited_for(
    database_url: str, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault F5: when the run begins, chooses whom to ask, and loads what is known of them."""
    shorter = module.LOCAL_SETTINGS.replace("'5s'", "'50ms'")
    monkeypatch.setattr(module, "LOCAL_SETTINGS", shorter)
    async with another_session(database_url) as other:
        transaction = other.transaction()
        await transaction.start()
        waits = Waits(transaction.rollback)
        async with syncing(database_url, Fleet(2, 4), waits.patience) as world:
            await other.execute(f"lock table {table} in access exclusive mode")
            assert (await world.sync())["outcomes"] == {"complete": 2}
    assert waits.count >= 2


async def test_reads_wait_for_a_lock_too(database_url: str) -> None:
    """Fault F5: they have no lock timeout, only the one of every command."""
    async with (
        syncing(database_url, Fleet(2, 4)) as world,
        another_session(database_url) as other,
    ):
        await world.sync()
        world.fleet["acme-01"].connections[0]["name"] = "renamed"
        async with other.transaction():
            await other.execute("lock table inventory.connections in access exclusive mode")
            running = asyncio.create_task(world.sync())
            await until_somebody_waits(world)
        assert (await running)["outcomes"] == {"complete": 2}


async def test_a_long_query_of_a_bi_tool_is_not_blocked_and_sees_one_state(
    database_url: str,
) -> None:
    """Fault F12: and the run does not wait for it."""
    async with (
        syncing(database_url, Fleet(4, 5)) as world,
        another_session(database_url) as reader,
    ):
        await world.sync()
        for organization in world.fleet:
            for connection in organization.connections:
                connection["name"] = "new"
        query = asyncio.create_task(
            reader.fetch("select name, pg_sleep(0.1) from reporting.connections")
        )
        await asyncio.sleep(0.1)
        assert (await world.sync())["resources"]["connections"]["updated"] == 20
        assert not query.done(), "the run was the first to end"
        seen = {row["name"] for row in await query}
        assert len(seen) > 1
        assert "new" not in seen


async def test_a_reader_never_sees_half_an_organization(database_url: str) -> None:
    """Fault F12: whenever it looks."""
    async with (
        syncing(database_url, Fleet(30, 8)) as world,
        another_session(database_url) as reader,
    ):
        for number, organization in enumerate(world.fleet):
            organization.faults = [Fault(latency=0.02 * number)]
        states = set()
        running = asyncio.create_task(world.sync())
        while not running.done():
            rows = await reader.fetch(
                "select o.organization, count(c.connection_id) as rows from ledger.organizations o"
                " left join reporting.connections c using (organization) group by 1"
            )
            states |= {row["rows"] for row in rows}
            await asyncio.sleep(0)
        assert (await running)["outcomes"] == {"complete": 30}
    assert states == {0, 8}


@pytest.mark.parametrize(
    ("change", "view"),
    [
        ("alter table inventory.ours drop column kind", "view public.mine depends on column"),
        (
            "alter table inventory.ours alter column kind type varchar(9)",
            "view public.mine depends on column",
        ),
    ],
)
async def test_a_migration_that_somebodys_view_is_in_the_way_of_changes_nothing_and_names_it(
    database_url: str, monkeypatch: pytest.MonkeyPatch, change: str, view: str
) -> None:
    """Fault F13."""
    await administer(
        database_url,
        "create table inventory.ours (id text, kind text)",
        "alter table inventory.ours owner to inventory_owner",
        "create view public.mine as select kind from inventory.ours",
    )
    released = migrate.load_migrations()
    sql = f"create table inventory.earlier (id text); {change};"
    monkeypatch.setattr(
        migrate, "load_migrations", lambda: [*released, Migration(len(released) + 1, "next", sql)]
    )
    async with open_database(database_url) as database:
        with pytest.raises(DatabaseError, match=f"{len(released) + 1:04}_next.*{re.escape(view)}"):
            await migrate.apply(database)
        left = await database.fetch("select to_regclass('inventory.earlier') as earlier")
        assert left[0]["earlier"] is None
        assert len(await migrate.pending(database)) == 1
        await database.fetch("select kind from public.mine")


async def test_no_number_that_grows_with_every_run_is_too_short(database_url: str) -> None:
    """Fault F18: beside it, an unchanged fleet writes no row of the inventory."""
    async with syncing(database_url, Fleet(2, 4)) as world:
        short = await world.column(
            "select table_schema || '.' || table_name || '.' || column_name"
            " from information_schema.columns"
            " where table_schema in ('ledger', 'inventory') and data_type <> 'bigint'"
            " and (is_identity = 'YES' or column_name like '%generation'"
            " or column_default like 'nextval%')"
        )
        assert short == []
        await world.sync()
        before = await world.inventory_writes()
        await world.sync()
        assert await world.inventory_writes() == before
