"""``aggregator grant``: a login that sees some organizations and no others, or who sees what."""

from __future__ import annotations

import argparse
import sys

from aggregator import access, logs, terminal
from aggregator.errors import ConfigurationError, DatabaseError
from aggregator.refusals import MISSING_PRIVILEGE
from aggregator.settings import load_settings
from aggregator.wiring import stored_inventory

REMEDY = (
    "that takes the login that owns the tables and may create roles (CREATEROLE), or a superuser;"
    " see docs/operations.md"
)


async def run(options: argparse.Namespace) -> int:
    _refuse_what_does_not_fit(options)
    settings = load_settings()
    logs.configure(settings.log_format, "warning")
    async with stored_inventory(settings) as database:
        if options.list:
            async with database.transaction() as connection:
                terminal.print_grants(await access.grants(connection))
            return 0
        try:
            async with database.transaction() as connection:
                granted = await access.grant(
                    connection, options.login, options.organization, options.tag
                )
        except DatabaseError as error:
            if error.sqlstate == MISSING_PRIVILEGE:
                raise DatabaseError(f"not granted: {REMEDY}") from None
            raise
    for warning in granted.warnings:
        logs.say(f"note: {warning}")
    if granted.is_new:
        sys.stdout.write(
            f"created {granted.quoted}, which has no password; give it one in psql:"
            f" \\password {granted.quoted}\n"
        )
    sys.stdout.write(f"{granted.quoted} sees so many organizations: {granted.organizations}\n")
    return 0


def _refuse_what_does_not_fit(options: argparse.Namespace) -> None:
    whom, what = options.login is not None, bool(options.organization or options.tag)
    if options.list and (whom or what):
        raise ConfigurationError(["--list takes nothing else"])
    if not options.list and not (whom and what):
        raise ConfigurationError(["name a login, and an organization or a tag; or ask with --list"])
