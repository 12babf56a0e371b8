"""Bounds the bytes between the network and the database, so that memory follows no fleet's size."""

from __future__ import annotations

import asyncio
from collections import deque

LARGE_BYTES = 1 << 20
"""A body may grow so far without asking: 64 of them are in flight at once."""
LARGE_SCOPES = 2
"""Scopes at a time that may hold more than that, or more than the budget has."""


class ByteBudget:
    """A ceiling, first come, first served; who wants more than all of it waits to be alone."""

    def __init__(self, ceiling: int) -> None:
        self.large = asyncio.Semaphore(LARGE_SCOPES)
        self._ceiling = ceiling
        self._held = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def acquire(self, size: int) -> None:
        if self.take(size):
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

    def take(self, size: int) -> bool:
        """Whether it was had at once: it fits, and nobody waits."""
        if self._waiting or not self._fits(size):
            return False
        self._held += size
        return True

    def add(self, size: int) -> None:
        """Takes more at once, over the ceiling too."""
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


class Hold:
    """What one scope holds of a budget, from its first byte until its result is written.

    Few scopes at a time are ``large``: only they may read a body beyond ``LARGE_BYTES`` or take
    more than the budget has. Who waits to become large holds no slot for requests, and who is large
    waits for nobody's bytes: so one always gets on.
    """

    __slots__ = ("_budget", "_is_large", "_is_over", "_size")

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self._size = 0
        self._is_large = False
        self._is_over = False

    async def may_grow(self) -> bool:
        """Whether a body that is being read may go beyond ``LARGE_BYTES``; answers at once."""
        if not self._is_large and not self._budget.large.locked():
            await self.grow()
        return self._is_large

    async def grow(self) -> None:
        """Waits until bodies of this scope may go beyond ``LARGE_BYTES``."""
        if not self._is_large:
            await self._budget.large.acquire()
            self._is_large = True

    async def keep(self, size: int) -> None:
        """Counts a body that was read and is kept, once there is room for it."""
        if not self._is_large and self._size == 0:
            await self._budget.acquire(size)
        elif self._budget.take(size):
            self._shrink()
        else:
            await self.grow()
            self._budget.add(size)
            self._is_over = True
        self._size += size

    def drop(self) -> None:
        """The body that was being read has failed and is gone."""
        self._shrink()

    def release(self) -> None:
        """Gives everything back; may be called again."""
        size, self._size, self._is_over = self._size, 0, False
        self._shrink()
        self._budget.release(size)

    def _shrink(self) -> None:
        if self._is_large and not self._is_over:
            self._is_large = False
            self._budget.large.release()
