"""``aggregator prune``: the past gets shorter, and nothing is said of what is gone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from aggregator import retention
from aggregator.retention import Horizons, prune
from tests.acceptance.world import WAITING, until
from tests.command import RunCommand, finished, started_in
from tests.faults.outside import needs_root
from tests.stored import Stored, stored
from tests.syncing import Row, Syncing

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
HISTORY = ("--history-days", "200")
AS_OF = """
select * from reporting.connections_as_of($1) where organization = 'acme-01' order by connection_id
"""
DAYS = {
    "inventory.change_days": "day",
    "inventory.api_usage_days": "day",
    "ledger.scope_days": "day",
}


@dataclass
class Past:
    """550 days: read for the first time 550 days ago, again 250, 150 and 0 days ago.

    250 days ago the first connection was renamed and the second was gone, 150 days ago the first
    was renamed again. Moments lie between two looks.
    """

    world: Syncing
    run_command: RunCommand
    _since: dict[str, timedelta] = field(default_factory=dict)

    async def happen(self) -> None:
        acme = self.world.fleet["acme-01"]
        await self._look("first")
        await self._pass(300)
        acme.connections[0]["name"] = "second"
        del acme.connections[1]
        await self._look("second")
        await self._pass(100)
        acme.connections[0]["name"] = "third"
        await self._look("third")
        await self._pass(150)
        await self._look("now")

    async def _look(self, name: str) -> None:
        await self.world.sync()
        await self._pass_time(HOUR)
        self._since[name] = timedelta()
        await self._pass_time(HOUR)
        await self.world.sync()

    async def _pass_time(self, passing: timedelta) -> None:
        await self.world.pass_time(passing)
        self._since = {name: since + passing for name, since in self._since.items()}

    async def _pass(self, days: int) -> None:
        await self._pass_time(days * DAY)
        async with self.world.database.transaction() as connection:
            for table, column in DAYS.items():
                await connection.execute(
                    f"update {table} set {column} = {column} - $1::integer",  # noqa: S608 (names of ours)
                    days,
                )

    async def as_of(self, name: str) -> list[Row]:
        now = await self.world.value("select now()")
        return await self.world.query(AS_OF, now - self._since[name])

    async def states(self, name: str) -> set[str]:
        return {row["state"] for row in await self.as_of(name)}

    async def prune(self, *arguments: str) -> Any:  # noqa: ANN401 - JSON
        result = await self.run_command(
            "prune",
            "--json",
            *arguments,
            env={"AGGREGATOR_DATABASE_URL": self.world.database_url},
        )
        assert (result.exit_code, result.stderr) == (0, "")
        return result.document

    async def rows(self, *arguments: str) -> dict[str, int]:
        """What would go, by table."""
        document = await self.prune(*arguments)
        return {row["table"]: row["rows"] for row in document["tables"] if row["rows"]}


@pytest.fixture
async def past(world: Syncing, run_command: RunCommand) -> Past:
    ready = Past(world, run_command)
    await ready.happen()
    return ready


async def everything(world: Syncing) -> dict[str, list[str]]:
    """Every row of every table of ours."""
    names = await world.column(
        "select format('%I.%I', table_schema, table_name) from information_schema.tables"
        " where table_schema in ('inventory', 'ledger') and table_type = 'BASE TABLE' order by 1"
    )
    return {
        name: await world.column(f"select to_jsonb(t)::text from {name} t order by 1")  # noqa: S608 (as above)
        for name in names
    }


async def test_a_dry_run_counts_and_writes_nothing(past: Past) -> None:
    before, stored_before = await past.world.inventory_writes(), await everything(past.world)
    document = await past.prune(*HISTORY)
    tables = {row["table"]: row for row in document["tables"]}
    gone = tables["inventory.history"]
    assert (document["applied"], gone["rows"]) == (False, 2), "the first versions of two"
    days = (datetime.now(UTC).date() - date.fromisoformat(gone["oldest"])).days
    assert 249 <= days <= 251
    assert tables["ledger.runs"]["rows"] == 6
    assert tables["ledger.run_organizations"]["rows"] == 12
    assert document["kept_since"]["history"].endswith("T00:00:00Z")
    assert await past.world.inventory_writes() == before
    assert await everything(past.world) == stored_before


async def test_people_are_shown_a_table_and_how_to_go_on(past: Past) -> None:
    shown = await past.run_command(
        "prune", env={"AGGREGATOR_DATABASE_URL": past.world.database_url}
    )
    assert shown.exit_code == 0
    assert "inventory.history" in shown.stdout
    assert "nothing was deleted: --apply does it" in shown.stdout


async def test_people_are_told_that_rows_were_deleted_and_how_many(past: Past) -> None:
    environment = {"AGGREGATOR_DATABASE_URL": past.world.database_url}
    dry = await past.run_command("prune", *HISTORY, env=environment)
    assert "\ndeleted" not in dry.stdout
    rows = sum(row["rows"] for row in (await past.prune(*HISTORY))["tables"])
    shown = await past.run_command("prune", *HISTORY, "--apply", env=environment)
    assert shown.exit_code == 0
    heading, last = shown.stdout.splitlines()[1], shown.stdout.splitlines()[-1]
    assert heading.split() == ["table", "deleted", "oldest", "newest"]
    assert last == f"deleted: {rows:,} rows"
    assert rows > 0
    again = await past.run_command("prune", *HISTORY, "--apply", env=environment)
    assert again.stdout.splitlines()[-1] == "deleted: 0 rows"


async def test_what_was_pruned_is_unknown_and_never_absent(past: Past) -> None:
    before = {name: await past.as_of(name) for name in ("first", "second", "third", "now")}
    assert await past.states("first") == {"present"}
    assert await past.states("second") == {"present", "absent"}
    assert (await past.prune(*HISTORY, "--apply"))["applied"]
    assert await past.states("first") == {"unknown"}
    assert await past.states("second") == {"unknown"}, "though two of its versions are kept"
    assert len(await past.as_of("first")) == 6, "also what is gone is known to have been"
    for name in ("third", "now"):
        after = await past.as_of(name)
        for row, earlier in zip(after, before[name], strict=True):
            assert {**row, "observed_at": None} == {**earlier, "observed_at": None}


async def test_looks_before_the_horizon_are_not_told(past: Past) -> None:
    await past.prune(*HISTORY, "--apply")
    [kept_since] = await past.world.column(
        "select kept_since from reporting.retention where kind = 'history'"
    )
    assert kept_since < datetime.now(UTC) - 199 * DAY
    begins = await past.world.column("select observed_from from reporting.observations")
    assert begins
    assert min(begins) >= kept_since


async def test_an_interval_across_the_horizon_begins_there(past: Past) -> None:
    world = past.world
    async with world.database.transaction() as connection:
        await connection.execute(
            "update ledger.scopes set observed_since = observed_until - interval '300 days'"
        )
    await past.prune(*HISTORY, "--apply")
    assert await world.value(
        "select bool_and(o.observed_from = r.kept_since) from reporting.observations o"
        " cross join reporting.retention r where r.kind = 'history' and o.is_open"
    )


async def test_when_it_was_first_seen_and_when_it_went_stay_known(past: Past) -> None:
    world = past.world
    first_seen = await world.column(
        "select first_seen_at from reporting.connections order by connection_id"
    )
    removal = "select connection_id, valid_from from reporting.connection_history"
    removal += " where change = 'removed'"
    before = await world.query(removal)
    assert len(before) == 1
    await past.prune(*HISTORY, "--apply")
    assert await world.query(removal) == before
    assert first_seen == await world.column(
        "select first_seen_at from reporting.connections order by connection_id"
    )


async def test_what_comes_back_after_its_versions_were_pruned_is_restored(past: Past) -> None:
    world = past.world
    await past.prune(*HISTORY, "--apply")
    [gone] = await world.column(
        "select connection_id from reporting.connection_history where change = 'removed'"
    )
    acme = world.fleet["acme-01"]
    acme.connections.append(acme.connections[0] | {"id": gone})
    await world.sync()
    row = (await world.connections("acme-01"))[gone]
    assert datetime.now(UTC) - row["first_seen_at"] > 540 * DAY
    assert (await world.history(gone))[-1]["change"] == "restored"
    assert await past.rows(*HISTORY) == {"inventory.history": 1}, "the removal, which is over"


async def test_a_change_whose_former_value_is_gone_says_so_by_no_value(past: Past) -> None:
    """Unknown is no value at all; what was empty is a null of JSON."""
    changes = "select old_value, new_value from reporting.changes where field = 'name'"
    changes += " order by changed_at"
    before = await past.world.query(changes)
    assert [row["new_value"] for row in before] == ['"second"', '"third"']
    assert before[0]["old_value"] is not None
    await past.prune(*HISTORY, "--apply")
    after = await past.world.query(changes)
    assert [row["old_value"] for row in after] == [None, '"second"']


async def test_days_are_counted_whole_or_not_at_all(past: Past) -> None:
    days = "select day, change, changes from reporting.changes_daily order by day, change"
    before = await past.world.query(days)
    assert (
        sorted(row["change"] for row in before) == ["created"] * 2 + ["removed"] + ["updated"] * 2
    )
    await past.prune(*HISTORY, "--apply")
    after = await past.world.query(days)
    assert after == [row for row in before if row["change"] == "updated"][1:]


async def test_runs_go_with_their_books_but_for_the_last_complete_one(past: Past) -> None:
    await past.prune("--apply", "--runs-days", "100")
    assert len(await past.world.runs()) == 2
    async with past.world.database.transaction() as connection:
        await connection.execute("update ledger.runs set status = 'partial' where status <> 'x'")
        await connection.execute(
            "update ledger.runs set status = 'complete', finished_at = now() - interval '1 year'"
            " where run_id = (select run_id from ledger.runs order by started_at limit 1)"
        )
    assert await past.rows() == {}
    await past.prune("--apply")
    assert await past.world.value("select count(*) from reporting.run_organizations") == 4


async def test_what_goes_is_what_was_counted(past: Past) -> None:
    before = await everything(past.world)
    counted = await past.rows(*HISTORY, "--runs-days", "200")
    await past.prune("--apply", *HISTORY, "--runs-days", "200")
    after = await everything(past.world)

    gone = {name: len(rows) - len(after[name]) for name, rows in before.items()}
    assert {name: rows for name, rows in gone.items() if rows and name != "ledger.horizons"} == (
        counted
    )
    assert all(set(after[name]) <= set(rows) for name, rows in before.items() if gone[name] > 0)


async def test_pruning_again_finds_nothing_and_never_goes_back(past: Past) -> None:
    await past.prune(*HISTORY, "--apply")
    assert await past.rows(*HISTORY) == {}
    kept = "select kind, kept_since from reporting.retention order by kind"
    before = await past.world.query(kept)
    await past.prune("--apply")
    assert await past.world.query(kept) == before


async def test_the_current_rows_are_never_touched(past: Past) -> None:
    before = (await everything(past.world))["inventory.connections"]
    await past.prune("--apply", "--history-days", "1", "--runs-days", "1")
    assert (await everything(past.world))["inventory.connections"] == before


async def test_while_a_run_is_active_nothing_is_deleted(
    past: Past, run_command: RunCommand
) -> None:
    async with stored(past.world.database_url) as ready, ready.connection.transaction():
        await ready.connection.execute("select from ledger.run_lock for update")
        result = await run_command(
            "prune", "--apply", env={"AGGREGATOR_DATABASE_URL": past.world.database_url}
        )
        assert result.exit_code == 6
        assert await past.rows(*HISTORY), "to count needs no lock"
    assert await past.world.value("select count(*) from reporting.retention") == 0


@needs_root("faketime")
async def test_a_clock_that_is_years_ahead_costs_no_history(past: Past, tmp_path: Path) -> None:
    """Fault E8: what is old the database's clock says, too."""
    expected = await past.rows(*HISTORY)
    env = {"AGGREGATOR_DATABASE_URL": past.world.database_url}
    wrapper = ("faketime", "-f", "+9y")
    arguments = ("prune", "--apply", "--json", *HISTORY)
    async with started_in(tmp_path, *arguments, env=env, wrapper=wrapper) as process:
        result = await finished(process)
    assert (result.exit_code, result.stderr) == (0, "")
    deleted = {row["table"]: row["rows"] for row in result.document["tables"] if row["rows"]}
    assert deleted == expected
    assert await past.states("third") == {"present", "absent"}


