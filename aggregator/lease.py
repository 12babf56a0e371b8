"""The run lock as a lease: the right to write, asked for by every transaction of a run.

The lock belongs to a transaction of its own that stays open. It holds behind a transaction-mode
pooler too; the server frees it at once when this process dies, and after ``LEASE_SECONDS`` when it
is frozen.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING
from uuid import UUID

from aggregator.database import Database
from aggregator.errors import DatabaseError, LeaseLostError, TransientDatabaseError
from aggregator.refusals import translated_errors
from aggregator.sql import statement

if TYPE_CHECKING:
    from aggregator.database import Connection

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 10.0
LEASE_SECONDS = 90.0
"""The longest outage that a run survives, and the heartbeats before and after it."""
SECONDS_TO_LET_GO = 2.0


class Lease:
    """The run lock and when it was last seen to be ours; the clock never goes back."""

    def __init__(
        self,
        database: Database,
        run_id: UUID,
        *,
        seconds: float = LEASE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._run_id = run_id
        self._seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._holding = AsyncExitStack()
        self._connection: Connection | None = None
        self._lock = ""
        """The number of the lock's transaction."""
        self._ours_at = 0.0
        self._has_begun = False
        self._renewing = asyncio.Lock()

    async def take(self) -> bool:
        """Whether the lock is ours now; until it is released, or this process is frozen."""
        async with AsyncExitStack() as stack:
            connection = await stack.enter_async_context(self._database.connection())
            try:
                await connection.execute(
                    "begin; set local lock_timeout = '5s'; set local"
                    f" idle_in_transaction_session_timeout = {round(self._seconds * 1000)}"
                )
                lock = await connection.fetchval(statement("take_run_lock"))
            except BaseException:
                await _roll_back(connection)
                raise
            if lock is None:
                await _roll_back(connection)
                return False
            self._connection, self._lock, self._ours_at = connection, lock, self._clock()
            self._holding = stack.pop_all()
        return True

    async def release(self) -> None:
        """Frees the lock, if it is still held."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await _roll_back(connection)
        await self._holding.aclose()

    async def beat(self) -> None:
        """Keeps the lock from being freed, and takes it again soon after it was lost."""
        while True:
            await self._sleep(HEARTBEAT_SECONDS)
            try:
                await self._touch()
            except (DatabaseError, LeaseLostError) as error:
                # The next beat tries again; whoever writes meanwhile finds out by itself.
                log.debug("lease.not_touched", extra={"error": str(error)})

    async def _touch(self) -> None:
        try:
            with translated_errors():
                if self._connection is None:
                    raise TransientDatabaseError("the run lock is not held")
                await self._connection.execute("select 1", timeout=HEARTBEAT_SECONDS)
                self._ours_at = self._clock()
        except DatabaseError:
            async with self._database.connection() as connection:
                await self.check(connection)

    async def check(self, connection: Connection) -> None:
        """Lets nothing be written that another run may have to be told of.

        A lock that was lost is taken again: as long as the lease lasts, where no other run took
        over, which none can before the transaction of ``connection`` has ended. Raises
        ``LeaseLostError`` otherwise.
        """
        lock = self._lock
        row = await connection.fetchrow(statement("check_lease"), lock, self._run_id)
        if row is None or row["status"] == "abandoned":
            raise LeaseLostError("another run has taken over; this one has written no more")
        if row["status"] is None and self._has_begun:
            raise LeaseLostError("the database has lost this run, as after a crash or a failover")
        self._has_begun = row["status"] is not None
        if row["locked"]:
            self._ours_at = self._clock()
        else:
            await self._renew(lock)

    async def _renew(self, lost: str) -> None:
        async with self._renewing:
            if self._lock != lost:  # somebody else of this run was faster
                return
            away = self._clock() - self._ours_at
            if away > self._seconds:
                raise LeaseLostError(
                    f"the run lock was lost {away:.0f} seconds ago, while this process stood still"
                    " or could not reach the database; another run may have taken over"
                )
            await self.release()
            if not await self.take():
                raise LeaseLostError("the run lock was lost, and another run has it now")
            log.warning("lease.renewed", extra={"seconds": round(away, 1)})


async def _roll_back(connection: Connection) -> None:
    """Ends the transaction, or else the connection and the transaction with it."""
    try:
        async with asyncio.timeout(SECONDS_TO_LET_GO):
            await connection.execute("rollback")
    except Exception:  # noqa: BLE001 (whatever it is that keeps it from ending)
        with suppress(Exception):  # it is gone already
            connection.terminate()
