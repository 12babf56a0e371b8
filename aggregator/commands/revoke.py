"""``aggregator revoke``: takes from a login all that it was granted in this database."""

from __future__ import annotations

import argparse
import sys

from aggregator import access, logs
from aggregator.errors import ConfigurationError
from aggregator.settings import load_settings
from aggregator.wiring import stored_inventory


async def run(options: argparse.Namespace) -> int:
    settings = load_settings()
    logs.configure(settings.log_format, "warning")
    async with stored_inventory(settings) as database, database.transaction() as connection:
        taken = await access.revoke(connection, options.login)
    if not taken:
        raise ConfigurationError([f"nothing was granted to {options.login!r}"])
    sys.stdout.write(
        f"took {taken} grants; the login itself, which sees nothing here now, is dropped with"
        " DROP ROLE\n"
    )
    return 0
