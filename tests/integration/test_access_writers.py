"""The job with lesser rights: a writer without DDL, and an owner to whom policies apply too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from aggregator import migrate
from aggregator.resources import RESOURCES
from tests.databases import Databases
from tests.logins import Login, new_login
from tests.simulator import Fleet
from tests.syncing import Syncing, syncing

OpenLogin = Callable[[str], AbstractAsyncContextManager[Login]]

TABLES = """
select format('%I.%I', n.nspname, c.relname) as name
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('inventory', 'ledger') and c.relkind = 'r'
    and c.relname not in ('migrations', 'installation', 'run_lock')
order by 1
"""
BOOKS_OF_RENAMED = "books under the name renamed"


@asynccontextmanager
async def writer(empty_database_url: str) -> AsyncIterator[Login]:
    """A member of ``inventory_writer``; somebody else has migrated, and took ``TEMPORARY`` away
    from all others.
    """
    await migrate.migrate(empty_database_url)
    owner = await asyncpg.connect(empty_database_url)
    name = await owner.fetchval("select current_database()")
    await owner.execute(f'revoke temporary on database "{name}" from public')
    await owner.close()
    async with new_login(empty_database_url, "inventory_writer") as login:
        yield login


@asynccontextmanager
async def plain_owner(empty_database_url: str, options: str = "") -> AsyncIterator[Login]:
    """Whoever migrated, without the right to make roles."""
    owner = await asyncpg.connect(empty_database_url)
    name = await owner.fetchval("select current_database()")
    async with new_login(empty_database_url, options=options) as login:
        await owner.execute(f'grant create, temporary on database "{name}" to {login.name}')
        await migrate.migrate(login.database_url)
        yield login
    await owner.close()


@asynccontextmanager
async def maker_of_roles(empty_database_url: str) -> AsyncIterator[Login]:
    async with plain_owner(empty_database_url, options="createrole") as login:
        yield login


@asynccontextmanager
async def superuser(empty_database_url: str) -> AsyncIterator[Login]:
    await migrate.migrate(empty_database_url)
    yield Login("", empty_database_url)


async def _story(ready: Syncing) -> list[Any]:
    """What a first load, changes, a removal, a refused record, a plan, and withheld rows that are
    let go come to, as accounts.
    """
    fleet = ready.fleet
    accounts = [await ready.sync(), await ready.sync()]
    fleet["acme-01"].connections[0]["name"] = "renamed"
    fleet["acme-01"].connections[1]["status"] = "unhealthy"
    fleet["acme-02"].connections.pop()
    fleet["acme-03"].connections.append({"name": "no id"})
    accounts += [await ready.sync(plan=True), await ready.sync()]
    del fleet["acme-03"].connections[-1]
    del fleet["acme-04"].connections[2:]
    accounts += [await ready.sync(), await ready.sync(accept_removals=True)]
    ready.organizations["renamed"] = replace(ready.organizations.pop("acme-01"), name="renamed")
    accounts += [await ready.sync(), await ready.sync("acme-02")]
    return [_comparable(account) for account in accounts]


def _comparable(account: dict[str, Any]) -> dict[str, Any]:
    moving = {"run_id", "started_at", "finished_at", "duration_seconds"}
    return {name: value for name, value in account.items() if name not in moving}


async def _counts(database_url: str) -> dict[str, int]:
    owner = await asyncpg.connect(database_url)
    names = [row["name"] for row in await owner.fetch(TABLES)]
    counts = {name: await owner.fetchval(f"select count(*) from {name}") for name in names}  # noqa: S608 (names of the catalogue)
    counts[BOOKS_OF_RENAMED] = await owner.fetchval(
        "select count(*) from ledger.run_organizations where organization = 'renamed'"
        " and organization_id is not null"
    )
    await owner.close()
    return counts


async def _told(database_url: str, server_url: str) -> tuple[list[Any], dict[str, int]]:
    async with syncing(database_url, Fleet(4, 30)) as ready:
        ready.resources = [
            RESOURCES[name] for name in ("connections", "bulk_syncs", "users", "connection_types")
        ]
        story = await _story(ready)
    return story, await _counts(server_url)


@pytest.mark.parametrize("open_login", [writer, plain_owner, maker_of_roles])
async def test_whoever_may_do_less_does_the_same(
    databases_of_run: Databases, open_login: OpenLogin
) -> None:
    """Threat S10: as the writer, and as an owner to whom policies apply."""
    async with (
        databases_of_run.copy("template0") as expected_url,
        superuser(expected_url) as everything,
    ):
        expected = await _told(everything.database_url, expected_url)
    removed = [account["resources"]["connections"]["removed"] for account in expected[0]]
    assert sum(removed) > 20  # it is a story
    assert expected[1]["ledger.rejected_records"] > 0
    assert expected[1][BOOKS_OF_RENAMED] > 10  # those of closed runs went along
    async with databases_of_run.copy("template0") as url, open_login(url) as login:
        assert await _told(login.database_url, url) == expected
