"""What may be said on the command line: one function for each command, and the kinds of values."""

from __future__ import annotations

import argparse
import re
from datetime import timedelta
from typing import TypeAlias

from aggregator import __version__

EPILOG = """\
exit codes:
  0  every organization complete
  1  could not run or finish (database unreachable, disk full, a bug)
  2  usage or configuration is wrong; nothing was requested or written
  3  some organizations complete, others not (migrate --check: pending;
     status --max-age: too old)
  4  organizations were tried and none is complete
  5  complete, but removals were withheld for a person to look at
  6  another run is active
  129, 130, 143  stopped by SIGHUP, SIGINT, SIGTERM; what was committed stays

Settings are environment variables, or lines of .env in the working directory; see .env.example.
"""

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 (it has no other name)

MOST_DAYS = 36_500
_DURATION = re.compile(r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?", re.ASCII)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="aggregator",
        description="Collects the inventory of many Polytomic organizations into one Postgres.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"aggregator {__version__}")
    commands = top.add_subparsers(dest="command", metavar="command", required=True)
    _add_sync(commands)
    _add_check(commands)
    _add_migrate(commands)
    _add_status(commands)
    _add_explain(commands)
    _add_export(commands)
    _add_grant(commands)
    _add_prune(commands)
    _add_report(commands)
    return top


def _add_sync(commands: Commands) -> None:
    sync = commands.add_parser(
        "sync", help="one run over every configured organization; the main job", allow_abbrev=False
    )
    sync.add_argument(
        "--organization",
        action="append",
        default=[],
        metavar="NAME",
        help="only this organization; may be given more than once",
    )
    sync.add_argument(
        "--resource",
        action="append",
        default=[],
        metavar="NAME",
        help="only this resource; may be given more than once",
    )
    sync.add_argument("--json", action="store_true", help="one JSON document on standard output")
    sync.add_argument(
        "--metrics-file",
        metavar="PATH",
        help="where Prometheus's textfile collector finds the metrics of the run when it has ended",
    )
    either = sync.add_mutually_exclusive_group()
    either.add_argument(
        "--plan", action="store_true", help="do everything, commit nothing, print what would change"
    )
    sync.add_argument(
        "--accept-removals",
        action="store_true",
        help="let go what earlier runs withheld, no more, after reading each row once more",
    )
    either.add_argument(
        "--refresh-schemas",
        action="store_true",
        help="make the server read the schemas of healthy connections anew, and wait a minute for"
        " that; it loads the systems that are connected",
    )


def _add_check(commands: Commands) -> None:
    check = commands.add_parser(
        "check",
        help="reads every key's identity and the database's state; all problems at once",
        allow_abbrev=False,
    )
    check.add_argument("--json", action="store_true", help="one JSON document on standard output")


def _add_migrate(commands: Commands) -> None:
    migrate = commands.add_parser("migrate", help="applies pending migrations", allow_abbrev=False)
    migrate.add_argument(
        "--check", action="store_true", help="only say whether any are pending (exit 3 if so)"
    )


def _add_status(commands: Commands) -> None:
    status = commands.add_parser(
        "status",
        help="coverage and freshness of every organization, from the database",
        allow_abbrev=False,
    )
    status.add_argument("--json", action="store_true", help="one JSON document on standard output")
    status.add_argument(
        "--max-age",
        type=duration,
        metavar="DURATION",
        help="exit 3 where an enabled organization was not read completely within it, such as 26h",
    )


def _add_explain(commands: Commands) -> None:
    explain = commands.add_parser(
        "explain",
        help="everything known of one connection, from the database",
        allow_abbrev=False,
    )
    explain.add_argument("id", type=text, metavar="ID", help="Polytomic's id of the connection")
    explain.add_argument("--json", action="store_true", help="one JSON document on standard output")


def _add_export(commands: Commands) -> None:
    export = commands.add_parser(
        "export", help="a view of the schema reporting as a file", allow_abbrev=False
    )
    export.add_argument("view", metavar="VIEW", help="such as connections, or people.users")
    export.add_argument(
        "--format",
        choices=("csv", "jsonl", "parquet"),
        help="what the file is to be; where it is not said, the end of its name tells",
    )
    export.add_argument(
        "--output",
        required=True,
        metavar="PATH",
        help="the file, which is replaced when the new one is whole; - is standard output",
    )


def _add_grant(commands: Commands) -> None:
    grant = commands.add_parser(
        "grant",
        help="lets a database login read some organizations, or says who may",
        description="Lets a database login read the views, with the rows of these organizations"
        " and no others; what it was granted before stays. The login is made where it is missing.",
        allow_abbrev=False,
    )
    grant.add_argument(
        "login", nargs="?", type=text, metavar="LOGIN", help="a login of the Postgres server"
    )
    grant.add_argument(
        "--organization",
        action="append",
        default=[],
        type=text,
        metavar="NAME",
        help="may be given more than once",
    )
    grant.add_argument(
        "--tag",
        action="append",
        default=[],
        type=tag,
        metavar="KEY=VALUE",
        help="whatever has this tag, now or later; may be given more than once",
    )
    grant.add_argument("--list", action="store_true", help="who was granted what")
    revoke = commands.add_parser(
        "revoke", help="takes from a login all that it was granted", allow_abbrev=False
    )
    revoke.add_argument("login", type=text, metavar="LOGIN")


def _add_prune(commands: Commands) -> None:
    prune = commands.add_parser(
        "prune",
        help="what is older than is to be kept; --apply deletes it",
        allow_abbrev=False,
    )
    prune.add_argument("--apply", action="store_true", help="delete it; else it is only counted")
    for option, default, what in (
        ("--history-days", 400, "former versions, changes by day, and when we looked"),
        ("--api-usage-days", 400, "API calls by day"),
        ("--runs-days", 90, "runs, how each organization ended in them, and rejected records"),
    ):
        prune.add_argument(
            option,
            type=days,
            default=default,
            metavar="DAYS",
            help=f"keep {what} for so long (default: {default})",
        )
    prune.add_argument("--json", action="store_true", help="one JSON document on standard output")


def _add_report(commands: Commands) -> None:
    report = commands.add_parser(
        "report", help="the whole fleet as one HTML page, from the database", allow_abbrev=False
    )
    report.add_argument(
        "--output",
        required=True,
        metavar="PATH",
        help="the file to write, whole or not at all; - is standard output",
    )


def days(text: str) -> int:
    """A number of days from 1 to 36,500; raises ``ArgumentTypeError`` for anything else."""
    if not re.fullmatch(r"[0-9]{1,5}", text, re.ASCII) or not 1 <= int(text) <= MOST_DAYS:
        raise argparse.ArgumentTypeError(f"{text!a} is no number of days from 1 to {MOST_DAYS}")
    return int(text)


def tag(argument: str) -> tuple[str, str]:
    """The key and the value of ``team=growth``; raises ``ArgumentTypeError`` for anything else."""
    key, separator, value = text(argument).partition("=")
    if not key or not separator:
        raise argparse.ArgumentTypeError(f"{argument!a} is no tag such as team=growth")
    return key, value


def text(argument: str) -> str:
    """The argument; raises ``ArgumentTypeError`` where it is no UTF-8, for the database is."""
    if any("\ud800" <= sign <= "\udfff" for sign in argument):
        raise argparse.ArgumentTypeError(f"{argument!a} is not UTF-8")
    return argument


def duration(text: str) -> timedelta:
    """What ``1d12h``, ``26h``, ``90m`` or ``30s`` say: whole numbers, the largest unit first.

    Raises ``ArgumentTypeError`` for anything else, and for no time at all, as ``0h``.
    """
    match = _DURATION.fullmatch(text)
    days, hours, minutes, seconds = map(int, match.groups("0")) if match else (0, 0, 0, 0)
    found = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!a} is no duration such as 90m, 26h, 7d or 1d12h")
    return found
