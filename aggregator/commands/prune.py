"""``aggregator prune``: what is older than is to be kept, and with ``--apply`` its end."""

from __future__ import annotations

import argparse
import sys
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import orjson

from aggregator import logs, terminal
from aggregator.database import Database
from aggregator.retention import Horizons, find_prunable, prune
from aggregator.runs import run_lock
from aggregator.settings import load_settings
from aggregator.sql import statement
from aggregator.wiring import now, stored_inventory


async def run(options: argparse.Namespace) -> int:
    settings = load_settings()
    logs.configure(settings.log_format, "warning")
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(stored_inventory(settings))
        today = await _today(database)
        horizons = Horizons(
            history=_midnight(today, options.history_days),
            api_usage=_midnight(today, options.api_usage_days),
            runs=_midnight(today, options.runs_days),
        )
        if options.apply:
            await stack.enter_async_context(run_lock(database, uuid4()))
        tables = await find_prunable(database, horizons)
        if options.apply:
            await prune(database, horizons)
    document = {
        "applied": options.apply,
        "kept_since": {kind: f"{since:%FT%TZ}" for kind, since in horizons._asdict().items()},
        "tables": [
            {
                **table._asdict(),
                "oldest": table.oldest and str(table.oldest),
                "newest": table.newest and str(table.newest),
            }
            for table in tables
        ],
    }
    if options.json:
        sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE))
    else:
        terminal.print_pruning(document)
    return 0


async def _today(database: Database) -> date:
    """In UTC, by the slower of two clocks: one that is ahead must not cost what is to be kept."""
    [row] = await database.fetch(statement("clock"))
    moment: datetime = min(row["now"], now())
    return moment.astimezone(UTC).date()


def _midnight(today: date, days: int) -> datetime:
    """Of the UTC day that lies so many days back."""
    day = today - timedelta(days=days)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
