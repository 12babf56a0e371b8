"""How long is waited for a database, for whom, and how often that is told."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import pytest

from aggregator.errors import (
    ContentionError,
    DatabaseError,
    OutageError,
    RefusedDataError,
    TransientDatabaseError,
)
from aggregator.patience import OUTAGE_SECONDS, Patience

AWAY = TransientDatabaseError("the database cannot be reached")
LOCKED = ContentionError("deadlock detected", sqlstate="40P01")


class Waits:
    def __init__(self, random: float = 1.0) -> None:
        self.each: list[float] = []
        self.patience = Patience(
            clock=lambda: sum(self.each), sleep=self._sleep, random=lambda: random
        )

    async def _sleep(self, seconds: float) -> None:
        self.each.append(seconds)


def failing(*errors: DatabaseError) -> Callable[[], Awaitable[str]]:
    """Fails so, in that order, and works then."""
    left = list(errors)

    async def act() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return act


def always(error: DatabaseError) -> Callable[[], Awaitable[str]]:
    async def act() -> str:
        raise error

    return act


async def test_what_works_again_is_given_as_if_nothing_had_happened() -> None:
    waits = Waits()
    assert await waits.patience(failing(AWAY, LOCKED, AWAY)) == "done"
    assert waits.each == [0.5, 1.0, 2.0]


async def test_an_outage_is_waited_for_sixty_seconds_and_then_said_with_its_cause() -> None:
    """Fault G1."""
    waits = Waits()
    with pytest.raises(OutageError, match=r"cannot be reached; tried again for 6\d seconds"):
        await waits.patience(always(AWAY))
    assert OUTAGE_SECONDS <= sum(waits.each) < OUTAGE_SECONDS + 2


async def test_contention_has_a_few_attempts_where_others_wait_behind_it() -> None:
    """Faults F3, F5."""
    waits = Waits()
    with pytest.raises(ContentionError):
        await waits.patience(always(LOCKED), attempts=4)
    assert len(waits.each) == 3
    with pytest.raises(OutageError, match="deadlock"):
        await Waits().patience(always(LOCKED))


async def test_those_who_met_each_other_wait_differently() -> None:
    """Fault F3."""
    early, late = Waits(random=0.0), Waits(random=1.0)
    await early.patience(failing(LOCKED, LOCKED))
    await late.patience(failing(LOCKED, LOCKED))
    assert (early.each, late.each) == ([0.25, 0.5], [0.5, 1.0])


async def test_a_unique_violation_is_tried_once_more() -> None:
    """Fault F4."""
    twice = RefusedDataError("unique", sqlstate="23505")
    assert await Waits().patience(failing(twice)) == "done"
    with pytest.raises(RefusedDataError):
        await Waits().patience(failing(twice, twice))
    with pytest.raises(RefusedDataError):
        await Waits().patience(failing(RefusedDataError("check", sqlstate="23514")))


async def test_what_stays_wrong_is_not_waited_for() -> None:
    """Fault G4."""
    waits = Waits()
    with pytest.raises(DatabaseError, match="disk"):
        await waits.patience(failing(DatabaseError("the database's disk is full")))
    assert waits.each == []


async def test_an_outage_is_told_now_and_then_however_many_wait(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Fault H12."""
    waits = Waits()
    with caplog.at_level(logging.INFO):
        for _ in range(50):
            with pytest.raises(OutageError):
                await waits.patience(always(AWAY))
        await waits.patience(failing(AWAY))
    told = [record.getMessage() for record in caplog.records]
    attempts = len(waits.each)
    assert told[-1] == "database.works_again"
    assert told.count("database.retry") <= sum(waits.each) / 10 + 1 < attempts / 4


async def test_small_troubles_one_after_another_are_not_each_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    waits = Waits(random=0.0)
    with caplog.at_level(logging.INFO):
        for _ in range(200):
            await waits.patience(failing(LOCKED))
    assert sum(waits.each) == 50
    assert len(caplog.records) == 2 * 5
