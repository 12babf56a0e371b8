"""Log lines on standard error: an event name and its fields, for people or as JSON.

A line is one line of printable text, whatever names and errors from outside are in its fields; a
traceback says where and which type, but not the error's message, which may repeat any value.

The handler is the second net for secrets: whatever a message or a traceback holds, known keys and
``Authorization`` values are replaced before a line leaves the process.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from aggregator.model import Secret

MOST_EQUAL_LINES = 100
_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_AUTHORIZATION = re.compile(r"(?i)\b(bearer|basic)\s+[^\s\"',;]+")
_USER_INFO = re.compile(r"(?<=://)[^/@\s\"']+@")


class Redactor:
    """Replaces secrets in text, wherever they stand in it.

    Keys have few lengths, so looking up every stretch of those lengths takes as long for 20,000
    keys as for one.
    """

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._keys: set[str] = set()
        self._lengths: set[int] = set()
        self.add(secrets)

    def add(self, secrets: Iterable[Secret]) -> None:
        for secret in secrets:
            key = secret.reveal()
            self._keys |= {key, json.dumps(key)[1:-1]}
        self._lengths = {len(key) for key in self._keys}

    def __call__(self, text: str) -> str:
        found = {
            stretch
            for length in self._lengths
            for start in range(len(text) - length + 1)
            if (stretch := text[start : start + length]) in self._keys
        }
        for key in sorted(found, key=len, reverse=True):
            text = text.replace(key, "**")
        return _USER_INFO.sub("**@", _AUTHORIZATION.sub(r"\1 **", text))


class Repeats(logging.Filter):
    """Lets the first ``MOST_EQUAL_LINES`` of each place in the code pass; the last one says so.

    What befalls 100,000 organizations alike is counted in the ledger, not in the log (fault I6).
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen: Counter[tuple[str, int]] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        place = (record.pathname, record.lineno)
        self._seen[place] += 1
        if self._seen[place] == MOST_EQUAL_LINES:
            record.further = "are not shown"
        return self._seen[place] <= MOST_EQUAL_LINES


def _fields(record: logging.LogRecord, redactor: Redactor) -> dict[str, Any]:
    """The event's fields, redacted before encoding: an escape sticks to the word after it."""
    return {
        name: redactor(value) if isinstance(value, str) else value
        for name, value in vars(record).items()
        if name not in _PLAIN
    }


class ConsoleFormatter(logging.Formatter):
    """``2026-11-23T12:00:01Z warning scope.failed organization=acme outcome=timeout``."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        named = _fields(record, self._redactor).items()
        fields = "".join(f" {name}={_shown(value)}" for name, value in named)
        event = _escaped(self._redactor(record.getMessage()))
        line = f"{moment:%Y-%m-%dT%H:%M:%SZ} {record.levelname.lower():7} {event}{fields}"
        if record.exc_info and record.exc_info[1]:
            line += "\n" + _traceback(record.exc_info[1])
        return self._redactor(line)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ``time``, ``level``, ``event``, then the event's fields."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "event": self._redactor(record.getMessage()),
            **_fields(record, self._redactor),
        }
        if record.exc_info and record.exc_info[1]:
            line["traceback"] = _traceback(record.exc_info[1])
        return self._redactor(json.dumps(line, default=str))


def _shown(value: object) -> str:
    """A word as it is, all else in quotes; what a terminal would obey or hide is escaped (C11)."""
    text = str(value)
    if text.isprintable():
        return text if text and " " not in text else json.dumps(text, ensure_ascii=False)
    return json.dumps(text)


def _escaped(text: str) -> str:
    return text if text.isprintable() else json.dumps(text)[1:-1]


def _traceback(error: BaseException) -> str:
    """Frames without locals, and the types of the error and of what led to it."""
    parts = [*traceback.format_tb(error.__traceback__), type(error).__name__]
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return (f"{_traceback(earlier)}\n\nled to\n\n" if earlier else "") + "".join(parts)


def configure(log_format: str, level: str) -> Redactor:
    """Sends all logging to standard error; gives the redactor, to be told of keys."""
    redactor = Redactor()
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Repeats())
    handler.setFormatter((JsonFormatter if log_format == "json" else ConsoleFormatter)(redactor))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("aggregator").setLevel(level.upper())
    return redactor


def say(problem: str) -> None:
    """Tells why the command ends: as a log line where logs are JSON, else as commands do."""
    if any(isinstance(handler.formatter, JsonFormatter) for handler in logging.root.handlers):
        logging.getLogger("aggregator").error("command.failed", extra={"error": problem})
    else:
        sys.stderr.write(f"aggregator: {problem}\n")
