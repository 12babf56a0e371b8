from __future__ import annotations

import asyncio
import bisect
import math
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import pairwise

import pytest

from aggregator.breaker import HostBreaker, RetryBudget, backoff_seconds
from aggregator.errors import RetryableError, ScopeError
from aggregator.incident import AuthIncident
from aggregator.limits import HostLimits, OrganizationLimits
from aggregator.model import Outcome
from aggregator.pacing import InFlight, Pacer
from tests.unit.virtual_time import clock, run

NEVER = math.inf


def pacer(rate: float) -> Pacer:
    return Pacer(rate, clock, asyncio.sleep)


async def grants(subject: Pacer, count: int) -> list[float]:
    """When each of ``count`` waiters that came in this order was let go."""
    times: list[float] = []

    async def wait() -> None:
        await subject.acquire(NEVER)
        times.append(clock())

    await asyncio.gather(*(wait() for _ in range(count)))
    return times


def most_in_one_second(times: list[float]) -> int:
    return max(bisect.bisect_left(times, start + 1.0) - i for i, start in enumerate(times))


@pytest.mark.parametrize("rate", [1, 5, 50, 500, 2000])
def test_no_second_sees_more_than_the_ceiling_and_most_of_it_is_used(rate: int) -> None:
    times = run(lambda: grants(pacer(rate), rate * 10))
    assert most_in_one_second(times) <= rate
    assert len(times) / (times[-1] - times[0] + 1 / rate) >= 0.95 * rate


@pytest.mark.parametrize("rate", [0.25, 0.9, 1.5, 2.5])
def test_a_fractional_ceiling_is_never_passed(rate: float) -> None:
    times = run(lambda: grants(pacer(rate), 20))
    assert most_in_one_second(times) <= max(1, rate)
    assert min(later - earlier for earlier, later in pairwise(times)) >= min(1 / rate / 2, 1)
    assert rate > 1 or min(later - earlier for earlier, later in pairwise(times)) >= 1 / rate


def test_grants_are_even_instead_of_a_burst_and_a_break() -> None:
    times = run(lambda: grants(pacer(10), 50))
    assert max(later - earlier for earlier, later in pairwise(times)) < 0.12
    assert min(later - earlier for earlier, later in pairwise(times)) > 0.04


def test_late_timers_and_stalls_neither_pass_the_ceiling_nor_lose_more_than_a_twentieth() -> None:
    """As on a real loop: every sleep overshoots, and twice a second the loop is busy for 40 ms."""
    jitter = random.Random(1)  # noqa: S311 - a repeatable simulation

    async def main(rate: int) -> list[float]:
        async def late(seconds: float) -> None:
            stall = 0.04 if jitter.random() < 2 / rate else 0.0
            await asyncio.sleep(seconds + jitter.random() * 0.001 + stall)

        return await grants(Pacer(rate, clock, late), rate * 10)

    for rate in (50, 500, 2000):
        times = run(partial(main, rate))
        assert most_in_one_second(times) <= rate
        assert len(times) / (times[-1] - times[0]) >= 0.95 * rate


def test_no_ceiling_means_no_wait() -> None:
    assert set(run(lambda: grants(pacer(0), 1000))) == {0.0}


def test_waiters_go_in_the_order_in_which_they_came() -> None:
    async def main() -> list[int]:
        subject, order = pacer(100), []

        async def wait(number: int) -> None:
            await subject.acquire(NEVER)
            order.append(number)

        await asyncio.gather(*(wait(number) for number in range(200)))
        return order

    assert run(main) == list(range(200))


def test_a_pause_holds_those_who_wait_and_keeps_their_spacing() -> None:
    """Fault B6, with waiters in the queue."""

    async def main() -> list[float]:
        subject = pacer(10)
        waiting = asyncio.create_task(grants(subject, 10))
        await asyncio.sleep(0.25)
        subject.pause(3)
        return await waiting

    times = run(main)
    assert [time for time in times if 0.25 < time < 3.25] == []
    after = [time for time in times if time >= 3.25]
    assert len(after) == 7
    assert min(later - earlier for earlier, later in pairwise(after)) > 0.04


