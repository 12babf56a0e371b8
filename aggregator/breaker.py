"""When to ask again and when to stop asking: backoff, retry budget, host breaker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aggregator.errors import ScopeError
from aggregator.model import Outcome

BASE_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 30.0
SHORTEST_BACKOFF_SECONDS = 0.1


def backoff_seconds(
    failures: int, retry_after_seconds: float | None, random: Callable[[], float]
) -> float:
    """How long to wait after the ``failures``-th failure in a row (1, 2, …).

    Full jitter: anything from 0 to 0.5 s, doubled with each failure, to at most 30 s; never less
    than ``retry_after_seconds``, nor than 0.1 s, so that ``Retry-After: 0`` is no hot loop.
    ``random`` returns a number of [0, 1).
    """
    ceiling = min(LONGEST_BACKOFF_SECONDS, BASE_BACKOFF_SECONDS * 2.0 ** (failures - 1))
    return max(random() * ceiling, retry_after_seconds or 0.0, SHORTEST_BACKOFF_SECONDS)


class RetryBudget:
    """Retries of one endpoint of a host in a run, paid with tokens that only answers bring back.

    The token bucket of gRPC's retry throttling (proposal A6) and of the standard retry mode of the
    AWS SDKs, where successes refill and failures do not. A host that answers now and then may be
    tried again; a dead one gets what is in the bucket and no more, however many ask: 10 retries at
    first, later at most 50. With half a token for an answer it does not run dry below one failure
    in three requests.
    """

    FIRST = 10.0
    MOST = 50.0
    EARNED = 0.5

    def __init__(self) -> None:
        self._tokens = self.FIRST

    def record_answer(self) -> None:
        """Takes in a request that was answered."""
        self._tokens = min(self.MOST, self._tokens + self.EARNED)

    def spend(self) -> bool:
        """Whether one more retry may be made; if so, it is paid."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class HostBreaker:
    """Notices that a host is down, and then lets one request at a time try whether it is back.

    Down means: ``THRESHOLD`` organizations failed one after another with no answer between them.
    From then on everybody waits while one request probes after 1, 2, 4 and 8 s. When all of these
    fail, the host is given up for the rest of the run. The 15 s outlast a restart and an outage
    that comes and goes every 10 s (fault B14).
    """

    THRESHOLD = 10
    PROBES = 4

    def __init__(
        self,
        host: str,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._host = host
        self._clock = clock
        self._sleep = sleep
        self._probe_turn = asyncio.Lock()
        self._failing: set[str] = set()
        self._failed_probes = 0
        self._probe_at = 0.0
        self.down = False
        self._given_up: str | None = None

    def give_up(self, reason: str) -> None:
        """Nothing more is sent for the rest of the run; who waits gets ``deferred`` and why."""
        self.down = True
        self._given_up = reason

    async def enter(self, deadline: float) -> bool:
        """Waits while the host is down; True makes the caller the probe, who calls ``leave``.

        Raises ScopeError (deferred) when the host is given up, or the wait would pass ``deadline``.
        """
        if not self.down:
            return False
        await self._probe_turn.acquire()
        try:
            probe = await self._wait_for_probe(deadline)
        except BaseException:
            self._probe_turn.release()
            raise
        if not probe:
            self._probe_turn.release()
        return probe

    def leave(self) -> None:
        """Ends the caller's probe, whatever came of it; the next in line looks again."""
        self._probe_turn.release()

    def record(self, organization: str, *, failed: bool, probe: bool) -> None:
        """Takes in how one request ended; ``failed``: no answer from the host, or a 5xx."""
        if self._given_up:
            return
        if not failed:
            self._failing.clear()
            self._failed_probes = 0
            self.down = False
            return
        self._failing.add(organization)
        if probe:
            self._failed_probes += 1
            self._probe_at = self._clock() + 2.0**self._failed_probes
            if self._failed_probes >= self.PROBES:
                self.give_up(f"{self._host} is unreachable: not tried")
        elif not self.down and len(self._failing) >= self.THRESHOLD:
            self.down = True
            self._probe_at = self._clock() + 1.0

    async def _wait_for_probe(self, deadline: float) -> bool:
        if self._given_up:
            raise ScopeError(Outcome.DEFERRED, self._given_up)
        if self.down and self._probe_at > deadline:
            raise ScopeError(Outcome.DEFERRED, f"{self._host} is down until the run's deadline")
        while self.down and (wait := self._probe_at - self._clock()) > 0:
            await self._sleep(wait)
        return self.down
