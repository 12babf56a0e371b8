"""Faults A: keys and configuration, from the environment to the views."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aggregator.arguments import parser
from aggregator.errors import ConfigurationError
from tests.command import RunCommand
from tests.faults.conftest import OpenWorld
from tests.faults.world import World
from tests.simulator import Fleet
from tests.simulator.fleet import PARTNER_KEY

SECOND_KEY = "face0000-ffff-4000-8000-00000000000b"


async def refused(world: World, **settings: object) -> list[str]:
    """The problems of a run that never began: nothing was asked, nothing was written."""
    before = await world.everything_stored()
    world.simulator.observed.reset()
    with pytest.raises(ConfigurationError) as raised:
        await world.sync(**settings)
    assert world.simulator.observed.requests() == []
    assert await world.everything_stored() == before
    return list(raised.value.problems)


async def test_one_key_under_two_names_is_fetched_once(open_world: OpenWorld) -> None:
    """Fault A1: the second name is told that it is one, and the first is complete."""
    async with open_world(Fleet(2)) as world:
        world.keys["again"] = world.keys["acme-01"]
        ran = await world.sync()
        assert ran.outcomes == {
            "acme-01": "complete",
            "acme-02": "complete",
            "again": "duplicate_org",
        }
        assert "'acme-01'" in ran.scopes["again"]["error"]
        lists = [r.path for r in world.simulator.observed.requests("acme-01")]
        assert lists.count("/api/connections") == 1
        assert ran.exit_code == 3


async def test_two_keys_of_one_organization_never_write_twice(open_world: OpenWorld) -> None:
    """Fault A2: the name that had it keeps it, run after run, whoever asks first."""
    async with open_world(Fleet(2)) as world:
        await world.sync()
        world.fleet.keys[SECOND_KEY] = world.fleet["acme-01"]
        world.keys = {"a-newcomer": SECOND_KEY, **world.keys}
        for number in range(3):
            world.fleet["acme-01"].connections[0]["name"] = f"renamed {number}"
            ran = await world.sync()
            assert ran.outcomes == {
                "a-newcomer": "duplicate_org",
                "acme-01": "complete",
                "acme-02": "complete",
            }
        stored = await world.connections()
        assert stored["a-newcomer"] == {}
        assert "renamed 2" in {row["name"] for row in stored["acme-01"].values()}


async def test_two_new_names_of_one_organization_settle_on_one(open_world: OpenWorld) -> None:
    """Fault A2: also when both are new, and then for good."""
    async with open_world(Fleet(1)) as world:
        world.fleet.keys[SECOND_KEY] = world.fleet["acme-01"]
        world.keys["twin"] = SECOND_KEY
        ran = await world.sync()
        assert sorted(ran.outcomes.values()) == ["complete", "duplicate_org"]
        world.fleet["acme-01"].connections[0]["name"] = "renamed"
        again = await world.sync()
        assert again.outcomes == ran.outcomes


@pytest.mark.parametrize(
    ("before", "after"), [(" \t", "\r\n"), ("\ufeff", ""), ('"', '"'), ("'", "'\n")]
)
async def test_a_wrapped_key_is_unwrapped_with_a_note(
    open_world: OpenWorld, before: str, after: str
) -> None:
    """Fault A3."""
    async with open_world(Fleet(1)) as world:
        world.keys["acme-01"] = f"{before}{world.keys['acme-01']}{after}"
        ran = await world.sync()
        assert ran.outcomes == {"acme-01": "complete"}
        assert "acme-01" in ran.events("configuration.note")[0]["note"]


BAD_KEYS = {
    "Fault A3: a control character inside": "face0000\x07-0000",
    "Fault A3: a line end inside": "face0000\r\nX-Other: 1",
    "Fault A4: not ASCII": "face0000-é",
    "Fault A4: zero width": "face\u200b0000",
    "Fault A4: a look-alike letter": "f\u0430ce0000",
    "Fault A5: empty": "",
    "Fault A5: blank": " \t ",
    "Fault A5: empty quotes": '""',
    "Fault A10: endless": "f" * 100_000,
}


async def test_a_bad_key_stops_its_organization_before_any_request(open_world: OpenWorld) -> None:
    """Faults A3, A4, A5: nobody is asked with it, and the others are complete."""
    async with open_world(Fleet(1)) as world:
        names = [f"bad-{number}" for number in range(len(BAD_KEYS))]
        world.keys |= dict(zip(names, BAD_KEYS.values(), strict=True))
        ran = await world.sync()
        assert ran.outcomes == {"acme-01": "complete", **dict.fromkeys(names, "bad_key")}
        assert world.simulator.observed.organizations() == ["acme-01"]
        assert ran.exit_code == 3
        shown = ran.stderr + await world.everything_stored()
        assert not [key for key in BAD_KEYS.values() if key.strip(' \t"') and key in shown]


@pytest.mark.parametrize("key", [PARTNER_KEY, "beef0000-0000-4000-8000-000000000001"])
async def test_a_key_of_no_organization_is_never_used_for_a_list(
    open_world: OpenWorld, key: str
) -> None:
    """Fault A6."""
    async with open_world(Fleet(2)) as world:
        world.keys["too-mighty"] = key
        ran = await world.sync()
        expected = "wrong_key_type" if key == PARTNER_KEY else "unauthorized"
        assert ran.outcomes["too-mighty"] == expected
        asked = world.simulator.observed.requests("(partner)")
        assert all(request.path == "/api/me" for request in asked)
        assert ran.scopes["too-mighty"]["seen"] == 0


async def test_swapped_keys_write_nothing(open_world: OpenWorld) -> None:
    """Fault A7: whatever both organizations changed meanwhile."""
    async with open_world(Fleet(3)) as world:
        await world.sync()
        before = await world.connections()
        for organization in world.fleet:
            organization.connections.pop()
        world.keys["acme-01"], world.keys["acme-02"] = world.keys["acme-02"], world.keys["acme-01"]
        ran = await world.sync()
        assert ran.outcomes == {
            "acme-01": "org_mismatch",
            "acme-02": "org_mismatch",
            "acme-03": "complete",
        }
        after = await world.connections()
        assert after["acme-01"] == before["acme-01"]
        assert after["acme-02"] == before["acme-02"]
        assert len(after["acme-03"]) == len(before["acme-03"]) - 1
        lists = world.simulator.observed.counts("acme-01")["/api/connections", 200]
        assert lists == 1, "the mismatch shows before any list"


async def test_a_broken_key_store_is_not_an_empty_fleet(
    open_world: OpenWorld, tmp_path: Path
) -> None:
    """Fault A8: exit 2, and zero keys never mean zero organizations."""
    empty, file = tmp_path / "empty", tmp_path / "a-file"
    empty.mkdir()
    file.touch()
    rotated = tmp_path / "rotated"
    rotated.mkdir()
    (rotated / "acme-01").touch()
    async with open_world(Fleet(1)) as world:
        await world.sync()
        world.keys = {}
        for folder in (empty, file, rotated, tmp_path / "missing"):
            problems = await refused(world, KEYS_DIR=folder)
            assert "AGGREGATOR_KEYS_DIR" in problems[0]
        assert "AGGREGATOR_API_KEYS" in (await refused(world, API_KEYS='{"acme-01": "face'))[0]
        for text in ("", '[[organization]]\nname = "acme'):
            (tmp_path / "registry.toml").write_text(text)
            found = await refused(world, ORGANIZATIONS_FILE=tmp_path / "registry.toml")
            assert "registry.toml" in found[0] or "no organization" in found[0]
        assert (await world.organizations())["acme-01"]["status"] == "complete"


async def test_the_command_says_what_is_wrong_and_exits_with_2(
    open_world: OpenWorld, run_command: RunCommand
) -> None:
    """Faults A8, A14: all problems at once."""
    async with open_world(Fleet(1)) as world:
        finished = await run_command(
            "sync", env=world.environment(KEYS_DIR="nowhere", MAX_CONCURRENCY=0)
        )
        assert finished.exit_code == 2
        assert finished.stdout == ""
        assert "AGGREGATOR_MAX_CONCURRENCY: must be a whole number from 1" in finished.stderr
        assert world.simulator.observed.requests() == []


async def test_a_key_that_was_taken_away_leaves_its_rows(open_world: OpenWorld) -> None:
    """Fault A9: the organization is ``no_key``, and nothing of it is retired."""
    async with open_world(Fleet(2)) as world:
        await world.sync()
        before = await world.connections()
        del world.keys["acme-02"]
        ran = await world.sync()
        assert ran.outcomes == {"acme-01": "complete"}
        assert ran.exit_code == 0
        assert (await world.organizations())["acme-02"]["status"] == "no_key"
        assert await world.connections() == before


async def test_an_endless_line_is_refused_with_its_number(
    open_world: OpenWorld, tmp_path: Path
) -> None:
    """Fault A10."""
    registry = tmp_path / "registry.toml"
    registry.write_text("# fine\n" + "#" * 10_000_000)
    async with open_world(Fleet(1)) as world:
        problems = await refused(world, ORGANIZATIONS_FILE=registry)
        assert "line 2 is longer than" in problems[0]


async def test_a_key_file_that_all_may_read_is_used_with_a_warning(
    open_world: OpenWorld, tmp_path: Path
) -> None:
    """Fault A11."""
    async with open_world(Fleet(1)) as world:
        (tmp_path / "acme-01").write_text(world.keys.pop("acme-01") + "\n")
        (tmp_path / "acme-01").chmod(0o644)
        ran = await world.sync(KEYS_DIR=tmp_path)
        assert ran.outcomes == {"acme-01": "complete"}
        assert "readable by every user" in ran.events("configuration.note")[0]["note"]


@pytest.mark.parametrize("option", ["--api-key", "--key", "--partner-key", "--token"])
def test_no_key_is_taken_on_the_command_line(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fault A12."""
    with pytest.raises(SystemExit, match="2"):
        parser().parse_args(["sync", option, SECOND_KEY])
    assert "unrecognized arguments" in capsys.readouterr().err