async def test_pruning_that_is_killed_midway_lies_nowhere_and_can_go_on(
    past: Past, tmp_path: Path
) -> None:
    """Fault H4: that history is not kept is noted before the first of it goes."""
    url = past.world.database_url
    arguments = ("prune", "--apply", *HISTORY)
    async with stored(url) as ready, stored(url) as watching, ready.connection.transaction():
        await ready.connection.execute("lock table ledger.observations in share mode")
        env = {"AGGREGATOR_DATABASE_URL": url}
        async with started_in(tmp_path, *arguments, env=env) as process:
            await until(lambda: watching.column(WAITING))
            process.kill()
            await finished(process)
    assert await past.states("first") == await past.states("second") == {"unknown"}
    assert await past.states("third") == {"present", "absent"}
    backwards = "select count(*) from reporting.observations where observed_to < observed_from"
    assert await past.world.value(backwards) == 0, "those before the horizon are still stored"
    left = await past.rows(*HISTORY)
    assert left["ledger.observations"]
    assert "inventory.history" not in left
    assert left["ledger.runs"] == 6
    await past.prune(*HISTORY, "--apply")
    assert await past.rows(*HISTORY) == {}


async def test_it_goes_on_until_nothing_is_left_however_small_the_steps(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "ROWS_AT_ONCE", 1)
    now = datetime.now(UTC)
    await prune(past.world.database, Horizons(now - 200 * DAY, now - 400 * DAY, now - 400 * DAY))
    assert await past.rows(*HISTORY, "--runs-days", "400") == {}


