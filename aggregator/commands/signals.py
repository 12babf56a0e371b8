"""SIGHUP, SIGINT and SIGTERM end a run, and say so by its exit code."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from aggregator.pipeline import Run

log = logging.getLogger(__name__)

SIGNALS = {signal.SIGHUP: 129, signal.SIGINT: 130, signal.SIGTERM: 143}
SECONDS_TO_STOP = 9.0
"""After a signal; an end that is not reached by then, whatever it waits for, is forced."""


class Stopper:
    """Turns the first signal into an orderly end and the second into an immediate one."""

    def __init__(self) -> None:
        self.exit_code: int | None = None
        self.run: Run | None = None
        self._main = asyncio.current_task()

    def __call__(self, number: signal.Signals) -> None:
        if self.exit_code is not None:
            os._exit(SIGNALS[number])
        self.exit_code = SIGNALS[number]
        asyncio.get_running_loop().call_later(SECONDS_TO_STOP, os._exit, self.exit_code)
        log.warning("run.stopping", extra={"signal": number.name})
        if self.run is not None:
            self.run.stop()
        elif self._main is not None:
            self._main.cancel()


@contextmanager
def handled_signals() -> Iterator[Stopper]:
    loop = asyncio.get_running_loop()
    stopper = Stopper()
    heard = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    for number in heard:
        loop.add_signal_handler(number, stopper, number)
    try:
        yield stopper
    finally:
        for number in heard:
            loop.remove_signal_handler(number)
