"""What ``status`` and ``explain`` read, where clocks and names have been moved."""

from __future__ import annotations

from datetime import timedelta

from aggregator.report import enabled, read_explanation, read_status, too_old
from tests.syncing import Syncing


async def test_a_clock_of_ours_that_was_ahead_makes_nothing_fresh(world: Syncing) -> None:
    """``status --max-age`` would have been silent until that day had come."""
    world.passed = timedelta(days=300)
    await world.sync()
    await world.pass_time(timedelta(days=5))

    rows = (await read_status(world.database))["organizations"]

    assert too_old(enabled(rows), timedelta(days=4)) == ["acme-01", "acme-02"]
    assert too_old(enabled(rows), timedelta(days=6)) == []


async def test_a_run_on_one_deployment_saw_nothing_on_another(world: Syncing) -> None:
    """Fault A3: an organization that moved to another host keeps its name and its ids."""
    await world.sync()
    world.configure("acme-01", deployment="elsewhere.example")
    account = await world.sync()
    connection = world.fleet["acme-01"].connections[0]

    explained = await read_explanation(world.database, connection["id"])

    there, here = sorted(explained["organizations"], key=lambda each: each["deployment"])
    assert there["deployment"] == "elsewhere.example"
    assert (there["runs"]["saw_it"], here["runs"]["saw_it"]) == (1, 1)
    assert there["last_confirmed"]["run_id"] == account["run_id"]
    assert here["last_confirmed"]["run_id"] != account["run_id"]
