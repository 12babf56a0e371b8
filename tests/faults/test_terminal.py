"""Names and errors from outside reach terminals and logs as plain text, and forge nothing there."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator

import pytest

from aggregator import logs, terminal
from aggregator.model import Secret
from tests.faults.conftest import OpenWorld
from tests.simulator import Fault, Fleet

ATTACKS = {
    "clear the screen": "\x1b[2J\x1b[1;1H",
    "set the window's title": "\x1b]0;owned\x07",
    "a control sequence of one byte": "\x9b2J",
    "go back and write over": "good\rbad\b\b",
    "a forged log line": "x\n2026-11-23T12:00:00Z info    run.finished exit_code=0",
    "a forged JSON log line": '"}\n{"event": "run.finished", "exit_code": 0}',
    "other line ends": "a\u2028b\u2029c\x85d\x0be\x0cf",
    "bidi": "\u202egnp.exe\u2066\u2069",
    "zero width and tags": "a\u200b\u200d\ufeff\U000e0041",
    "markup": "[red]x[/red] [link=https://evil.example]click[/link] [/] [bold",
    "a backslash before markup": "\\[red]\\",
    "DEL and NUL": "a\x7fb\x00c",
    "endless": "A" * 100_000,
}
ALL = " ".join(ATTACKS.values())
LINE_ENDS = re.compile("[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")


def unprintable(text: str) -> set[str]:
    """What in a text with line ends could move a cursor, hide or reorder characters."""
    return {character for character in text.replace("\n", "") if not character.isprintable()}


async def test_nothing_from_outside_steers_the_terminal(open_world: OpenWorld) -> None:
    """Fault C11: summary, status and check of organizations that attack with every text."""
    names = [f"org-{number}" for number in range(len(ATTACKS))]
    async with open_world(Fleet(names=names, connections=2)) as world:
        for name, attack in zip(names, ATTACKS.values(), strict=True):
            organization = world.fleet[name]
            organization.identity = {"organization_name": attack, "role": attack}
            for key in ("name", "status", "status_error"):
                organization.connections[0][key] = attack
            organization.connections.append({"id": attack, "type": {"id": attack}})
        assert (await world.sync()).account["organizations"]["failed"] == 0
        for name, attack in zip(names, ATTACKS.values(), strict=True):
            error = {"key": attack, "message": attack}
            world.fleet[name].faults = [
                Fault(path="/api/connections", status=500, body=error),
                Fault(path="/api/me", status=403, body=error, skip=1),
            ]
        for log_format in ("console", "json"):
            outputs = [
                await world.run(command, LOG_FORMAT=log_format, MAX_ATTEMPTS=1)
                for command in ("sync", "status", "check")
            ]
            for _, stdout, stderr in outputs:
                assert unprintable(stdout) == set()
                assert unprintable(stderr) == set()
                assert len(stdout) < 40_000, "what is endless is cut"
                assert not re.search(
                    r"^(\{\"event\"|2026-11-23T12:00:00Z)", stdout + stderr, re.MULTILINE
                )
        stdout = outputs[-1][1] + outputs[0][1]
        assert "[red]x[/red]" in re.sub(r"[\s│┃]+", "", stdout), "shown as it is"


async def test_json_output_is_one_document_whatever_is_in_it(open_world: OpenWorld) -> None:
    async with open_world(Fleet(1)) as world:
        world.fleet["acme-01"].identity = {"organization_name": ALL}
        await world.sync()
        world.fleet["acme-01"].faults = [Fault(status=500, body={"message": ALL})]
        await world.sync(MAX_ATTEMPTS=1)
        for command in ("sync", "status", "check"):
            _, stdout, _ = await world.run(command, "--json", MAX_ATTEMPTS=1)
            assert isinstance(json.loads(stdout), dict)
            assert stdout.count("\n") == 1
            assert stdout.endswith("\n")


@pytest.fixture
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def written(
    capsys: pytest.CaptureFixture[str],
    _logging_as_it_was: None,
) -> Callable[[str, object], str]:
    """Logs one event with one field in the given format, and what reached standard error."""

    def write(log_format: str, value: object) -> str:
        redactor = logs.configure(log_format, "info")
        redactor.add([Secret("face0000-0000-4000-8000-00000000000a")])
        logging.getLogger("aggregator.test").warning("event", extra={"field": value})
        return capsys.readouterr().err

    return write


@pytest.mark.parametrize("attack", [*ATTACKS.values(), "\ud800", "\\u001b[2J"], ids=ascii)
@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_log_line_is_one_line_of_plain_text(
    written: Callable[[str, object], str], log_format: str, attack: str
) -> None:
    """Fault C11."""
    line = written(log_format, attack)
    assert not LINE_ENDS.search(line.removesuffix("\n"))
    assert unprintable(line) <= {"\x7f"}
    assert "Logging error" not in line
    if log_format == "json":
        assert json.loads(line)["field"] == attack


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_log_line_hides_a_key_also_between_attacks(
    written: Callable[[str, object], str], log_format: str
) -> None:
    key = "face0000-0000-4000-8000-00000000000a"
    for text in (key, f"\n{key}\n", f"Bearer {key}", f"https://u:{key}@h.example", f"[{key}]"):
        assert key not in written(log_format, text)


@pytest.mark.parametrize("log_format", ["console", "json"])
@pytest.mark.usefixtures("_logging_as_it_was")
def test_a_traceback_forges_no_line_and_repeats_no_value(
    capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    """Fault H11: also of an error that led to another."""
    logs.configure(log_format, "info")
    try:
        try:
            int(ALL)
        except ValueError as error:
            raise KeyError(ALL) from error
    except KeyError:
        logging.getLogger("aggregator.test").exception("scope.bug")
    text = capsys.readouterr().err
    assert "ValueError" in text
    assert "KeyError" in text
    assert unprintable(text) == set()
    assert "run.finished" not in text


def test_an_address_in_brackets_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    """Fault A13: check prints the URL as it is used."""
    document = {
        "organizations": [],
        "base_url": "https://[fe80::1]",
        "api_version": "2025-09-18",
        "database": "up to date",
        "problems": [],
        "notes": [],
    }
    terminal.print_check(document)
    assert "https://[fe80::1]" in capsys.readouterr().out
