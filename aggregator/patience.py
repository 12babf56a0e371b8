"""Waits out what a database cannot do for a while; clock, sleep and chance are parameters."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aggregator.errors import (
    ContentionError,
    OutageError,
    RefusedDataError,
    TransientDatabaseError,
)

T = TypeVar("T")

log = logging.getLogger(__name__)

OUTAGE_SECONDS = 60.0
SHORTEST_WAIT = 0.25
LONGEST_WAIT = 2.0
SECONDS_BETWEEN_LINES = 10.0
UNIQUE_VIOLATION = "23505"


class Patience:
    """Tries again, for all tasks that share a database, so that an outage is told once."""

    def __init__(
        self,
        *,
        seconds: float = OUTAGE_SECONDS,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        random: Callable[[], float],
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._random = random
        self._retries = 0
        self._told_at: float | None = None
        self._is_told = False

    async def __call__(self, act: Callable[[], Awaitable[T]], *, attempts: int | None = None) -> T:
        """What ``act`` gives in the end; done twice it must do what it does once.

        ``attempts`` bounds how often contention is met, None: as long as an outage.

        Raises ``OutageError`` when it still fails ``seconds`` after its first failure, and
        ``ContentionError`` after so many attempts.
        """
        failed_at: float | None = None
        failures = refusals = 0
        while True:
            try:
                result = await act()
            except RefusedDataError as error:
                # An index that is being rebuilt sees a row twice for a moment (fault F4).
                refusals += 1
                if error.sqlstate != UNIQUE_VIOLATION or refusals > 1:
                    raise
            except TransientDatabaseError as error:
                now = self._clock()
                failed_at = now if failed_at is None else failed_at
                failures += 1
                if isinstance(error, ContentionError) and failures == attempts:
                    raise
                if now - failed_at >= self._seconds:
                    raise OutageError(
                        f"{error}; tried again for {now - failed_at:.0f} seconds",
                        sqlstate=error.sqlstate,
                    ) from None
                self._tell(error, now)
                await self._sleep(self._wait(failures))
            else:
                if failed_at is not None:
                    self._tell_end(self._clock() - failed_at)
                return result

    def _wait(self, failures: int) -> float:
        """Seconds, growing, and spread so that those who met each other do not meet again."""
        longest = min(LONGEST_WAIT, SHORTEST_WAIT * 2.0**failures)
        return longest * (1 + self._random()) / 2

    def _tell(self, error: TransientDatabaseError, now: float) -> None:
        self._retries += 1
        if self._told_at is None or now - self._told_at >= SECONDS_BETWEEN_LINES:
            self._told_at, self._is_told = now, True
            log.warning("database.retry", extra={"error": str(error), "retries": self._retries})

    def _tell_end(self, seconds: float) -> None:
        if self._is_told:
            self._is_told = False
            log.info("database.works_again", extra={"seconds": round(seconds, 1)})
