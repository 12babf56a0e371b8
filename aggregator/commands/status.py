"""``aggregator status``: coverage and freshness of every organization, from the database."""

from __future__ import annotations

import argparse
import sys

import orjson

from aggregator import logs, terminal
from aggregator.errors import DatabaseError
from aggregator.migrate import pending
from aggregator.report import read_status
from aggregator.settings import load_settings
from aggregator.wiring import database_of


async def run(options: argparse.Namespace) -> int:
    settings = load_settings()
    logs.configure(settings.log_format, "warning")
    async with database_of(settings, start=False) as database:
        if await pending(database):
            raise DatabaseError("the database is not up to date; run: aggregator migrate")
        document = await read_status(database)
    if options.json:
        sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE))
    else:
        terminal.print_status(document)
    return 0
