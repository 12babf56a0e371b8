"""Log lines on standard error: an event name and its fields, for people or as JSON.

The handler is the second net for secrets: whatever a message or a traceback holds, known keys and
``Authorization`` values are replaced before a line leaves the process.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import orjson

from aggregator.model import Secret

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_AUTHORIZATION = re.compile(r"(?i)\b(bearer|basic)\s+[^\s\"',;]+")
_USER_INFO = re.compile(r"(?<=://)[^/@\s\"']+@")
_WORD = re.compile(r"[^\s\"'=,:;()<>\[\]{}]{8,}")


class Redactor:
    """Replaces secrets in text; finds a key by looking words up, however many keys there are."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._keys = {secret.reveal() for secret in secrets}

    def add(self, secrets: Iterable[Secret]) -> None:
        self._keys.update(secret.reveal() for secret in secrets)

    def __call__(self, text: str) -> str:
        text = _AUTHORIZATION.sub(r"\1 **", text)
        text = _USER_INFO.sub("**@", text)
        return _WORD.sub(lambda match: "**" if match[0] in self._keys else match[0], text)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _PLAIN}


class ConsoleFormatter(logging.Formatter):
    """``12:00:01 warning scope.failed organization=acme outcome=timeout``."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        fields = "".join(f" {name}={_shown(value)}" for name, value in _fields(record).items())
        line = f"{moment:%H:%M:%S} {record.levelname.lower():7} {record.getMessage()}{fields}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return self._redactor(line)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ``time``, ``level``, ``event``, then the event's fields."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return self._redactor(orjson.dumps(line, default=str).decode())


def _shown(value: object) -> str:
    text = str(value)
    printable = text.isprintable() and text and " " not in text
    return text if printable else orjson.dumps(text, default=str).decode()


def configure(log_format: str, level: str) -> Redactor:
    """Sends all logging to standard error; gives the redactor, to be told of keys."""
    redactor = Redactor()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter((JsonFormatter if log_format == "json" else ConsoleFormatter)(redactor))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("aggregator").setLevel(level.upper())
    return redactor
