"""``migrate`` and ``migrate --check``, and what ``sync`` does with pending migrations."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.world import World
from tests.logins import new_login


@pytest.fixture
async def empty(world: World, empty_database_url: str) -> World:
    """A world whose database has no migration yet."""
    return World(world.simulator, empty_database_url, world.folder)


async def test_check_says_what_is_pending_changes_nothing_and_exits_3(empty: World) -> None:
    result = await empty.run("migrate", "--check")
    assert result.exit_code == 3
    assert "pending 0001_ledger" in result.stdout
    assert await empty.dump() == {}


async def test_migrate_applies_what_is_pending_once(empty: World) -> None:
    """Fault F14: run twice."""
    first = await empty.run("migrate")
    assert first.exit_code == 0
    assert "applied 0001_ledger" in first.stdout
    tables = await empty.dump()
    assert "reporting.connections" in tables
    second = await empty.run("migrate")
    assert (second.exit_code, second.stdout) == (0, "up to date\n")
    assert await empty.dump() == tables
    check = await empty.run("migrate", "--check")
    assert (check.exit_code, check.stdout) == (0, "up to date\n")


async def test_migrate_needs_no_organization(empty: World) -> None:
    assert (await empty.run("migrate", API_KEYS=None)).exit_code == 0


async def test_sync_applies_pending_migrations_by_itself(empty: World) -> None:
    assert (await empty.sync()).exit_code == 0
    assert await empty.connections() == 12


async def test_without_auto_migrate_pending_migrations_are_exit_1_with_the_command(
    empty: World,
) -> None:
    result = await empty.sync(AUTO_MIGRATE="false")
    assert result.failed_with(1)
    assert "run: aggregator migrate" in result.stderr
    assert await empty.dump() == {}
    assert empty.simulator.observed.requests() == []


async def test_without_auto_migrate_an_up_to_date_database_is_written(world: World) -> None:
    assert (await world.sync(AUTO_MIGRATE="false")).exit_code == 0


async def test_status_of_a_database_without_migrations_names_the_command(empty: World) -> None:
    result = await empty.run("status")
    assert result.failed_with(1)
    assert "run: aggregator migrate" in result.stderr


async def test_a_database_newer_than_the_program_is_exit_2_and_left_alone(world: World) -> None:
    """Fault F15."""
    await world.execute("insert into ledger.migrations values (9999, 'future', 'x')")
    before = await world.dump()
    for command in ("sync", "migrate"):
        result = await world.run(command)
        assert result.exit_code == 2
        assert "newer than this release" in result.stderr
    assert await world.dump() == before
    assert world.simulator.observed.requests() == []


async def test_a_role_that_only_writes_rows_is_enough_for_sync(
    world: World, tmp_path: Path
) -> None:
    """The setting AUTO_MIGRATE=false is for a role without DDL."""
    async with new_login(world.database_url, "inventory_writer") as login:
        writer = World(world.simulator, login.database_url, tmp_path)
        result = await writer.sync(AUTO_MIGRATE="false")
        assert result.exit_code == 0, result.stderr
        assert await world.connections() == 12


async def test_a_login_of_an_earlier_release_is_told_to_become_a_writer(
    world: World, tmp_path: Path
) -> None:
    """It was granted every table by itself, and policies hide their rows from it now."""
    async with new_login(world.database_url) as login:
        await world.execute(
            f"grant usage on schema ledger, inventory, reporting to {login.name};"
            f"grant select, insert, update, delete on all tables in schema ledger, inventory"
            f" to {login.name}"
        )
        writer = World(world.simulator, login.database_url, tmp_path)
        result = await writer.sync(AUTO_MIGRATE="false")
        assert result.exit_code == 1
        assert f"GRANT inventory_writer TO {login.name};" in result.stderr
