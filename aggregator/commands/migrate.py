"""``aggregator migrate``: applies pending migrations, or only says whether any are pending."""

from __future__ import annotations

import argparse
import sys

from aggregator import logs
from aggregator import migrate as migrations
from aggregator.settings import load_settings
from aggregator.wiring import database_of

EXIT_PENDING = 3


async def run(options: argparse.Namespace) -> int:
    settings = load_settings()
    logs.configure(settings.log_format, settings.log_level)
    async with database_of(settings) as database:
        if not options.check:
            for name in await migrations.apply(database):
                sys.stdout.write(f"applied {name}\n")
            sys.stdout.write("up to date\n")
            return 0
        waiting = await migrations.pending(database)
        for migration in waiting:
            sys.stdout.write(f"pending {migration.label}\n")
        if not waiting:
            sys.stdout.write("up to date\n")
        return EXIT_PENDING if waiting else 0
