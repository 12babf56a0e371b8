"""Commands and options; wrong ones are exit 2 with nothing requested and nothing written."""

from __future__ import annotations

import tomllib

import pytest

from aggregator import __version__
from tests.acceptance.world import DEAD_DATABASE, World
from tests.command import ROOT, RunCommand

COMMANDS = ("sync", "check", "migrate", "status", "explain", "export", "prune")


async def test_the_help_names_the_commands_and_every_exit_code(
    run_command: RunCommand,
) -> None:
    shown = await run_command("--help")
    assert shown.exit_code == 0
    for word in (*COMMANDS, "0 ", "1 ", "2 ", "3 ", "4 ", "5 ", "6 ", "129, 130, 143"):
        assert f"\n  {word}" in shown.stdout or f"\n    {word}" in shown.stdout, word


async def test_the_version_is_told(run_command: RunCommand) -> None:
    shown = await run_command("--version")
    assert (shown.exit_code, shown.stdout) == (0, f"aggregator {__version__}\n")


def test_the_console_script_is_the_same_as_the_module() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"aggregator": "aggregator.cli:main"}
    assert "from aggregator.cli import main" in (ROOT / "aggregator" / "__main__.py").read_text()


async def test_sync_takes_exactly_the_options_of_the_contract(run_command: RunCommand) -> None:
    """Fault A12: no option takes a key, because arguments are visible to every local user."""
    shown = await run_command("sync", "--help")
    options = {
        word.strip(",[]") for word in shown.stdout.split() if word.strip("[").startswith("-")
    }
    assert options == {
        "-h",
        "--help",
        "--organization",
        "--resource",
        "--json",
        "--metrics-file",
        "--plan",
        "--accept-removals",
        "--refresh-schemas",
    }


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("collect",),
        ("sync", "--everything"),
        ("sync", "--api-key", "face0000-0001-4000-8000-00000000dead"),
        ("sync", "--key=face0000-0001-4000-8000-00000000dead"),
        ("sync", "--accept"),
        ("sync", "acme-01"),
        ("sync", "--organization"),
        ("check", "--plan"),
        ("sync", "--plan", "--refresh-schemas"),
        ("migrate", "--json"),
        ("status", "--check"),
    ],
    ids=" ".join,
)
async def test_an_unknown_command_or_option_is_exit_2_and_shows_the_usage(
    run_command: RunCommand, arguments: tuple[str, ...]
) -> None:
    shown = await run_command(*arguments)
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert "usage: aggregator" in shown.stderr


WRONG = {
    "one of two organizations": (
        ("--organization", "acme-01", "--organization", "nobody"),
        {},
        "no such organization: nobody",
    ),
    "an unknown resource": (("--resource", "nothing"), {}, "no such resource: nothing"),
    "an unknown resource in the settings": (
        (),
        {"RESOURCES": "connections,nothing"},
        "no such resource: nothing",
    ),
    "no organization at all": ((), {"API_KEYS": None}, "no organization is configured"),
    "only blank keys": ((), {"API_KEYS": '{"acme-01": " "}'}, "no organization has a usable key"),
    "a missing folder": ((), {"KEYS_DIR": "no/such/folder"}, "AGGREGATOR_KEYS_DIR"),
}


@pytest.mark.parametrize(("options", "settings", "said"), WRONG.values(), ids=WRONG)
async def test_a_wrong_configuration_is_exit_2_and_requests_nothing_even_without_a_database(
    world: World, options: tuple[str, ...], settings: dict[str, str | None], said: str
) -> None:
    """Fault A8, A14: before anything is opened, and whatever state the database is in."""
    result = await world.sync(*options, DATABASE_URL=DEAD_DATABASE, **settings)
    assert result.failed_with(2)
    assert said in result.stderr
    assert world.simulator.observed.requests() == []


async def test_an_unknown_organization_writes_nothing_not_even_a_migration(
    world: World, empty_database_url: str
) -> None:
    result = await world.sync("--organization", "nobody", DATABASE_URL=empty_database_url)
    assert result.exit_code == 2
    empty = World(world.simulator, empty_database_url, world.folder)
    assert await empty.dump() == {}


async def test_all_problems_are_told_at_once(world: World) -> None:
    wrong = {
        "MAX_ATTEMPTS": "none",
        "MAX_CONCURRENCY": "0",
        "MAX_CONCURENCY": "8",
        "LOG_FORMAT": "xml",
        "BASE_URL": "http://polytomic.example",
        "REQUEST_TIMEOUT_SECONDS": "-1",
        "API_KEYS": '{"acme-01": ',
    }
    result = await world.sync(**wrong)
    assert result.exit_code == 2
    assert {line.split(":")[1].strip() for line in result.stderr.splitlines()} == {
        f"AGGREGATOR_{name}" for name in wrong
    }


async def test_organization_is_repeatable_and_reads_only_those(world: World) -> None:
    result = await world.sync("--organization", "acme-01", "--organization", "acme-03")
    assert result.document["organizations"]["total"] == 2
    assert world.simulator.observed.organizations() == ["acme-01", "acme-03"]


async def test_resource_is_repeatable(world: World) -> None:
    result = await world.sync("--resource", "connections", "--resource", "connections")
    assert result.exit_code == 0
    assert list(result.document["resources"]) == ["connections"]


async def test_a_disabled_organization_cannot_be_chosen(world: World) -> None:
    registry = world.folder / "organizations.toml"
    registry.write_text('[[organization]]\nname = "off"\napi_key = "env:X"\nenabled = false\n')
    result = await world.sync("--organization", "off", ORGANIZATIONS_FILE=str(registry))
    assert result.exit_code == 2
    assert "organization off is disabled" in result.stderr
