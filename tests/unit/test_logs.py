"""Log lines: events and fields, for people and for machines, and never a key."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from aggregator.logs import (
    MOST_EQUAL_LINES,
    ConsoleFormatter,
    JsonFormatter,
    Redactor,
    Repeats,
    configure,
)
from aggregator.model import Credential, Secret

KEY = "face0000-0001-4000-8000-00000000000f"
ODD_KEYS = ["short", "a=b;c==", "with(brackets)", 'quo"ted', "back\\slash", "a/b?c&d"]
"""Whatever may stand in a header may be a key."""


def record(message: str, **fields: Any) -> logging.LogRecord:  # noqa: ANN401 - fields of any kind
    made = logging.LogRecord("aggregator.x", logging.WARNING, __file__, 1, message, None, None)
    made.created = 1_795_435_201.5
    vars(made).update(fields)
    return made


def failing(message: str) -> logging.LogRecord:
    made = record("scope.bug")
    try:
        raise ValueError(message)  # noqa: TRY301 - to have a traceback
    except ValueError as error:
        made.exc_info = (type(error), error, error.__traceback__)
    return made


def test_a_console_line_is_an_event_with_its_fields() -> None:
    line = ConsoleFormatter(Redactor()).format(
        record("scope.failed", organization="acme", error="no answer", status=None, n=3)
    )
    assert line == (
        "2026-11-23T12:00:01Z warning scope.failed organization=acme"
        ' error="no answer" status=None n=3'
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", r'"a\nb"'),
        ("a\x1b[31mb", r'"a\u001b[31mb"'),
        ("a\u202eb", r'"a\u202eb"'),
        ("\ud800", r'"\ud800"'),
        ('say "a"', r'"say \"a\""'),
        ("zwei Wörter", '"zwei Wörter"'),
        ("", '""'),
    ],
)
def test_a_console_field_stays_on_its_line_and_changes_no_terminal(text: str, shown: str) -> None:
    """Fault C11."""
    line = ConsoleFormatter(Redactor()).format(record("event", error=text))
    assert line == f"2026-11-23T12:00:01Z warning event error={shown}"


@pytest.mark.parametrize("value", ["\ud800", 2**70, {1}, None, b"x", Secret(KEY)])
def test_a_json_line_can_hold_anything(value: object) -> None:
    line = JsonFormatter(Redactor()).format(record("event", value=value))
    assert json.loads(line)["event"] == "event"
    line.encode()
    assert KEY not in line


def test_a_json_line_is_one_object() -> None:
    line = JsonFormatter(Redactor()).format(record("run.started", organizations=3, plan=False))
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2026-11-23T12:00:01.500000+00:00",
        "level": "warning",
        "event": "run.started",
        "organizations": 3,
        "plan": False,
    }


@pytest.mark.parametrize("formatter", [ConsoleFormatter, JsonFormatter])
def test_a_traceback_says_where_and_which_type_and_no_value(
    formatter: type[logging.Formatter],
) -> None:
    """Fault H11."""
    line = formatter(Redactor()).format(failing("a reason why"))  # type: ignore[arg-type]  # both take a redactor
    assert "in failing" in line
    assert "ValueError" in line
    assert "a reason why" not in line


@pytest.mark.parametrize("key", [KEY, *ODD_KEYS])
@pytest.mark.parametrize(
    "around", ["{}", "key={}", "({})", "'{}',", "https://x/{}?a", "Bearer {}", "{}{}", "a {} b"]
)
def test_no_known_key_is_in_a_line(key: str, around: str) -> None:
    """Invariant I6, threat S1."""
    redactor = Redactor([Secret(KEY)])
    redactor.add(Secret(each) for each in ODD_KEYS)
    text = around.replace("{}", key)
    for formatter in (ConsoleFormatter(redactor), JsonFormatter(redactor)):
        for made in (record(text), record("event", field=text), failing(text)):
            line = formatter.format(made)
            assert key not in line
            assert json.dumps(key)[1:-1] not in line


def test_authorization_and_user_info_are_hidden_whatever_they_hold() -> None:
    redact = Redactor()
    basic = Credential(Secret(KEY), "basic", "org").authorization()
    assert redact(f"Authorization: {basic}, x") == "Authorization: Basic **, x"
    assert redact("authorization: bearer abc") == "authorization: bearer **"
    assert redact("postgres://me:hunter2@db.example/x") == "postgres://**@db.example/x"


def test_other_words_are_left_alone() -> None:
    text = "run 7f3f2c1e-0000-4000-8000-000000000001 wrote organization=acme in 3 s"
    assert Redactor([Secret(KEY)])(text) == text


def test_log_lines_go_to_standard_error_at_the_chosen_level(
    capsys: pytest.CaptureFixture[str],
) -> None:
    root, ours = logging.getLogger(), logging.getLogger("aggregator")
    before = root.handlers[:], root.level, ours.level
    try:
        redactor = configure("json", "info")
        redactor.add([Secret(KEY)])
        log = logging.getLogger("aggregator.somewhere")
        log.info("run.started", extra={"key": KEY})
        log.debug("too.much")
        logging.getLogger("aiohttp.client").info("not ours")
    finally:
        root.handlers[:] = before[0]
        root.setLevel(before[1])
        ours.setLevel(before[2])
    out, err = capsys.readouterr()
    assert out == ""
    [line] = err.splitlines()
    assert json.loads(line)["key"] == "**"


def test_what_repeats_without_end_is_cut_off_and_says_so() -> None:
    """Fault I6: lines of one place in the code; those of others still pass."""
    repeats = Repeats()
    lines = [record("scope.bug", organization=str(number)) for number in range(1000)]
    passed = [line for line in lines if repeats.filter(line)]
    assert passed == lines[:MOST_EQUAL_LINES]
    assert vars(passed[-1])["further"] == "are not shown"
    assert "further" not in vars(passed[-2])
    other = record("run.finished")
    other.lineno = 2
    assert repeats.filter(other)