def test_a_pause_while_idle_holds_the_next_who_comes() -> None:
    async def main() -> list[float]:
        subject = pacer(10)
        subject.pause(3)
        await asyncio.sleep(1)
        return await grants(subject, 2)

    first, second = run(main)
    assert first == pytest.approx(3, abs=0.01)
    assert first >= 3
    assert second - first > 0.04


def test_of_overlapping_pauses_the_later_end_counts_and_not_the_sum() -> None:
    async def main() -> list[float]:
        subject = pacer(0)
        subject.pause(5)
        subject.pause(2)
        return await grants(subject, 1)

    assert run(main) == [5.0]


def test_a_newcomer_during_a_pause_goes_behind_those_who_wait() -> None:
    async def main() -> list[str]:
        subject, order = pacer(10), []

        async def wait(name: str) -> None:
            await subject.acquire(NEVER)
            order.append(name)

        subject.pause(1)
        first = asyncio.create_task(wait("first"))
        await asyncio.sleep(0.5)
        await asyncio.gather(wait("newcomer"), first)
        return order

    assert run(main) == ["first", "newcomer"]


def test_a_waiter_that_is_cancelled_costs_the_others_nothing() -> None:
    async def main() -> list[float]:
        subject = pacer(10)
        doomed = [asyncio.create_task(subject.acquire(NEVER)) for _ in range(50)]
        await asyncio.sleep(0)
        rest = asyncio.create_task(grants(subject, 3))
        await asyncio.sleep(0.01)
        for task in doomed:
            task.cancel()
        return await rest

    assert run(main)[-1] < 0.35


def test_who_cannot_go_before_the_deadline_is_deferred_at_once() -> None:
    """Fault B8, last part: a wait beyond the deadline frees the slot without waiting for it."""

    async def main() -> tuple[Outcome, float]:
        subject = pacer(10)
        subject.pause(3600)
        with pytest.raises(ScopeError) as refused:
            await subject.acquire(deadline=60)
        return refused.value.outcome, clock()

    assert run(main) == (Outcome.DEFERRED, 0.0)


def test_after_the_deadline_nothing_starts_even_without_a_ceiling() -> None:
    async def main() -> Outcome:
        await asyncio.sleep(61)
        with pytest.raises(ScopeError) as refused:
            await pacer(0).acquire(deadline=60)
        return refused.value.outcome

    assert run(main) == Outcome.DEFERRED


@pytest.mark.parametrize("ceiling", [100, 0])
def test_a_slowed_rate_is_half_of_the_observed_one_and_grows_back(ceiling: int) -> None:
    """Faults B7 and B11: also where no ceiling is configured."""

    async def main() -> list[float]:
        subject = pacer(ceiling)
        for _ in range(100):
            await subject.acquire(NEVER)
            await asyncio.sleep(0.0102)
        subject.slow_down(1)
        subject.slow_down(1)  # the same wave
        return await grants(subject, 1500)

    times = run(main)
    resumed = times[0]
    counts = [
        sum(resumed + second <= time < resumed + second + 1 for time in times)
        for second in range(10)
    ]
    assert 45 <= counts[0] <= 55
    assert counts == sorted(counts)
    assert 85 <= counts[8] <= 100


def test_slots_are_handed_out_in_order_and_never_more_than_the_ceiling() -> None:
    async def main() -> tuple[int, list[int]]:
        subject, active, most, order = InFlight(3, clock), 0, 0, []

        async def work(number: int) -> None:
            nonlocal active, most
            await subject.acquire()
            order.append(number)
            active += 1
            most = max(most, active)
            await asyncio.sleep(1)
            active -= 1
            subject.release()

        await asyncio.gather(*(work(number) for number in range(20)))
        return most, order

    assert run(main) == (3, list(range(20)))


