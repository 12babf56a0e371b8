"""What ``sync`` says: JSON or tables on standard output, all else on standard error."""

from __future__ import annotations

import asyncio
import json
import os
import pty
from uuid import UUID

import pytest

from tests.acceptance.conftest import NewWorld
from tests.acceptance.world import World
from tests.simulator import Fault, Fleet

COUNTS = ["seen", "created", "updated", "unchanged", "removed", "restored", "withheld", "rejected"]


async def test_with_json_the_log_says_why_organizations_are_not_complete(
    new_world: NewWorld,
) -> None:
    world = await new_world(Fleet(4, 1))
    for organization in world.fleet:
        organization.faults = [Fault(status=404)]
    finished = await world.sync(LOG_FORMAT="json")
    [line] = [line for line in finished.stderr.splitlines() if "not_complete" in line]
    told = json.loads(line)
    assert (told["outcome"], told["organizations"]) == ("not_found", 4)
    assert len(told["such_as"].split(", ")) == 3


async def test_the_account_has_exactly_the_shape_of_the_contract_and_the_ledger_agrees(
    new_world: NewWorld,
) -> None:
    world = await new_world(Fleet(4, 5))
    world.fleet["acme-01"].faults = [Fault(status=401)]
    world.fleet["acme-02"].faults = [Fault(status=503, times=1)]
    world.fleet["acme-03"].connections[0]["id"] = ""
    account = (await world.sync()).document
    assert UUID(account["run_id"])
    assert isinstance(account["duration_seconds"], float)
    expected = {
        "run_id": account["run_id"],
        "status": "partial",
        "exit_code": 3,
        "duration_seconds": account["duration_seconds"],
        "requests": len(world.simulator.observed.requests()),
        "retries": 1,
        "organizations": {"total": 4, "complete": 2, "partial": 1, "failed": 1, "deferred": 0},
        "outcomes": {"complete": 2, "partial": 1, "unauthorized": 1},
        "resources": {
            "connections": {**dict.fromkeys(COUNTS, 0), "seen": 15, "created": 14, "rejected": 1}
        },
    }
    assert account == expected
    assert list(account) == list(expected)
    assert list(account["resources"]["connections"]) == COUNTS

    (run,) = await world.query("select * from reporting.runs")
    assert str(run["run_id"]) == account["run_id"]
    for name in ("status", "exit_code", "requests", "retries"):
        assert run[name] == account[name]
    for name, count in account["organizations"].items():
        assert run[f"organizations_{name}"] == count
    assert json.loads(run["outcomes"]) == account["outcomes"]
    assert json.loads(run["resources"]) == account["resources"]
    for name, count in account["resources"]["connections"].items():
        assert run[name] == count


async def test_what_changed_is_counted_by_kind(world: World) -> None:
    acme = world.fleet["acme-01"]
    first = (await world.sync()).document
    assert first["resources"]["connections"] == {
        **dict.fromkeys(COUNTS, 0),
        "seen": 12,
        "created": 12,
    }
    gone = acme.connections.pop()
    acme.connections[0]["name"] = "renamed"
    second = (await world.sync()).document["resources"]["connections"]
    assert (second["updated"], second["removed"], second["unchanged"]) == (1, 1, 10)
    acme.connections.append(gone)
    third = (await world.sync()).document["resources"]["connections"]
    assert (third["restored"], third["created"], third["unchanged"]) == (1, 0, 11)


async def test_without_json_people_get_a_summary_with_failures_grouped(world: World) -> None:
    world.fleet["acme-02"].faults = [Fault(status=403)]
    result = await world.run("sync")
    assert result.exit_code == 3
    assert "3 total, 2 complete, 0 partial, 1 failed" in result.stdout
    assert "forbidden" in result.stdout
    assert "acme-02" in result.stdout
    with pytest.raises(json.JSONDecodeError):
        json.loads(result.stdout)


async def test_json_is_the_only_thing_on_standard_output(world: World) -> None:
    for command in ("sync", "check", "status"):
        result = await world.run(command, "--json", LOG_LEVEL="debug")
        assert result.stdout.count("\n") == 1
        assert isinstance(result.document, dict)


async def test_logs_as_json_are_one_object_a_line_and_the_first_names_the_server(
    world: World,
) -> None:
    world.fleet["acme-01"].faults = [Fault(status=500)]
    result = await world.sync(LOG_FORMAT="json", LOG_LEVEL="debug", MAX_ATTEMPTS="1")
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    assert {"database.used", "run.started", "run.finished"} <= {line["event"] for line in lines}
    assert all({"time", "level", "event"} <= set(line) for line in lines)
    assert (lines[0]["event"], lines[0]["server"]) == ("database.used", "external")


@pytest.mark.parametrize(
    ("settings", "exit_code"),
    [
        ({"API_KEYS": '{"acme-01": " "}'}, 2),
        ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/nothing"}, 1),
    ],
    ids=["exit 2", "exit 1"],
)
async def test_an_early_end_is_logged_as_json_too(
    world: World, settings: dict[str, str], exit_code: int
) -> None:
    result = await world.sync(LOG_FORMAT="json", **settings)
    assert result.exit_code == exit_code
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    assert lines[-1]["level"] == "error"


async def test_the_log_level_decides_what_is_logged(world: World) -> None:
    assert (await world.sync(LOG_LEVEL="warning")).stderr == ""


async def test_there_is_a_progress_bar_on_a_terminal_and_only_there(world: World) -> None:
    terminal, end = pty.openpty()
    try:
        async with world.started("sync", "--json", stderr=end) as process:
            os.close(end)
            shown = await asyncio.to_thread(_read_all, terminal)
            assert process.stdout is not None
            assert json.loads(await process.stdout.read())["exit_code"] == 0
    finally:
        os.close(terminal)
    assert "organizations" in shown
    assert "3/3" in shown
    assert "0 failed" in shown
    piped = await world.run("sync")
    assert "3/3" not in piped.stderr + piped.stdout
    assert "\x1b" not in piped.stderr + piped.stdout


def _read_all(terminal: int) -> str:
    """Everything until the last writer has closed its end, which Linux reports as an error."""
    parts = []
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts).decode()
