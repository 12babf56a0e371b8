"""The byte budget: bounded, first come first served, never lost and never stuck."""

from __future__ import annotations

import asyncio
import random

import pytest

from aggregator import payload
from aggregator.backpressure import ByteBudget, Hold
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


async def test_two_scopes_at_a_time_may_read_a_large_body() -> None:
    """Fault C4."""
    budget = ByteBudget(10)
    first, second, third = (Hold(budget) for _ in range(3))
    assert [await hold.may_grow() for hold in (first, second, third)] == [True, True, False]
    assert await first.may_grow()
    waiting = asyncio.create_task(third.grow())
    await _settle()
    assert not waiting.done()
    first.drop()
    await waiting


async def test_who_waits_to_grow_comes_before_who_asks_later() -> None:
    budget = ByteBudget(10)
    large = [Hold(budget), Hold(budget)]
    for hold in large:
        await hold.grow()
    waiting = asyncio.create_task(Hold(budget).grow())
    await _settle()
    large[0].release()
    assert not await Hold(budget).may_grow()
    await waiting


async def test_a_large_body_that_fits_makes_way_for_the_next_one() -> None:
    budget = ByteBudget(10)
    large = [Hold(budget), Hold(budget)]
    for hold in large:
        await hold.grow()
        await hold.keep(4)
    assert await Hold(budget).may_grow()
    assert not budget.take(3)


async def test_a_large_body_that_does_not_fit_is_kept_at_once_and_stays_large() -> None:
    """Whoever holds bytes may wait to become large: so no large one may wait for bytes."""
    budget = ByteBudget(10)
    assert budget.take(8)
    large = [Hold(budget), Hold(budget)]
    for hold in large:
        await hold.grow()
        await hold.keep(30)
        hold.drop()
    assert not await Hold(budget).may_grow()
    for hold in large:
        hold.release()
        hold.release()
    assert budget.take(2), "what was kept is given back, once"
    assert await Hold(budget).may_grow()


async def test_further_pages_fit_or_wait_to_become_large() -> None:
    """Fault B26: however many lists have begun."""
    budget = ByteBudget(10)
    lists = [Hold(budget) for _ in range(5)]
    for hold in lists:
        await hold.keep(2)
    pages = [asyncio.create_task(hold.keep(50)) for hold in lists]
    await _settle()
    assert [page.done() for page in pages] == [True, True, False, False, False]
    for hold, page in zip(lists, pages, strict=True):
        await page
        hold.release()


@pytest.mark.parametrize("seed", range(5))
def test_any_crowd_of_lists_and_slots_gets_through(seed: int) -> None:
    """Nobody waits for somebody who waits for them: slots, bytes, and being large."""
    dice = random.Random(seed)  # noqa: S311 - repeatable
    budget = ByteBudget(100)

    async def read(slots: asyncio.Semaphore, hold: Hold, size: int) -> None:
        while True:
            async with slots:
                await asyncio.sleep(dice.random())
                if size <= 40 or await hold.may_grow():
                    return
            await hold.grow()

    async def visit(slots: asyncio.Semaphore) -> None:
        hold = Hold(budget)
        await budget.acquire(0)
        for _ in range(dice.randint(1, 4)):
            size = dice.choice((1, 20, 60, 300))
            await read(slots, hold, size)
            await hold.keep(size)
        await asyncio.sleep(dice.random())
        hold.release()

    async def crowd() -> None:
        slots = asyncio.Semaphore(8)
        async with asyncio.timeout(10_000), asyncio.TaskGroup() as tasks:
            for _ in range(100):
                tasks.create_task(visit(slots))
        assert budget.take(1_000), "nothing is held"

    virtual_time.run(crowd)


def test_a_list_of_short_records_weighs_what_it_makes_of_memory() -> None:
    assert payload.weight(b'{"data":[{"id":"1"},{"id":"2"}]}') == 3 * 160
    assert payload.weight(b'{"data":[]}' + b" " * 1_000) == 1_011
