"""Every exit code of the contract, and which one wins where several apply: 1, 4, 3, 5, 0."""

from __future__ import annotations

import json
from datetime import datetime

from tests.acceptance.conftest import NewWorld
from tests.acceptance.world import DEAD_DATABASE, Row, World, until
from tests.command import RunCommand, finished
from tests.simulator import Fault, Fleet


async def test_0_means_every_organization_is_complete(world: World) -> None:
    result = await world.sync()
    assert (result.exit_code, result.document["status"]) == (0, "complete")
    assert result.document["exit_code"] == 0


async def test_1_means_the_database_could_not_be_reached_and_no_key_was_used(world: World) -> None:
    result = await world.sync(DATABASE_URL=DEAD_DATABASE)
    assert result.failed_with(1)
    assert "database cannot be reached" in result.stderr
    assert world.simulator.observed.requests() == []


async def test_1_also_means_that_a_database_is_missing(world: World) -> None:
    base, question, query = world.database_url.partition("?")
    result = await world.sync(DATABASE_URL=f"{base}_no{question}{query}")
    assert result.failed_with(1)
    assert "does not exist" in result.stderr
    assert "Traceback" not in result.stderr


async def test_1_wins_when_the_database_goes_away_although_some_are_complete(
    world: World,
) -> None:
    """Precedence 1 over 3: what was committed stays."""
    world.fleet["acme-03"].faults = [Fault(latency=60)]

    async def two_are_stored() -> bool:
        return await world.connections() == 8

    async with world.started(
        "sync", "--json", REQUEST_TIMEOUT_SECONDS="2", MAX_ATTEMPTS="1"
    ) as process:
        await until(two_are_stored)
        await world.execute(
            "alter table ledger.run_organizations rename to hidden; "
            "alter table ledger.runs rename to hidden_runs"
        )
        result = await finished(process)
    assert result.failed_with(1)
    assert "Traceback" not in result.stderr
    await world.execute(
        "alter table ledger.hidden rename to run_organizations; "
        "alter table ledger.hidden_runs rename to runs"
    )
    assert await world.connections() == 8


async def test_3_means_some_are_complete_and_others_not(world: World) -> None:
    world.fleet["acme-01"].faults = [Fault(status=401)]
    result = await world.sync()
    assert (result.exit_code, result.document["status"]) == (3, "partial")


async def test_4_means_all_were_tried_and_none_is_complete(world: World) -> None:
    world.fleet.faults = [Fault(status=403)]
    result = await world.sync()
    assert (result.exit_code, result.document["status"]) == (4, "failed")


async def test_4_holds_where_every_organization_is_only_partial(world: World) -> None:
    for organization in world.fleet:
        organization.connections[0]["id"] = None
    result = await world.sync()
    assert result.exit_code == 4
    assert result.document["organizations"]["partial"] == 3


async def test_5_means_removals_were_withheld_and_3_and_4_win_over_it(
    new_world: NewWorld,
) -> None:
    world = await new_world(Fleet(2, 20))
    assert (await world.sync()).exit_code == 0
    del world.fleet["acme-01"].connections[5:]
    withheld = await world.sync()
    assert (withheld.exit_code, withheld.document["status"]) == (5, "complete")
    assert withheld.document["resources"]["connections"]["withheld"] == 15
    assert await world.connections() == 40
    world.fleet["acme-02"].faults = [Fault(status=403)]
    assert (await world.sync()).exit_code == 3
    world.fleet["acme-01"].faults = [Fault(status=403)]
    assert (await world.sync()).exit_code == 4


async def test_6_means_another_run_is_active_and_it_writes_and_asks_nothing(world: World) -> None:
    """Fault F8: within 2 s, not waiting for the other."""
    world.fleet["acme-03"].faults = [Fault(latency=60)]

    async def two_are_stored() -> bool:
        return await world.connections() == 8

    async with world.started("sync", "--json") as first:
        await until(two_are_stored)
        world.simulator.observed.reset()
        before = await world.dump()
        second = await world.sync(LOG_FORMAT="json")
        assert second.failed_with(6)
        (run,) = await world.query("select run_id from reporting.runs")
        first_line, *_, last_line = [json.loads(line) for line in second.stderr.splitlines()]
        assert last_line["error"].startswith(f"run {run['run_id']} is active since")
        assert seconds_between(first_line, last_line) < 2
        assert await world.dump() == before
        assert world.simulator.observed.requests() == []
        assert first.returncode is None


def seconds_between(one: Row, other: Row) -> float:
    """Of two log lines; unlike a whole command, this is no matter of how busy the machine is."""
    times = [datetime.fromisoformat(line["time"]) for line in (one, other)]
    return (times[1] - times[0]).total_seconds()


async def test_a_command_that_fails_still_prints_one_json_document(run_command: RunCommand) -> None:
    result = await run_command(
        "sync", "--json", "--resource", "nothing", env={"AGGREGATOR_API_KEYS__acme": "fake-key"}
    )
    assert result.exit_code == 2
    assert result.document["status"] == "failed"
    assert result.document["exit_code"] == 2
    assert "no such resource: nothing" in result.document["problems"][0]
