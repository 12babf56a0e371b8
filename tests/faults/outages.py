"""A patience without waiting: what ends an outage happens in one of its waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aggregator.patience import Patience


class Waits:
    """Clock and sleep of a patience; ``heal`` is called in the second wait, and takes no time."""

    def __init__(self, heal: Callable[[], Awaitable[object]] | None = None) -> None:
        self.seconds = 0.0
        self.count = 0
        self._heal = heal
        self._healing = asyncio.Lock()

    @property
    def patience(self) -> Patience:
        return Patience(clock=lambda: self.seconds, sleep=self.sleep, random=lambda: 1.0)

    async def sleep(self, seconds: float) -> None:
        async with self._healing:
            self.seconds += seconds
            self.count += 1
            if self.count == 2 and self._heal is not None:
                await self._heal()
        await asyncio.sleep(0)