def test_a_cancelled_waiter_neither_keeps_nor_loses_a_slot() -> None:
    async def main() -> None:
        subject = InFlight(1, clock)
        await subject.acquire()
        waiters = [asyncio.create_task(subject.acquire()) for _ in range(3)]
        await asyncio.sleep(0)
        waiters[0].cancel()
        subject.release()  # hands the slot to the second ...
        waiters[1].cancel()  # ... which is cancelled before it learns of it
        await asyncio.wait_for(waiters[2], 1)
        subject.release()
        await asyncio.wait_for(subject.acquire(), 1)

    run(main)


def test_concurrency_halves_at_most_once_a_second_and_stays_between_1_and_the_ceiling() -> None:
    """Fault B27."""

    async def main() -> list[int]:
        subject, limits = InFlight(8, clock), []
        for _ in range(5):
            subject.shrink()
            subject.shrink()
            limits.append(subject.limit)
            await asyncio.sleep(1)
        for _ in range(200):
            subject.grow()
        return [*limits, subject.limit]

    assert run(main) == [4, 2, 1, 1, 1, 8]


def test_concurrency_grows_by_one_for_each_round_of_successes() -> None:
    async def main() -> int:
        subject = InFlight(64, clock)
        subject.shrink()
        for _ in range(34):
            subject.grow()
        return subject.limit

    assert run(main) == 33


@pytest.mark.parametrize("failures", [1, 2, 3, 10, 1000])
def test_backoff_is_full_jitter_up_to_its_cap(failures: int) -> None:
    """Faults B7 and B14: anything between nothing and the ceiling, so that waves dissolve."""
    source = random.Random(failures)  # noqa: S311 - repeatable
    waits = [backoff_seconds(failures, None, source.random) for _ in range(2000)]
    ceiling = min(30.0, 0.5 * 2.0 ** (failures - 1))
    assert all(0.1 <= wait < ceiling for wait in waits)
    tenths = [
        sum(1 for wait in waits if tenth <= wait / ceiling * 10 < tenth + 1)
        for tenth in range(3, 10)
    ]
    assert min(tenths) > 130  # of 200 expected in each


def test_retry_after_is_a_lower_bound_and_zero_of_it_is_no_hot_loop() -> None:
    """Faults B6 and B10."""
    assert backoff_seconds(1, 3.0, lambda: 0.0) == 3.0
    assert backoff_seconds(6, 3.0, lambda: 0.99) > 15
    assert backoff_seconds(1, 0.0, lambda: 0.0) == 0.1


def test_without_an_answer_ten_retries_are_all_there_are() -> None:
    """Fault B13: however many ask."""
    budget = RetryBudget()
    assert sum(budget.spend() for _ in range(10_000)) == 10


def test_two_answers_pay_for_one_retry_up_to_fifty() -> None:
    budget = RetryBudget()
    while budget.spend():
        pass
    budget.record_answer()
    assert not budget.spend()
    budget.record_answer()
    assert budget.spend()
    for _ in range(1_000):
        budget.record_answer()
    assert sum(budget.spend() for _ in range(1_000)) == 50


@pytest.mark.parametrize(("share", "most_refused"), [(0.2, 0), (0.3, 0.005), (0.6, 1)])
def test_a_host_that_fails_now_and_then_is_tried_again_each_time(
    share: float, most_refused: float
) -> None:
    """Fault B12: requests one after another, each with that chance to fail."""
    dice = random.Random(3)  # noqa: S311 - repeatable
    budget, refused, failed = RetryBudget(), 0, 0
    for _ in range(20_000):
        if dice.random() < share:
            failed += 1
            refused += not budget.spend()
        else:
            budget.record_answer()
    assert refused <= most_refused * failed
    assert share < 0.5 or refused > failed / 2


def test_answers_of_one_endpoint_pay_for_no_retries_of_another() -> None:
    async def main() -> int:
        limits = organization(host())
        for _ in range(100):
            limits.retries("/api/me").record_answer()
        return sum(limits.retries("/api/connections").spend() for _ in range(100))

    assert run(main) == 10


