"""Bounds the bytes between the network and the database, so that memory follows no fleet's size."""

from __future__ import annotations

import asyncio
from collections import deque


class ByteBudget:
    """A ceiling, first come, first served; who wants more than all of it waits to be alone."""

    def __init__(self, ceiling: int) -> None:
        self._ceiling = ceiling
        self._held = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def acquire(self, size: int) -> None:
        if not self._waiting and self._fits(size):
            self._held += size
            return
        future = asyncio.get_running_loop().create_future()
        entry = (size, future)
        self._waiting.append(entry)
        try:
            await future
        except asyncio.CancelledError:
            if not future.cancelled():
                self.release(size)
            elif entry in self._waiting:
                self._waiting.remove(entry)
                self._admit()
            raise

    def add(self, size: int) -> None:
        """Takes more at once, over the ceiling too: who holds some already must not wait."""
        self._held += size

    def release(self, size: int) -> None:
        self._held -= size
        self._admit()

    def _fits(self, size: int) -> bool:
        return self._held == 0 or self._held + size <= self._ceiling

    def _admit(self) -> None:
        while self._waiting and self._fits(self._waiting[0][0]):
            size, future = self._waiting.popleft()
            if not future.cancelled():  # else its task will be told before long
                self._held += size
                future.set_result(None)