@pytest.mark.parametrize(
    "base_url",
    [
        "http://app.polytomic.com",
        "http://10.0.0.1:8080",
        "https://user:hunter2@app.polytomic.com",
        "https://app.polytomic.com/api",
        "http://[fe80::1]",
        "http://localhost.evil.example",
        "ftp://localhost",
    ],
)
async def test_a_base_url_that_could_leak_a_key_is_refused(
    open_world: OpenWorld, base_url: str
) -> None:
    """Fault A13."""
    async with open_world(Fleet(1)) as world:
        problems = await refused(world, BASE_URL=base_url)
        assert problems[0].startswith("AGGREGATOR_BASE_URL: ")
        assert "hunter2" not in problems[0]


async def test_check_prints_the_final_url(open_world: OpenWorld, run_command: RunCommand) -> None:
    """Fault A13: as it is used, whatever its spelling was."""
    async with open_world(Fleet(1)) as world:
        port = world.simulator.base_url.rpartition(":")[2]
        environment = world.environment(BASE_URL=f"HTTP://LOCALHOST:{port}/")
        finished = await run_command("check", "--json", env=environment)
        assert json.loads(finished.stdout)["base_url"] == f"http://localhost:{port}"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("MAX_CONCURRENCY", "0"),
        ("MAX_CONCURRENCY", "1000000000"),
        ("REQUEST_TIMEOUT_SECONDS", "-1"),
        ("REQUEST_TIMEOUT_SECONDS", "nan"),
        ("REQUESTS_PER_SECOND", "inf"),
        ("RUN_DEADLINE_SECONDS", "1e400"),
        ("MAX_RESPONSE_BYTES", "12"),
        ("REMOVAL_LIMIT_FRACTION", "2"),
    ],
)
async def test_an_absurd_setting_is_named_with_its_range(
    open_world: OpenWorld, setting: str, value: str
) -> None:
    """Fault A14."""
    async with open_world(Fleet(1)) as world:
        (problem,) = await refused(world, **{setting: value})
        assert problem.startswith(f"AGGREGATOR_{setting}: must be ")
        assert any(character.isdigit() for character in problem), "the range is told"