def host(rate: float = 0, concurrency: int = 64) -> HostLimits:
    return HostLimits(
        "api.test",
        requests_per_second=rate,
        concurrency=concurrency,
        clock=clock,
        sleep=asyncio.sleep,
    )


def organization(
    of: HostLimits, name: str = "acme", rate: float = 0, concurrency: int = 2
) -> OrganizationLimits:
    return of.organization(name, requests_per_second=rate, concurrency=concurrency)


async def attempt(
    limits: OrganizationLimits,
    answer: Callable[[], Awaitable[None]],
    deadline: float = NEVER,
) -> Outcome:
    try:
        async with limits.slot(deadline):
            await answer()
    except ScopeError as error:
        return error.outcome
    return Outcome.COMPLETE


def refusing(
    outcome: Outcome, *, status: int | None = None, after: float | None = None, seconds: float = 0.1
) -> Callable[[], Awaitable[None]]:
    async def answer() -> None:
        await asyncio.sleep(seconds)
        raise RetryableError(outcome, "no", http_status=status, retry_after_seconds=after)

    return answer


async def accept() -> None:
    await asyncio.sleep(0.1)


def test_a_429_pauses_its_organization_and_no_other() -> None:
    """Fault B6."""

    async def main() -> tuple[float, float]:
        of = host()
        limited, other = organization(of, "limited"), organization(of, "other")
        await attempt(limited, refusing(Outcome.RATE_LIMITED, status=429, after=3))
        start = clock()
        await attempt(other, accept)
        free = clock() - start
        await attempt(limited, accept)
        return free, clock() - start

    free, limited = run(main)
    assert free == pytest.approx(0.1)
    assert limited >= 3


def test_a_429_without_retry_after_pauses_its_organization_a_little() -> None:
    """Fault B7."""

    async def main() -> float:
        limits = organization(host())
        await attempt(limits, refusing(Outcome.RATE_LIMITED, status=429, seconds=0))
        await attempt(limits, accept)
        return clock()

    assert 0.5 <= run(main) < 0.7


def test_a_paused_organization_holds_no_slot_of_the_host() -> None:
    async def main() -> float:
        of = host(concurrency=1)
        paused = organization(of, "paused")
        await attempt(paused, refusing(Outcome.RATE_LIMITED, status=429, after=100, seconds=0))
        waiting = asyncio.create_task(attempt(paused, accept))
        await asyncio.sleep(0)
        await attempt(organization(of, "other"), accept)
        done = clock()
        await waiting
        return done

    assert run(main) == pytest.approx(0.1)


def test_429s_to_many_organizations_pause_the_whole_host_and_it_resumes_gradually() -> None:
    """Fault B11: a ceiling per address, hit by all keys at once, costs few refusals, not 2,000."""

    async def main() -> tuple[int, int, float]:
        of, sent, refused = host(), [], 0

        async def answer() -> None:
            nonlocal refused
            sent.append(clock())
            recent = len(sent) - bisect.bisect_left(sent, clock() - 1)
            await asyncio.sleep(0.05)
            if recent > 50:
                refused += 1
                raise RetryableError(
                    Outcome.RATE_LIMITED, "no", http_status=429, retry_after_seconds=1
                )

        async def scope(number: int) -> int:
            limits = organization(of, str(number))
            for tries in range(1, 20):
                if await attempt(limits, answer) == Outcome.COMPLETE:
                    return tries
                await asyncio.sleep(1)
            return 20

        tries = await asyncio.gather(*(scope(number) for number in range(1000)))
        return refused, max(tries), clock()

    refused, most_tries, seconds = run(main)
    assert refused < 600
    assert most_tries < 10
    assert seconds < 120


