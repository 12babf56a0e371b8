"""What conftest promises to every other test."""

from __future__ import annotations

import os
from pathlib import Path

import asyncpg
import pytest

from tests.command import RunCommand


@pytest.mark.parametrize("_turn", [1, 2])
async def test_a_database_is_migrated_and_the_tests_own(database_url: str, _turn: int) -> None:
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("SELECT count(*) FROM reporting.connections") == 0
    assert await connection.fetchval("SELECT to_regclass('public.mine')") is None
    await connection.execute("CREATE TABLE public.mine ()")
    await connection.close()


async def test_an_empty_database_is_empty(empty_database_url: str) -> None:
    connection = await asyncpg.connect(empty_database_url)
    assert await connection.fetchval("SELECT to_regnamespace('reporting')") is None
    await connection.close()


def test_a_test_sees_no_setting_of_the_developer(tmp_path: Path) -> None:
    assert not {name for name in os.environ if name.startswith("AGGREGATOR_")} - {
        "AGGREGATOR_TEST_DATABASE_URL"
    }
    assert Path.cwd() == tmp_path


async def test_the_command_runs_with_the_given_settings_only(
    run_command: RunCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGGREGATOR_MAX_ATTEMPTS", "not-a-number")

    finished = await run_command("--help")
    refused = await run_command("sync", env={"AGGREGATOR_MAX_ATTEMPTS": "many"})
    unset = await run_command("sync")

    assert (finished.exit_code, finished.stderr) == (0, "")
    assert "MAX_ATTEMPTS" in refused.stdout + refused.stderr
    assert "MAX_ATTEMPTS" not in unset.stdout + unset.stderr


async def test_a_command_that_does_not_end_fails_the_test(run_command: RunCommand) -> None:
    with pytest.raises(AssertionError, match="did not end in 0 seconds"):
        await run_command("--help", timeout_seconds=0)
