"""The command line: which command runs, and its exit code; heavy imports come later.

Exit codes: 0 every organization complete; 1 could not run or finish; 2 usage or configuration is
wrong; 3 some organizations complete, others not (``migrate --check``: migrations are pending;
``status --max-age``: some are too old); 4 tried, none complete; 5 complete, but removals were
withheld; 6 another run is active; 129, 130 and 143 stopped by SIGHUP, SIGINT
and SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NoReturn

from aggregator import process
from aggregator.arguments import parser


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs one command and exits with its code."""
    # As the first process of a container, a program without a handler does not hear SIGTERM; and a
    # task that asyncio cancels for SIGINT may be deaf while it connects to a silent database.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
        signal.signal(signal.SIGHUP, _end)
    process.forbid_core_dumps()
    output = process.open_streams()
    options = parser().parse_args(arguments)
    code = _run(options)
    sys.stdout.flush()
    if output.complaint:
        sys.stderr.write(f"aggregator: standard output: {output.complaint}\n")
    if output.failure and _only_tells(options):
        code = code or 1
    sys.exit(code)


def _only_tells(options: argparse.Namespace) -> bool:
    """Whether all that comes of the command is its output; a run's result is in the ledger."""
    tells = {"check", "explain", "export", "prune", "report", "status"}
    return options.command in tells or any(
        getattr(options, option, False) for option in ("plan", "list")
    )


def _end(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)


def _run(options: argparse.Namespace) -> int:
    from aggregator import logs  # noqa: PLC0415 (keeps --help fast)
    from aggregator.errors import (  # noqa: PLC0415
        ActiveRunError,
        AggregatorError,
        ConfigurationError,
    )

    command = import_module(f"aggregator.commands.{options.command}")
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            code: int = runner.run(command.run(options))
            return code
    except ConfigurationError as error:
        code, problems = 2, list(error.problems)
    except ActiveRunError as error:
        code, problems = 6, [str(error)]
    except AggregatorError as error:
        code, problems = 1, [str(error)]
    except Exception:
        # A bug; its traceback goes through the log, whose handler is the second net for secrets.
        logging.getLogger(__name__).exception("command.bug")
        code, problems = 1, []
    for problem in problems:
        logs.say(problem)
    if getattr(options, "json", False):
        problems = problems or ["a bug; standard error has its traceback"]
        document = {"status": "failed", "exit_code": code, "problems": problems}
        sys.stdout.write(json.dumps(document) + "\n")
    return code


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, where it is installed: less CPU for each small answer."""
    try:
        import uvloop  # noqa: PLC0415 (an optional extra)
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