def test_429s_to_the_usual_few_organizations_do_not_slow_the_host() -> None:
    async def main() -> float:
        of = host(rate=50)
        throttled = refusing(Outcome.RATE_LIMITED, status=429, after=1, seconds=0)
        await asyncio.gather(
            *(
                attempt(organization(of, str(number)), throttled if number % 25 == 24 else accept)
                for number in range(500)
            )
        )
        return clock()

    assert run(main) < 500 / 50 * 1.05


def test_timeouts_of_many_organizations_lower_the_concurrency_and_successes_restore_it() -> None:
    """Fault B27."""

    async def main() -> tuple[int, int]:
        of, active, most = host(concurrency=16), 0, 0

        async def answer() -> None:
            nonlocal active, most
            active += 1
            most = max(most, active)
            await asyncio.sleep(0.1)
            active -= 1

        for wave in range(3):
            await asyncio.gather(
                *(
                    attempt(organization(of, f"{wave}-{n}"), refusing(Outcome.TIMEOUT, seconds=2))
                    for n in range(4)
                )
            )
            await attempt(organization(of), accept)
        await asyncio.gather(*(attempt(organization(of, str(n)), answer) for n in range(8)))
        lowered, most = most, 0
        await asyncio.gather(*(attempt(organization(of, str(n)), answer) for n in range(500)))
        return lowered, most

    lowered, restored = run(main)
    assert 2 <= lowered <= 3
    assert restored == 16


def test_one_slow_organization_does_not_lower_the_concurrency() -> None:
    """Invariant I2."""

    async def main() -> float:
        of = host(concurrency=2)
        for _ in range(10):
            await attempt(organization(of, "slow"), refusing(Outcome.TIMEOUT))
        start = clock()
        await asyncio.gather(*(attempt(organization(of, str(n)), accept) for n in range(20)))
        return clock() - start

    assert run(main) == pytest.approx(1.0)


async def fleet(
    of: HostLimits,
    answer: Callable[[], Awaitable[None]],
    *,
    organizations: int,
    deadline: float = NEVER,
) -> list[Outcome]:
    """What a run does: each organization has up to four attempts within the budget."""
    jitter = random.Random(7)  # noqa: S311 - repeatable

    async def scope(number: int) -> Outcome:
        limits = organization(of, str(number))
        for tries in range(1, 5):
            try:
                async with limits.slot(deadline):
                    await answer()
                limits.retries("").record_answer()
            except RetryableError as error:
                if tries == 4 or not limits.retries("").spend():
                    return error.outcome
                await asyncio.sleep(backoff_seconds(tries, None, jitter.random))
            except ScopeError as error:
                return error.outcome
            else:
                return Outcome.COMPLETE
        return Outcome.INTERNAL_ERROR

    return await asyncio.gather(*(scope(number) for number in range(organizations)))


def test_in_a_total_outage_few_are_tried_and_all_others_are_deferred_at_once() -> None:
    """Faults B13, E1 and E3."""

    async def main() -> tuple[int, list[Outcome], float]:
        attempts = 0

        async def answer() -> None:
            nonlocal attempts
            attempts += 1
            await refusing(Outcome.NETWORK)()

        outcomes = await fleet(host(rate=50), answer, organizations=2000)
        return attempts, outcomes, clock()

    attempts, outcomes, seconds = run(main)
    assert attempts < 100
    assert set(outcomes) == {Outcome.NETWORK, Outcome.DEFERRED}
    assert outcomes.count(Outcome.DEFERRED) > 1900
    assert seconds < 30


def test_a_small_fleet_in_a_total_outage_stays_within_its_retries() -> None:
    """Fault B13: attempts ≤ 1.10 x keys and the floor."""

    async def main() -> int:
        attempts = 0

        async def answer() -> None:
            nonlocal attempts
            attempts += 1
            await refusing(Outcome.UPSTREAM_ERROR, status=503)()

        await fleet(host(), answer, organizations=40)
        return attempts

    assert run(main) <= 1.10 * 40 + 10


