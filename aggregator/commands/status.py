"""``aggregator status``: coverage and freshness of every organization, from the database."""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta
from typing import Any

import orjson

from aggregator import logs, terminal
from aggregator.report import enabled, read_status, too_old
from aggregator.settings import load_settings
from aggregator.summary import EXIT_COMPLETE, EXIT_PARTIAL
from aggregator.wiring import stored_inventory

MOST_NAMES = 20
"""Named on standard error; ``--json`` has them all."""


async def run(options: argparse.Namespace) -> int:
    settings = load_settings()
    logs.configure(settings.log_format, "warning")
    async with stored_inventory(settings) as database:
        document = await read_status(database)
    problem = _judge_age(document, options.max_age) if options.max_age else None
    if options.json:
        sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE))
    else:
        terminal.print_status(document)
    if problem:
        logs.say(problem)
    return EXIT_PARTIAL if problem else EXIT_COMPLETE


def _judge_age(document: dict[str, Any], max_age: timedelta) -> str | None:
    """Adds to the document who is too old; gives what to say of it, None where nobody is."""
    organizations = enabled(document["organizations"])
    names = too_old(organizations, max_age)
    document |= {"max_age_seconds": int(max_age.total_seconds()), "too_old": names}
    if not organizations:
        return "no enabled organization is known: nothing was ever read"
    if not names:
        return None
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"no complete read within {max_age}: {', '.join(names[:MOST_NAMES])}{more}"
