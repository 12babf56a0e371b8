"""``aggregator explain``: everything known of one connection, from the database."""

from __future__ import annotations

import argparse
import sys

import orjson

from aggregator import logs, terminal
from aggregator.database import Database
from aggregator.errors import ConfigurationError
from aggregator.report import ids_like, read_explanation
from aggregator.settings import load_settings
from aggregator.wiring import stored_inventory

MOST_SIMILAR = 5


async def run(options: argparse.Namespace) -> int:
    settings = load_settings()
    logs.configure(settings.log_format, "warning")
    async with stored_inventory(settings) as database:
        document = await read_explanation(database, options.id)
        if not document["organizations"]:
            raise ConfigurationError([await _unknown(database, options.id)])
    if options.json:
        sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE))
    else:
        terminal.print_explanation(document)
    return 0


async def _unknown(database: Database, connection_id: str) -> str:
    """Ids come from outside: ``repr`` lets nothing of them steer a terminal."""
    similar = await ids_like(database, connection_id, MOST_SIMILAR + 1)
    message = f"no organization has or had a connection {connection_id!r}"
    if similar:
        names = ", ".join(map(repr, similar[:MOST_SIMILAR]))
        message += f"; ids that begin so: {names}"
    return message + (" and more" if len(similar) > MOST_SIMILAR else "")