def test_tls_that_fails_for_everybody_counts_as_an_unreachable_host() -> None:
    """Fault E7: host-wide breaker."""

    async def main() -> list[Outcome]:
        async def answer() -> None:
            await asyncio.sleep(0.1)
            raise ScopeError(Outcome.TLS, "certificate refused")

        return await fleet(host(concurrency=4), answer, organizations=200)

    assert run(main).count(Outcome.DEFERRED) > 180


def test_a_host_that_goes_down_and_up_every_ten_seconds_loses_few_scopes() -> None:
    """Fault B14."""

    async def main() -> tuple[list[Outcome], list[float]]:
        sent: list[float] = []

        async def answer() -> None:
            sent.append(clock())
            await asyncio.sleep(0.1)
            if clock() % 20 >= 10:
                raise RetryableError(Outcome.NETWORK, "down")

        return await fleet(host(rate=50), answer, organizations=2000), sent

    outcomes, sent = run(main)
    assert outcomes.count(Outcome.COMPLETE) > 1900
    assert outcomes.count(Outcome.DEFERRED) == 0
    assert most_in_one_second(sent) <= 50


@pytest.mark.parametrize("minutes", [1, 5, 30])
def test_an_outage_in_the_middle_of_a_run_costs_few_attempts_and_ends_by_the_deadline(
    minutes: int,
) -> None:
    """Fault B13: 2,000 keys at 20/s; after 20 s the host is gone for so many minutes."""
    keys, deadline, gone_at = 2000, 1200.0, 20.0

    async def main() -> tuple[list[Outcome], int, float]:
        attempts = 0

        async def answer() -> None:
            nonlocal attempts
            attempts += 1
            await asyncio.sleep(0.1)
            if gone_at <= clock() < gone_at + minutes * 60:
                raise RetryableError(Outcome.NETWORK, "gone")

        outcomes = await fleet(host(rate=20), answer, organizations=keys, deadline=deadline)
        return outcomes, attempts, clock()

    outcomes, attempts, seconds = run(main)
    tally = Counter(outcomes)
    assert tally.keys() <= {Outcome.COMPLETE, Outcome.NETWORK, Outcome.DEFERRED}
    assert tally[Outcome.COMPLETE] >= 350
    assert tally[Outcome.NETWORK] <= 20
    assert attempts <= 1.10 * keys
    assert attempts - tally[Outcome.COMPLETE] <= 60, "of an outage it sees few"
    assert seconds <= deadline


