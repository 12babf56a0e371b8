"""Migrations: each file whole or not at all, once, and never against a newer database."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import asyncpg
import pytest

from aggregator import migrate
from aggregator.database import Database, open_database
from aggregator.errors import ConfigurationError, DatabaseError
from aggregator.migrate import Migration
from aggregator.wiring import prepare_schema
from tests.command import RunCommand
from tests.logins import new_login

FILES = migrate.load_migrations()
LATER = Migration(len(FILES) + 1, "later", "create table ledger.later (a int)")
NAMES = [f"{each.version:04}_{each.name}" for each in FILES]


async def _applied(database: Database) -> list[int]:
    if not (await database.fetch("select to_regclass('ledger.migrations') is not null as found"))[
        0
    ]["found"]:
        return []
    rows = await database.fetch("select version from ledger.migrations order by version")
    return [row["version"] for row in rows]


async def _schema(database: Database) -> list[tuple[str, ...]]:
    """Every table, view, column, index and trigger of ours."""
    rows = await database.fetch(
        "select table_schema, table_name, column_name, data_type"
        " from information_schema.columns"
        " where table_schema in ('ledger', 'inventory', 'reporting')"
        " union all select schemaname, tablename, indexname, indexdef from pg_indexes"
        " where schemaname in ('ledger', 'inventory')"
        " union all select trigger_schema, trigger_name, event_manipulation, ''"
        " from information_schema.triggers order by 1, 2, 3, 4"
    )
    return [tuple(row) for row in rows]


def _cuts(migration: Migration, every: int) -> list[Migration]:
    """The file with its own connection's end after some of its statements."""
    outside = re.sub(
        r"\$\$.*?\$\$", lambda match: " " * len(match[0]), migration.sql, flags=re.DOTALL
    )
    ends = [match.end() for match in re.finditer(r";$", outside, flags=re.MULTILINE)]
    kill = "\nselect pg_terminate_backend(pg_backend_pid());\n"
    return [
        replace(migration, sql=migration.sql[:end] + kill + migration.sql[end:])
        for end in [0, *ends[::every], ends[-1]]
    ]


async def test_a_migration_that_is_killed_at_any_statement_is_completed_by_the_next(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault F14."""
    async with open_database(empty_database_url) as database:
        for index, migration in enumerate(FILES):
            every = 30 if migration.sql.count("comment on") > 50 else 4
            for cut in _cuts(migration, every):
                with monkeypatch.context() as patch:
                    files = [*FILES[:index], cut]
                    patch.setattr(migrate, "load_migrations", lambda files=files: files)
                    with pytest.raises(DatabaseError):
                        await migrate.apply(database)
                assert await _applied(database) == [each.version for each in FILES[:index]]
            with monkeypatch.context() as patch:
                patch.setattr(migrate, "load_migrations", lambda upto=index: FILES[: upto + 1])
                assert await migrate.apply(database) == [NAMES[index]]
        assert await migrate.pending(database) == []


async def test_a_second_time_there_is_nothing_to_do(database_url: str) -> None:
    """Fault F14."""
    async with open_database(database_url) as database:
        before = await _schema(database)
        assert await migrate.apply(database) == []
        assert await _schema(database) == before


async def test_two_at_once_apply_each_file_once(empty_database_url: str) -> None:
    """Fault F14."""
    applied = await asyncio.gather(*(migrate.migrate(empty_database_url) for _ in range(3)))

    assert sorted(name for names in applied for name in names) == NAMES
    async with open_database(empty_database_url) as database:
        assert await _applied(database) == [each.version for each in FILES]


async def test_looking_for_pending_files_changes_nothing(empty_database_url: str) -> None:
    async with open_database(empty_database_url) as database:
        assert await migrate.pending(database) == FILES
        assert await _schema(database) == []


async def test_an_edited_file_is_refused(database_url: str) -> None:
    async with open_database(database_url) as database:
        await database.fetch("update ledger.migrations set checksum = 'x' where version = 2")
        with pytest.raises(ConfigurationError, match="0002 was edited after it was applied"):
            await migrate.apply(database)


async def test_other_line_ends_are_no_edit() -> None:
    assert all("\r" not in each.sql for each in FILES)


async def test_a_newer_database_is_left_alone(database_url: str, run_command: RunCommand) -> None:
    """Fault F15."""
    async with open_database(database_url) as database:
        await database.fetch(
            "insert into ledger.migrations (version, name, checksum) values (9999, 'later', 'x')"
        )
        finished = await run_command(
            "sync",
            env={
                "AGGREGATOR_DATABASE_URL": database_url,
                "AGGREGATOR_BASE_URL": "http://127.0.0.1:9",
                "AGGREGATOR_API_KEYS": '{"acme": "face0000-0001-4000-8000-000000000000"}',
            },
        )
        assert finished.exit_code == 2
        assert "the database is newer than this release" in finished.stderr
        assert (await database.fetch("select count(*) as runs from ledger.runs"))[0]["runs"] == 0
        with pytest.raises(ConfigurationError, match="newer than this release"):
            await migrate.apply(database)


async def test_an_older_database_is_brought_up_to_date_only_where_that_is_wanted(
    empty_database_url: str,
) -> None:
    """Fault F15."""
    async with open_database(empty_database_url) as database:
        with pytest.raises(
            DatabaseError, match=r"\d+ migrations are pending; run: aggregator migrate"
        ):
            await prepare_schema(database, apply=False)
        assert await _schema(database) == []
        await prepare_schema(database, apply=True)
        await prepare_schema(database, apply=False)


async def test_a_reader_cannot_hold_up_migrations(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threat S9: the number of an advisory lock is anybody's, a row of ours is not."""
    monkeypatch.setattr(migrate, "LOCK_PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(migrate, "load_migrations", lambda: [*FILES, LATER])
    async with (
        new_login(database_url, "reporting_reader") as login,
        login.connected() as reader,
        open_database(database_url) as database,
    ):
        await reader.fetchval("select pg_advisory_lock($1)", migrate.LOCK)
        for lock in (
            "select from ledger.migrations for update",
            "lock table ledger.migrations in access share mode",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await reader.execute(f"begin; {lock}")
            await reader.execute("rollback")
        assert await migrate.apply(database) == [LATER.label]


async def test_somebody_elses_migration_is_not_waited_for_without_end(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "LOCK_PATIENCE_SECONDS", 0.0)
    async with open_database(database_url) as database:
        async with database.transaction() as somebody:
            await somebody.execute(migrate.LOCK_ROW)
            monkeypatch.setattr(migrate, "load_migrations", lambda: [*FILES, LATER])
            with pytest.raises(DatabaseError, match="holds the lock of migrations"):
                await migrate.apply(database)
        assert await migrate.apply(database) == [LATER.label]


async def test_a_lock_that_never_ends_is_not_waited_for_without_end(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "LOCK_PATIENCE_SECONDS", 0.0)
    async with open_database(empty_database_url) as database:
        async with database.transaction() as somebody:
            await somebody.execute("select pg_advisory_xact_lock($1)", migrate.LOCK)
            with pytest.raises(DatabaseError, match="holds the lock of migrations"):
                await migrate.apply(database)
        assert await migrate.apply(database) == NAMES
