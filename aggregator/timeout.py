"""A timeout that counts only time in which an answer would have been noticed."""

from __future__ import annotations

import asyncio
from types import TracebackType

GRAIN_SECONDS = 1.0
"""Time is counted in such pieces; one that the loop overslept by as much again does not count."""


class Timeout:
    """``async with Timeout(30):`` raises TimeoutError once the block took 30 s of a running loop.

    ``asyncio.timeout`` goes by the clock: after a stall (a frozen process, a suspended machine, a
    starved CPU) it goes off even where the answer has long arrived, and an upstream is blamed for
    our own absence (faults H9, H10).
    """

    __slots__ = ("_left", "_limit", "_since", "_timer")

    def __init__(self, seconds: float) -> None:
        self._left = seconds
        self._limit = asyncio.timeout(None)

    async def __aenter__(self) -> None:
        await self._limit.__aenter__()
        self._wait()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        await self._limit.__aexit__(kind, error, trace)

    def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        self._since = loop.time()
        self._timer = loop.call_later(min(self._left, GRAIN_SECONDS), self._count)

    def _count(self) -> None:
        now = asyncio.get_running_loop().time()
        passed = now - self._since
        if passed < 2 * GRAIN_SECONDS:
            self._left -= passed
        if self._left > 0:
            self._wait()
        else:
            self._limit.reschedule(now)
