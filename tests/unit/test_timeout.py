"""Time counts against an upstream only while somebody was there to hear it."""

from __future__ import annotations

import asyncio

import pytest

from aggregator.timeout import Timeout
from tests.unit.virtual_time import clock, run


def stall(seconds: float) -> None:
    """Lets the loop's clock go on without the loop."""
    asyncio.get_running_loop()._instant.now += seconds  # type: ignore[attr-defined]  # noqa: SLF001 - virtual time


async def patient(seconds: float, work: float) -> float:
    """When it ended."""
    async with Timeout(seconds):
        await asyncio.sleep(work)
    return clock()


@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.5, 30.0])
def test_time_runs_out_after_the_given_seconds(seconds: float) -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            await patient(seconds, 100)
        return clock()

    assert run(main) == pytest.approx(seconds)


def test_what_ends_in_time_leaves_no_timer_behind() -> None:
    async def main() -> float:
        await patient(2.5, 2.4)
        await asyncio.sleep(10)
        return clock()

    assert run(main) == pytest.approx(12.4)


def test_a_stall_of_the_loop_is_not_blamed_on_the_upstream() -> None:
    """Faults H9 and H10: after ten minutes of absence the answer still has its time to be heard."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        loop.call_later(1.5, stall, 600)
        loop.call_later(602.5, answered.set)
        async with Timeout(5):
            await answered.wait()
        return clock()

    answered = asyncio.Event()
    assert run(main) == pytest.approx(602.5)


def test_an_attempt_that_was_nearly_over_is_heard_too() -> None:
    """Fault H10."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        loop.call_later(2.3, stall, 5)
        loop.call_later(7.31, answered.set)
        async with Timeout(2.4):
            await answered.wait()
        return clock()

    answered = asyncio.Event()
    assert run(main) == pytest.approx(7.31)


def test_after_a_stall_time_goes_on_to_run_out() -> None:
    """Fault H10."""

    async def main() -> float:
        asyncio.get_running_loop().call_later(1.5, stall, 600)
        with pytest.raises(TimeoutError):
            await patient(5, 10_000)
        return clock()

    assert 603 <= run(main) <= 606


def test_being_cancelled_is_no_timeout() -> None:
    async def main() -> None:
        task = asyncio.create_task(patient(5, 10))
        await asyncio.sleep(1)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        run(main)
