"""``aggregator export``: a view as a file, whole or not at all."""

from __future__ import annotations

import argparse
import sys

from aggregator import logs
from aggregator.export import format_of
from aggregator.extract import open_view
from aggregator.files import STANDARD_OUTPUT, written_whole
from aggregator.process import output_failed
from aggregator.settings import load_settings
from aggregator.wiring import database_of


async def run(options: argparse.Namespace) -> int:
    writer = format_of(options.format, options.output)
    settings = load_settings()
    logs.configure(settings.log_format, "warning")
    is_file = options.output != STANDARD_OUTPUT
    count = 0
    # The schema is taken as it is: a login that reads views cannot know what is pending.
    async with database_of(settings, start=False) as database:
        with written_whole(options.output) as file:
            async with open_view(database, options.view) as extract:
                with writer(file, extract.columns) as write:
                    async for rows in extract.rows():
                        write(rows)
                        count += len(rows)
                        if not is_file and output_failed():
                            break
    if is_file:
        sys.stdout.write(f"{count:,} rows of {extract.view} in {options.output}\n")
    return 0
