"""Faults I: what leaves the program, and what does not exist yet and so cannot leave it.

A test that proves an absence fails on the day the feature arrives: then write the fault's real test
in its place.
"""

from __future__ import annotations

import argparse
import ast
import json
import re

import pytest

from aggregator import diff
from aggregator.arguments import parser
from aggregator.logs import MOST_EQUAL_LINES
from aggregator.settings import Settings
from tests.command import ROOT
from tests.faults.conftest import OpenWorld
from tests.faults.outside import run
from tests.simulator import Fault, Fleet

PROGRAM = [path for path in ROOT.glob("aggregator/**/*.py") if "embedded" not in path.parts]


def commands() -> dict[str, list[str]]:
    """Every command with its options."""
    actions = parser()._actions  # noqa: SLF001 - argparse shows them nowhere else
    (choices,) = (a.choices for a in actions if isinstance(a, argparse._SubParsersAction))  # noqa: SLF001
    return {
        name: [option for action in each._actions for option in action.option_strings]  # noqa: SLF001
        for name, each in choices.items()
    }


def words() -> set[str]:
    """Commands, options and settings: every way to ask for something."""
    offered = commands()
    options = {option for each in offered.values() for option in each}
    return {*offered, *options, *Settings.model_fields}


def imported() -> set[str]:
    """Top-level packages that the program imports anywhere."""
    trees = [ast.parse(path.read_text()) for path in PROGRAM]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


def asked_for(pattern: str) -> list[str]:
    return sorted(word for word in words() if re.search(pattern, word))


def test_what_is_looked_for_would_be_found() -> None:
    """The control of the absences below."""
    assert {"sync", "--json", "database_url"} <= words()
    assert {"aiohttp", "json", "rich"} <= imported()


def test_no_page_is_sent_to_anybody() -> None:
    """Threat S19: a page is a file; what is in it is tested where pages are."""
    assert asked_for("mail|upload|send|publish") == []
    assert imported() & {"html", "email", "smtplib"} == {"email"}, "dates of headers only"


def test_only_the_encoder_that_keeps_formulas_out_writes_csv() -> None:
    """Fault I2: ``csv.writer`` would not; nothing else of the kind exists."""
    assert asked_for("csv|xls") == []
    assert imported() & {"csv", "openpyxl", "xlsxwriter"} == set()


def test_metrics_are_written_and_pushed_and_nothing_listens() -> None:
    """Threat S16: there is no port to read them from."""
    assert asked_for("metric|prometheus|statsd|(?<!ex)(?<!re)port$|listen") == [
        "--metrics-file",
        "metrics_file",
        "metrics_organization_labels",
    ]
    assert imported() & {"statsd", "opentelemetry"} == set()
    program = "".join(path.read_text() for path in PROGRAM)
    assert "start_http_server" not in program


def test_nobody_is_notified_but_a_gateway_of_metrics() -> None:
    """Fault I8: whatever that one does, it changes no exit code (see the tests of metrics)."""
    assert asked_for("slack|webhook|notify|alert") == []
    assert asked_for("push") == ["pushgateway_url"]


HOSTILE = [
    "'; drop table inventory.connections; --",
    "$1",
    "%s %(name)s",
    "{x} {0.__class__}",
    '"; select pg_sleep(10); --',
    "\\'; copy t to program 'id'; --",
    "=cmd|' /C calc'!A0",
    "<img src=x onerror=alert(1)>",
    "@SUM(1+1)",
    "[bold]not markup[/]",
]


async def test_a_hostile_name_is_a_name_in_the_database_and_on_every_way_to_it(
    open_world: OpenWorld,
) -> None:
    """Fault I3: in names, ids, errors and organizations' names; read back letter by letter."""
    async with open_world(Fleet(1, len(HOSTILE))) as world:
        acme = world.fleet["acme-01"]
        for connection, text in zip(acme.connections, HOSTILE, strict=True):
            connection |= {"name": text, "id": text, "status_error": text, "type": {"id": text}}
        acme.identity = {"organization_name": HOSTILE[0]}
        assert (await world.sync()).exit_code == 0
        rows = await world.query("select * from reporting.connections")
        for row in rows:
            assert row["connection_id"] == row["name"] == row["type_id"]
        assert {row["name"] for row in rows} == set(HOSTILE)
        assert {row["organization_name"] for row in rows} == {HOSTILE[0]}
        for connection in acme.connections:
            connection["name"] += "!"
        acme.connections.pop()
        assert (await world.sync()).exit_code == 5, "a 404 proves nothing for such an id"
        changes = await world.query(
            "select connection_id, new_value from reporting.connection_changes"
            " where field = 'name' and change = 'updated'"
        )
        assert {json.loads(row["new_value"]) for row in changes} == {
            f"{text}!" for text in HOSTILE[:-1]
        }


@pytest.mark.parametrize("log_format", ["console", "json"])
async def test_many_equal_failures_are_grouped_and_hardly_logged(
    open_world: OpenWorld, log_format: str
) -> None:
    """Fault I6: a run of 100,000 failing organizations logs what one of 200 does."""
    lengths = []
    for size in (20, 200):
        async with open_world(Fleet(size, 1)) as world:
            world.fleet.faults = [Fault(status=403, path="/api/connections")]
            result = await run(
                world, "sync", variables={}, wrapper=(), LOG_FORMAT=log_format, LOG_LEVEL="debug"
            )
            lengths.append(len(result.stderr))
            assert result.exit_code == 4
            assert f" {size}  " in result.stdout, "grouped, with their number"
            assert len(result.stdout.splitlines()) < 20
    few, many = lengths
    each = (many - few) / 180
    assert few + 100_000 * each < 10_000_000, "bytes"
    assert each < 1


async def test_a_bug_in_every_organization_does_not_fill_the_disk(
    open_world: OpenWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault I6: the longest line there is, a traceback, for each organization."""

    def broken(_: object) -> bytes:
        raise ValueError("every time")

    async with open_world(Fleet(MOST_EQUAL_LINES + 20, 1)) as world:
        monkeypatch.setattr(diff, "content_hash", broken)
        ran = await world.sync()
        assert set(ran.outcomes.values()) == {"internal_error"}
        lines = ran.events("scope.bug")
        assert len(lines) == MOST_EQUAL_LINES
        assert lines[-1]["further"] == "are not shown"
        assert len(ran.stderr) < 1_000_000
