"""Rate limits and concurrency of a host and of its organizations; clock and sleep are parameters.

A request passes, in this order: the organization's ceiling of requests in flight, its rate, the
host's breaker, its ceiling of requests in flight, its rate. The last is the grant to send. Whoever
waits to try again (backoff, ``Retry-After``) does so outside of all this and holds no slot.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable
from types import TracebackType

from aggregator.breaker import BASE_BACKOFF_SECONDS, HostBreaker, RetryBudget
from aggregator.errors import RetryableError, ScopeError
from aggregator.model import Outcome
from aggregator.pacing import InFlight, Pacer

UNREACHED = frozenset({Outcome.NETWORK, Outcome.TLS, Outcome.TIMEOUT})
LONGEST_HOST_PAUSE_SECONDS = 60.0


class Burst:
    """Notices a signal that many organizations of a host get within a few seconds.

    ``record`` answers True when, within one window of 5 s, at least ``organizations`` different
    ones got it and they are a tenth of the answers: one noisy organization is no burst, and
    neither are the usual few of a large fleet.
    """

    WINDOW_SECONDS = 5.0
    SHARE = 0.10

    def __init__(self, organizations: int, clock: Callable[[], float]) -> None:
        self._fewest = organizations
        self._clock = clock
        self._reset()

    def record(self, organization: str, *, signaled: bool) -> bool:
        if self._clock() >= self._window_ends:
            self._reset()
        self._answers += 1
        if not signaled:
            return False
        self._signaled.add(organization)
        if len(self._signaled) < max(self._fewest, self.SHARE * self._answers):
            return False
        self._reset()
        return True

    def _reset(self) -> None:
        self._window_ends = self._clock() + self.WINDOW_SECONDS
        self._answers = 0
        self._signaled: set[str] = set()


class HostLimits:
    """All limits that the organizations of one base URL share; one per host and run.

    ``requests_per_second`` 0 means no ceiling, until the host answers 429 to many organizations.
    """

    def __init__(
        self,
        host: str,
        *,
        requests_per_second: float,
        concurrency: int,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.breaker = HostBreaker(host, clock, sleep)
        self._retries: defaultdict[str, RetryBudget] = defaultdict(RetryBudget)
        self._clock = clock
        self._sleep = sleep
        self._in_flight = InFlight(concurrency, clock)
        self._pacer = Pacer(requests_per_second, clock, sleep)
        self._throttled = Burst(5, clock)
        self._congested = Burst(3, clock)

    def organization(
        self, name: str, *, requests_per_second: float, concurrency: int
    ) -> OrganizationLimits:
        """The limits of one organization of this host, all its resources together."""
        return OrganizationLimits(
            name,
            self,
            InFlight(concurrency, self._clock),
            Pacer(requests_per_second, self._clock, self._sleep),
        )

    def retries(self, endpoint: str) -> RetryBudget:
        """Endpoints do not pay for each other: one may be down while the others answer."""
        return self._retries[endpoint]

    async def enter(self, deadline: float, *, urgent: bool) -> bool:
        """Returns holding a slot and a grant, until ``leave``; True: as the probe of the host."""
        while True:
            probe = self.breaker.down and await self.breaker.enter(deadline)
            try:
                if await self._queue(deadline, probe=probe, urgent=urgent):
                    return probe
            except BaseException:
                if probe:
                    self.breaker.leave()
                raise

    def leave(self, organization: str, error: BaseException | None, *, probe: bool) -> None:
        """Gives back what ``enter`` gave and takes in how the request ended."""
        if error is None or isinstance(error, ScopeError):
            self._record(organization, error, probe=probe)
        self._in_flight.release()
        if probe:
            self.breaker.leave()

    async def _queue(self, deadline: float, *, probe: bool, urgent: bool) -> bool:
        """Whether a slot and a grant were got; not if the host went down meanwhile."""
        await self._in_flight.acquire(urgent=urgent)
        try:
            if probe or not self.breaker.down:
                await self._pacer.acquire(deadline, urgent=urgent)
        except BaseException:
            self._in_flight.release()
            raise
        if probe or not self.breaker.down:
            return True
        self._in_flight.release()
        return False

    def _record(self, organization: str, error: ScopeError | None, *, probe: bool) -> None:
        outcome = error.outcome if error else None
        status = (error.http_status if error else None) or 0
        unreached = outcome in UNREACHED
        self.breaker.record(organization, failed=unreached or status >= 500, probe=probe)  # noqa: PLR2004 - the 5xx
        if self._throttled.record(organization, signaled=outcome == Outcome.RATE_LIMITED):
            asked = error.retry_after_seconds if isinstance(error, RetryableError) else None
            # Each organization obeys its own Retry-After; the host's pause is for those not asked.
            self._pacer.slow_down(min(max(asked or 0.0, 1.0), LONGEST_HOST_PAUSE_SECONDS))
        congested = outcome == Outcome.TIMEOUT or status == 503  # noqa: PLR2004 - overloaded
        if self._congested.record(organization, signaled=congested):
            self._in_flight.shrink()
        elif error is None:
            self._in_flight.grow()


class OrganizationLimits:
    """The limits of one organization while it is processed, on top of its host's."""

    def __init__(self, name: str, host: HostLimits, in_flight: InFlight, pacer: Pacer) -> None:
        self._name = name
        self._host = host
        self._in_flight = in_flight
        self._pacer = pacer
        self._has_begun = False

    def slot(self, deadline: float) -> Slot:
        """For ``async with``: holds the right to send one request for the length of the block.

        A ScopeError that the block raises is taken in: it moves pauses, rates, concurrency and
        the breaker. Raises ScopeError (deferred) when the request cannot start by ``deadline``,
        a time of the clock, or the host is given up.
        """
        return Slot(self, deadline)

    async def enter(self, deadline: float) -> bool:
        """Returns holding what ``leave`` gives back; True: as the probe of a host that is down."""
        await self._in_flight.acquire()
        try:
            await self._pacer.acquire(deadline)
            # What is begun goes first: a run cut short by its deadline has few half-done scopes.
            probe = await self._host.enter(deadline, urgent=self._has_begun)
        except BaseException:
            self._in_flight.release()
            raise
        self._has_begun = True
        return probe

    def leave(self, error: BaseException | None, *, probe: bool) -> None:
        """Ends what ``enter`` began; ``error`` is what the request raised."""
        self._host.leave(self._name, error, probe=probe)
        if isinstance(error, RetryableError) and error.outcome == Outcome.RATE_LIMITED:
            self._pacer.pause(max(error.retry_after_seconds or 0.0, BASE_BACKOFF_SECONDS))
        self._in_flight.release()

    def retries(self, endpoint: str) -> RetryBudget:
        """The budget that all organizations of the host share for one of its endpoints."""
        return self._host.retries(endpoint)


class Slot:
    """One use of ``OrganizationLimits.slot``; a class because a generator costs thrice as much."""

    __slots__ = ("_deadline", "_limits", "_probe")

    def __init__(self, limits: OrganizationLimits, deadline: float) -> None:
        self._limits = limits
        self._deadline = deadline
        self._probe = False

    async def __aenter__(self) -> None:
        self._probe = await self._limits.enter(self._deadline)

    async def __aexit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        self._limits.leave(error, probe=self._probe)
