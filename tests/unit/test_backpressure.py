"""The byte budget: bounded, first come first served, never lost and never stuck."""

from __future__ import annotations

import asyncio
import random

import pytest

from aggregator.backpressure import ByteBudget
from tests.unit import virtual_time


async def _settle() -> None:
    """Lets every task go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_fits_is_had_at_once_and_the_rest_in_turn() -> None:
    budget = ByteBudget(10)
    await budget.acquire(6)
    order: list[str] = []

    async def want(name: str, size: int) -> None:
        await budget.acquire(size)
        order.append(name)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(want("large", 8))
        tasks.create_task(want("small", 1))  # it would fit, but is not first
        await _settle()
        assert order == []
        budget.release(6)
        await _settle()
        assert order == ["large", "small"]


async def test_who_holds_some_takes_more_at_once_and_others_wait_for_it() -> None:
    budget = ByteBudget(10)
    await budget.acquire(2)
    budget.add(20)
    waiting = asyncio.create_task(budget.acquire(0))
    await _settle()
    assert not waiting.done()
    budget.release(22)
    await waiting


async def test_who_wants_more_than_all_of_it_waits_to_be_alone() -> None:
    budget = ByteBudget(10)
    await budget.acquire(1)
    huge = asyncio.create_task(budget.acquire(1_000))
    await _settle()
    assert not huge.done()
    budget.release(1)
    await huge
    waiting = asyncio.create_task(budget.acquire(1))
    await _settle()
    assert not waiting.done()
    budget.release(1_000)
    await waiting


async def test_who_gives_up_waiting_makes_room_for_the_next() -> None:
    budget = ByteBudget(10)
    await budget.acquire(5)
    first = asyncio.create_task(budget.acquire(9))
    second = asyncio.create_task(budget.acquire(5))
    await _settle()
    first.cancel()
    await second
    assert first.cancelled()


async def test_who_is_cancelled_while_others_release_takes_nothing() -> None:
    """The cancelled task has not run yet when the room becomes free."""
    budget = ByteBudget(10)
    await budget.acquire(10)
    cancelled = asyncio.create_task(budget.acquire(4))
    next_one = asyncio.create_task(budget.acquire(10))
    await _settle()

    cancelled.cancel()
    budget.release(10)

    await next_one
    with pytest.raises(asyncio.CancelledError):
        await cancelled


async def test_who_is_cancelled_just_after_it_was_let_in_gives_it_back() -> None:
    budget = ByteBudget(10)
    await budget.acquire(10)
    admitted = asyncio.create_task(budget.acquire(10))
    await _settle()

    budget.release(10)
    admitted.cancel()

    with pytest.raises(asyncio.CancelledError):
        await admitted
    async with asyncio.timeout(1):
        await budget.acquire(10)


@pytest.mark.parametrize("seed", range(5))
def test_any_crowd_gets_through_within_the_ceiling_and_leaves_nothing_behind(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - repeatable
    budget, held, most = ByteBudget(100), 0, 0

    async def use() -> None:
        nonlocal held, most
        size = dice.randint(1, 90)
        await asyncio.sleep(dice.random())
        await budget.acquire(size)
        held += size
        most = max(most, held)
        try:
            await asyncio.sleep(dice.random())
        finally:
            held -= size
            budget.release(size)

    async def crowd() -> None:
        tasks = [asyncio.create_task(use()) for _ in range(200)]
        for task in dice.sample(tasks, 60):
            await asyncio.sleep(dice.random() / 20)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await budget.acquire(1_000)  # only fits where nothing is held

    virtual_time.run(crowd)
    assert (held, most <= 100) == (0, True)
