"""What ``docs/operations.md`` tells operators to do can be done."""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from ruamel.yaml import YAML

from aggregator.arguments import parser
from aggregator.embedded.binaries import program
from aggregator.settings import Settings, variable_of
from tests.acceptance.world import World
from tests.command import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text()
UNITS = ROOT / "deploy" / "systemd"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Command lines of ``aggregator`` in blocks, schedules and sentences."""
    lines = "\n".join(blocks("sh") + blocks("cron")).splitlines() + re.findall(r"`([^`\n]+)`", PAGE)
    found = (re.search(r"(?:^|\s|/)aggregator ((?:[a-z]|--)[^|>&<]*)", line) for line in lines)
    return sorted({match[1].strip() for match in found if match})


@pytest.mark.parametrize("line", commands())
def test_every_command_is_understood(line: str) -> None:
    try:
        parser().parse_args(shlex.split(line, comments=True))
    except (SystemExit, argparse.ArgumentError) as error:
        raise AssertionError(f"aggregator {line}") from error


def test_commands_are_found_at_all() -> None:
    assert {"sync --json", "status --max-age 26h", "migrate --check"} <= set(commands())
    assert any(line.startswith("prune --apply") for line in commands())


def test_every_variable_is_a_setting() -> None:
    known = {variable_of(field) for field in Settings.model_fields}
    assert set(re.findall(r"AGGREGATOR_[A-Z_]+[A-Z]", PAGE)) <= known


def test_the_files_it_names_are_there() -> None:
    for name in re.findall(r"`(deploy/[\w./-]+)`", PAGE):
        assert (ROOT / name).exists(), name


def test_the_cron_job_of_kubernetes_starts_one_at_a_time() -> None:
    """Fault H13."""
    [document] = [YAML(typ="safe").load(block) for block in blocks("yaml")]
    spec = document["spec"]
    assert (document["kind"], spec["concurrencyPolicy"]) == ("CronJob", "Forbid")
    assert spec["startingDeadlineSeconds"] > 0
    job = spec["jobTemplate"]["spec"]
    assert job["backoffLimit"] == 0
    [container] = job["template"]["spec"]["containers"]
    parser().parse_args(container["args"])


def test_the_unit_fails_for_what_somebody_is_to_be_woken_for() -> None:
    """Of the exit codes of the table; 0 is a success anyhow, and a stopped unit is no alarm."""
    rows = re.findall(r"^\| (\d) \| (.*?) \|", PAGE, re.MULTILINE)
    harmless = [code for code, who in rows if who != "wake somebody" and code != "0"]
    text = (UNITS / "polytomic-inventory.service").read_text()
    assert re.findall(r"^SuccessExitStatus=(.*)$", text, re.MULTILINE) == [" ".join(harmless)]
    assert len(harmless) == 3


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    """With a program that exists here; what the unit runs is a command of ours."""
    for unit in UNITS.iterdir():
        text = unit.read_text()
        for line in re.findall(r"^ExecStart=\S+/aggregator (.*)$", text, re.MULTILINE):
            parser().parse_args(shlex.split(line))
        (tmp_path / unit.name).write_text(re.sub(r"(?<=ExecStart=)\S+", "/bin/true", text))
    units = sorted(map(str, tmp_path.iterdir()))
    assert len(units) == 2
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (verified.returncode, verified.stderr) == (0, "")


async def test_every_question_is_answered(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    questions = [
        question
        for block in blocks("sql")
        for question in block.split(";")
        if re.match(r"(\s*--.*\n)*\s*select", question)
    ]
    questions += re.findall(r"`(select [^`]+)`", PAGE)
    assert questions
    for question in questions:
        await connection.fetch(question)
    await connection.close()


async def test_a_dump_as_the_owner_is_whole_and_can_be_restored(
    world: World, empty_database_url: str
) -> None:
    """As the page says it, letter by letter; without the option there is an error and no dump."""
    assert (await world.sync()).exit_code == 0
    [dump] = [line for block in blocks("sh") for line in block.splitlines() if "pg_dump " in line]
    [restore] = [
        line for block in blocks("sh") for line in block.splitlines() if "restore " in line
    ]
    owner = f"dumps_{urlsplit(world.database_url).path[-6:]}"
    await world.execute(f"create role {owner} login in role inventory_owner")
    try:
        as_owner = world.database_url.replace("aggregator@", f"{owner}@", 1)
        assert as_owner != world.database_url

        def run(line: str, **variables: str) -> subprocess.CompletedProcess[str]:
            tool, *arguments = shlex.split(line)
            filled = [
                re.sub(r"\$(\w+)", lambda match: variables[match[1]], each) for each in arguments
            ]
            return subprocess.run(
                [program(tool), *filled],
                cwd=world.folder,
                capture_output=True,
                text=True,
                check=False,
            )

        plain = dump.replace("--enable-row-security ", "")
        assert "row-level security" in run(plain, OWNER_URL=as_owner).stderr
        for done in (
            run(dump, OWNER_URL=as_owner),
            run(restore, NEW_URL=empty_database_url),
        ):
            assert (done.returncode, done.stderr) == (0, "")
        restored = World(world.simulator, empty_database_url, world.folder)
        assert (await restored.run("migrate", "--check")).exit_code == 0
        before, after = await world.dump(), await restored.dump()
        assert after == before
        again = await restored.sync()
        assert again.exit_code == 0
        assert again.document["resources"]["connections"]["unchanged"] == 12
    finally:
        await world.execute(f"drop role {owner}")
