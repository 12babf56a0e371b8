"""Rate ceilings of the simulated host; the real ones are unpublished (polytomic-api 2)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Ceiling:
    """At most ``limit`` answers in any ``seconds``; more are refused with 429.

    ``aligned``: windows are fixed and start at multiples of ``seconds`` of UTC, so two bursts
    may touch at a window's edge. Otherwise the window slides. A refusal says ``Retry-After`` in
    whole seconds unless ``retry_after`` is false.
    """

    limit: int
    seconds: float = 1.0
    aligned: bool = False
    retry_after: bool = True
    refused: int = 0
    """How many requests met it."""
    _admitted: deque[float] = field(default_factory=deque, repr=False)

    def admit(self, now: float) -> float | None:
        """None and the request counts, or the seconds until there is room again."""
        window_start = now - now % self.seconds if self.aligned else now - self.seconds
        while self._admitted and self._outside(self._admitted[0], window_start):
            self._admitted.popleft()
        if len(self._admitted) < self.limit:
            self._admitted.append(now)
            return None
        self.refused += 1
        if self.aligned:
            return window_start + self.seconds - now
        return self._admitted[0] + self.seconds - now if self._admitted else self.seconds

    def _outside(self, moment: float, window_start: float) -> bool:
        return moment < window_start if self.aligned else moment <= window_start