async def test_people_who_left_are_forgotten(database_url: str, run_command: RunCommand) -> None:
    async with stored(database_url) as ready:
        await ready.organization("acme", "users")
        await ready.add("users", "acme", "u1", email="jane@example.com")
        await ready.remove("users", "acme", "u1")
        await ready.connection.execute(
            "update inventory.history set valid_from = valid_from - interval '500 days',"
            " valid_to = valid_to - interval '500 days'"
        )
        result = await run_command(
            "prune", "--apply", env={"AGGREGATOR_DATABASE_URL": database_url}
        )
        assert result.exit_code == 0
        assert await ready.column("select count(*) from inventory.history") == [0]


USAGE = "select day, api_calls_last_24_hours from reporting.api_usage_daily order by day"


async def use(ready: Stored, days_ago: int, calls: int | None) -> None:
    await ready.connection.execute(
        "insert into inventory.api_usage_days"
        " values ('app.example', 'acme', 'c', current_date - $1::integer, $2::bigint, $2)",
        days_ago,
        calls,
    )


async def test_api_calls_are_carried_across_the_horizon(
    database_url: str, run_command: RunCommand
) -> None:
    async with stored(database_url) as ready:
        await ready.organization("acme")
        await ready.connection_of("acme", "c")
        await ready.connection.execute(
            "insert into ledger.scope_days (organization, resource, day)"
            " select 'acme', 'connections', current_date - n from generate_series(0, 50) as n"
        )
        for days_ago, calls in ((50, 1), (40, 2), (30, 3), (10, 4)):
            await use(ready, days_ago, calls)
        before = await ready.connection.fetch(USAGE)
        totals = await ready.read("organization_api_usage_daily", "day")
        result = await run_command(
            "prune",
            "--apply",
            "--json",
            "--api-usage-days",
            "20",
            env={"AGGREGATOR_DATABASE_URL": database_url},
        )
        tables = {row["table"]: row["rows"] for row in result.document["tables"]}
        assert (tables["inventory.api_usage_days"], tables["ledger.scope_days"]) == (2, 30)
        kept = date.today() - 20 * DAY  # noqa: DTZ011 (as the database's)
        assert await ready.connection.fetch(USAGE) == [row for row in before if row[0] >= kept]
        assert await ready.read("organization_api_usage_daily", "day") == [
            row for row in totals if row["day"] >= kept
        ]


async def test_who_sees_a_part_of_it_is_told_since_when_too(past: Past) -> None:
    """Threat S8: otherwise a restricted login would take what was pruned for what never was."""
    await past.prune(*HISTORY, "--apply")
    async with stored(past.world.database_url) as ready:
        await ready.connection.execute("set role reporting_restricted")
        assert await ready.connection.fetchval("select count(*) from reporting.retention") == 3
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await ready.connection.execute("select * from ledger.horizons")


@pytest.mark.parametrize("days", ["0", "-1", "1.5", "forever", "36501"])
async def test_a_number_of_days_that_is_none_is_exit_2(run_command: RunCommand, days: str) -> None:
    assert (await run_command("prune", "--history-days", days)).exit_code == 2
