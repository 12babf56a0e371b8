"""Fair ceilings for many waiters: so many requests a second, so many at once; pure of I/O."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable

from aggregator.errors import ScopeError
from aggregator.model import Outcome

WINDOW_SECONDS = 1.02
"""The second of "requests per second", longer by what the network may squeeze out of it."""
CATCH_UP_SECONDS = 0.25
"""How far the pace may lag behind (a stalled event loop) and still be made good."""
TIMER_GRAIN_SECONDS = 0.001
"""Event loops keep time in milliseconds; shorter sleeps spin (dependencies, trap 6)."""


class Pacer:
    """Grants requests evenly, one after another; no second sees more than ``rate`` of them.

    A ceiling that is not a whole number counts by the whole seconds below it (2.5: at most 2 in
    any second); below 1 it is one request in 1/``rate`` seconds; 0 means no ceiling.
    """

    def __init__(
        self,
        rate: float,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._ceiling = rate
        self._rate = rate
        self._growth = 0.0
        self._grows_from = 0.0
        self._clock = clock
        self._sleep = sleep
        self._turn = InFlight(1, clock)
        self._waiting = 0
        self._grants: deque[float] = deque()
        self._last_grant = -math.inf
        self._on_pace_at = -math.inf
        self._paused_until = -math.inf

    async def acquire(self, deadline: float, *, urgent: bool = False) -> None:
        """Returns when one request may be sent; who is cancelled while waiting costs nobody.

        Who is urgent goes before the others that wait, and after those that are urgent too.

        Raises ScopeError (deferred) as soon as it is known that this will be after ``deadline``.
        """
        if not self._rate and not self._waiting:
            now = self._clock()
            if self._paused_until <= now <= deadline:
                self._forget_grants(now, WINDOW_SECONDS)
                self._grants.append(now)
                self._last_grant = now
                return
        is_behind_others = self._waiting > 0
        self._waiting += 1
        try:
            await self._turn.acquire(urgent=urgent)
            try:
                self._grant(await self._wait(deadline), is_behind_others=is_behind_others)
            finally:
                self._turn.release()
        finally:
            self._waiting -= 1

    def pause(self, seconds: float) -> None:
        """No grant for so long from now; of two pauses the later end counts."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)
        self._on_pace_at = max(self._on_pace_at, self._paused_until)

    def slow_down(self, pause_seconds: float) -> None:
        """Pauses, then goes on at half the rate and returns to the ceiling by 5% a second.

        Without a ceiling the rate observed in the last second is halved, and grows on from there.
        Within a pause this does nothing: one wave of refusals halves once.
        """
        now = self._clock()
        if now < self._paused_until:
            return
        self._forget_grants(now, WINDOW_SECONDS)
        rate = self._current_rate(now) or len(self._grants)
        self._rate = max(rate / 2, min(1.0, rate))
        self._growth = max(1.0, rate / 20)
        self.pause(pause_seconds)
        self._grows_from = self._paused_until

    async def _wait(self, deadline: float) -> float:
        while True:
            now = self._clock()
            wait = self._wait_seconds(now)
            if now + wait > deadline:
                raise ScopeError(Outcome.DEFERRED, "no turn before the run's deadline")
            if wait <= 0:
                return now
            await self._sleep(max(wait, TIMER_GRAIN_SECONDS))

    def _grant(self, now: float, *, is_behind_others: bool) -> None:
        self._grants.append(now)
        self._last_grant = now
        if rate := self._current_rate(now):
            # Only a queue can lag behind; who comes after an idle time has nothing to make up.
            earliest = now - CATCH_UP_SECONDS if is_behind_others else now
            self._on_pace_at = max(self._on_pace_at, earliest) + WINDOW_SECONDS / rate

    def _current_rate(self, now: float) -> float:
        if self._growth and now > self._grows_from:
            self._rate += self._growth * (now - self._grows_from)
            self._grows_from = now
            if self._ceiling and self._rate >= self._ceiling:
                self._rate, self._growth = self._ceiling, 0.0
        return self._rate

    def _wait_seconds(self, now: float) -> float:
        rate = self._current_rate(now)
        pause = max(self._paused_until - now, 0.0)
        window = max(WINDOW_SECONDS, WINDOW_SECONDS / rate) if rate else WINDOW_SECONDS
        self._forget_grants(now, window)
        if not rate:
            return pause
        most = max(1, int(rate))
        excess = len(self._grants) - most
        window_wait = self._grants[excess] + window - now if excess >= 0 else 0.0
        shortest_interval = WINDOW_SECONDS / rate / 4
        pace = max(self._on_pace_at, self._last_grant + shortest_interval) - now
        return max(pause, window_wait, pace if pace >= TIMER_GRAIN_SECONDS else 0.0)

    def _forget_grants(self, now: float, window: float) -> None:
        while self._grants and self._grants[0] <= now - window:
            self._grants.popleft()


class InFlight:
    """At most so many at once; who is urgent first, then first come first served.

    ``shrink`` halves the ceiling, at most once a second and never below 1; each ``grow`` brings
    back its share, so that as many successes as are in flight raise it by one (AIMD).
    """

    def __init__(self, ceiling: int, clock: Callable[[], float]) -> None:
        self._ceiling = ceiling
        self._clock = clock
        self._limit = float(ceiling)
        self._active = 0
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._shrunk_at = -math.inf

    @property
    def limit(self) -> int:
        return int(self._limit)

    async def acquire(self, *, urgent: bool = False) -> None:
        """Returns holding a slot, which the caller gives back with ``release``."""
        if not self._waiting and not self._urgent and self._active < self.limit:
            self._active += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._urgent if urgent else self._waiting).append(turn)
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()
            raise

    def release(self) -> None:
        self._active -= 1
        self._admit()

    def shrink(self) -> None:
        now = self._clock()
        if now - self._shrunk_at >= 1.0:
            self._limit = max(1.0, self._limit / 2)
            self._shrunk_at = now

    def grow(self) -> None:
        if self._limit < self._ceiling:
            self._limit = min(float(self._ceiling), self._limit + 1 / self._limit)
            self._admit()

    def _admit(self) -> None:
        while (self._urgent or self._waiting) and self._active < self.limit:
            turn = (self._urgent or self._waiting).popleft()
            if not turn.done():
                self._active += 1
                turn.set_result(None)
