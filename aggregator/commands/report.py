"""``aggregator report``: the whole fleet as one page that needs nothing else."""

from __future__ import annotations

import argparse

from aggregator import logs
from aggregator.files import written_whole
from aggregator.overview import read_document
from aggregator.page import render
from aggregator.settings import load_settings
from aggregator.summary import EXIT_COMPLETE
from aggregator.wiring import database_of


async def run(options: argparse.Namespace) -> int:
    settings = load_settings()
    logs.configure(settings.log_format, "warning")
    with written_whole(options.output) as file:
        # A login that only reads the views cannot know what is pending: these say it themselves.
        async with database_of(settings, start=False) as database:
            document = await read_document(database)
        file.write(render(document).encode())
    return EXIT_COMPLETE