def test_a_host_that_comes_back_meets_no_wave() -> None:
    """Fault B14: 10 s up, 10 s down, without a ceiling; as many as are allowed in flight, no more.

    Counted in tenths of a second, as long as an answer takes.
    """

    async def main() -> tuple[list[Outcome], Counter[int], Counter[int]]:
        up: Counter[int] = Counter()
        down: Counter[int] = Counter()

        async def answer() -> None:
            tenth = int(clock() * 10)
            is_down = clock() % 20 >= 10
            (down if is_down else up)[tenth] += 1
            await asyncio.sleep(0.1)
            if is_down:
                raise RetryableError(Outcome.NETWORK, "down")

        outcomes = await fleet(host(concurrency=16), answer, organizations=6000)
        return outcomes, up, down

    outcomes, up, down = run(main)
    assert Counter(outcomes)[Outcome.COMPLETE] >= 5900
    assert max(up.values()) <= 2 * 16, "what ends and what follows may fall into one tenth"
    busy = sorted(up.values())
    assert busy[len(busy) // 2] >= 10, "and the host is used well between"
    cycles = 1 + max(down) // 200
    assert sum(down.values()) <= cycles * (16 + HostBreaker.THRESHOLD + HostBreaker.PROBES)


def test_one_success_ends_the_outage() -> None:
    async def main() -> tuple[list[Outcome], float]:
        of = host(concurrency=10)
        await asyncio.gather(
            *(attempt(organization(of, str(n)), refusing(Outcome.NETWORK)) for n in range(10))
        )
        assert of.breaker.down
        start = clock()
        outcomes = await asyncio.gather(
            *(attempt(organization(of, str(n)), accept) for n in range(50))
        )
        return outcomes, clock() - start

    outcomes, seconds = run(main)
    assert set(outcomes) == {Outcome.COMPLETE}
    assert seconds < 2  # the probe waits 1 s and takes 0.1, then 49 go ten at a time


def test_only_one_request_at_a_time_probes_a_host_that_is_down() -> None:
    async def main() -> list[float]:
        of, sent = host(concurrency=10), []

        async def answer() -> None:
            sent.append(clock())
            await refusing(Outcome.NETWORK)()

        await asyncio.gather(
            *(attempt(organization(of, str(n)), refusing(Outcome.NETWORK)) for n in range(10))
        )
        start = clock()
        await asyncio.gather(*(attempt(organization(of, str(n)), answer) for n in range(50)))
        return [time - start for time in sent]

    assert run(main) == pytest.approx([1.0, 3.1, 7.2, 15.3], abs=0.05)


def test_a_probe_that_is_cancelled_leaves_its_turn_to_the_next() -> None:
    async def main() -> Outcome:
        of = host(concurrency=10)
        await asyncio.gather(
            *(attempt(organization(of, str(n)), refusing(Outcome.NETWORK)) for n in range(10))
        )
        probe = asyncio.create_task(attempt(organization(of, "probe"), accept))
        following = asyncio.create_task(attempt(organization(of, "next"), accept))
        await asyncio.sleep(1.05)
        probe.cancel()
        return await following

    assert run(main) == Outcome.COMPLETE


def test_an_answer_of_any_kind_shows_that_the_host_is_up() -> None:
    async def main() -> bool:
        of = host()
        for number in range(30):
            outcome = Outcome.NETWORK if number % 9 else Outcome.UNAUTHORIZED
            await attempt(organization(of, str(number)), refusing(outcome))
        return of.breaker.down

    assert run(main) is False


def test_failures_of_one_organization_are_no_outage() -> None:
    async def main() -> bool:
        of = host()
        for _ in range(30):
            await attempt(organization(of), refusing(Outcome.UPSTREAM_ERROR, status=500))
        return of.breaker.down

    assert run(main) is False


def test_a_host_that_is_down_at_the_deadline_defers_the_rest_without_waiting_for_it() -> None:
    async def main() -> tuple[Outcome, float]:
        of = host()
        for number in range(HostBreaker.THRESHOLD):
            await attempt(organization(of, str(number)), refusing(Outcome.NETWORK, seconds=0))
        return await attempt(organization(of), accept, deadline=clock() + 0.5), clock()

    assert run(main) == (Outcome.DEFERRED, 0.0)


def test_a_fifth_of_working_keys_refused_is_an_incident() -> None:
    """Fault B3."""
    incident = AuthIncident(worked_before=50)
    for number in range(20):
        assert incident.headline is None
        incident.record(str(number), worked_before=True, unauthorized=number % 2 == 1)
    assert incident.active
    assert incident.headline is not None
    assert incident.headline.startswith("auth incident? 10 of 50 keys")


def test_revoked_keys_and_keys_that_never_worked_are_no_incident() -> None:
    incident = AuthIncident(worked_before=100)
    for number in range(100):
        incident.record(str(number), worked_before=True, unauthorized=number % 10 == 0)
        incident.record(f"new-{number}", worked_before=False, unauthorized=True)
    assert not incident.active


def test_a_fleet_in_which_nothing_worked_before_has_no_incident() -> None:
    incident = AuthIncident(worked_before=0)
    for number in range(20):
        incident.record(str(number), worked_before=True, unauthorized=False)
    assert not incident.active


def test_a_handful_of_answers_is_too_few_to_call_an_incident() -> None:
    incident = AuthIncident(worked_before=9)
    for number in range(9):
        incident.record(str(number), worked_before=True, unauthorized=True)
    assert not incident.active
