"""A console, its tables, and values as they may be shown there."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

MOST_ROWS = 40
LONGEST_VALUE = 200


def new_console() -> Console:
    from rich.console import Console  # noqa: PLC0415 (only where it is shown)

    wide = None if sys.stdout.isatty() else 160
    return Console(width=wide, highlight=False, soft_wrap=False)


def new_table(*columns: str, title: str | None = None) -> Table:
    """A table without lines: in 80 columns the words count."""
    from rich.table import Table  # noqa: PLC0415

    return Table(*columns, title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))


def safe(text: object) -> str:
    """Text from outside as it may reach a terminal: no control characters, no markup."""
    from rich.markup import escape  # noqa: PLC0415

    plain = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))
    return escape(plain)


def brief(value: object) -> str:
    """Any JSON value of outside on one line, the longest cut; ``--json`` has it whole."""
    if value is None:
        return "-"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return safe(text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…")


def number(value: object) -> str:
    return "-" if value is None else str(value)


def age(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def moment(text: str | None) -> str:
    return "-" if text is None else f"{datetime.fromisoformat(text).astimezone(UTC):%F %T}"


def elapsed(text: str, as_of: str) -> str:
    return age((datetime.fromisoformat(as_of) - datetime.fromisoformat(text)).total_seconds())
