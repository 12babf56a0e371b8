"""Digests, duplicates, and which missing rows may go: pure decisions over values."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator import diff
from aggregator.diff import AGREEING_RUNS, Missing, RemovalRules, judge_missing
from aggregator.model import Record
from aggregator.scope import Known, Vouching

NOW = datetime(2026, 11, 23, tzinfo=UTC)
VOUCHING = Vouching("admin", NOW)
RULES = RemovalRules(limit_fraction=0.10, limit_rows=10)


def record(identifier: str, *values: object, reading: tuple[object, ...] | None = None) -> Record:
    return Record(identifier, "org", values, reading)


def known(count: int, *, missing_runs: int = 0) -> dict[str, Known]:
    because = "an earlier reason" if missing_runs else ""
    return {
        f"{n:04}": Known(b"", missing_runs=missing_runs, withheld_because=because)
        for n in range(count)
    }


# Digests


def test_an_answers_digest_depends_on_its_bytes_and_the_normalizers_version() -> None:
    digests = {
        diff.bytes_digest(bodies, version)
        for bodies in ([b"ab"], [b"a", b"b"], [b"ba"], [b""], [])
        for version in (1, 2)
    }
    assert len(digests) == 10
    assert diff.bytes_digest([b"ab"], 1) == diff.bytes_digest([b"ab"], 1)


def test_content_is_hashed_by_value() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    one = record("x", "name", None, ["a"], True, moment)
    assert diff.content_hash(one) == diff.content_hash(one._replace(id="y", reading=(1,)))
    for values in (
        ("name", None, ["a"], True, None),
        ("name", "", ["a"], True, moment),
        ("name", None, ["a", "b"], True, moment),
        ("name", None, ["a"], None, moment),
        ("name", None, ["a"], True, moment.replace(microsecond=1)),
    ):
        assert diff.content_hash(one) != diff.content_hash(one._replace(values=values))


@given(st.dictionaries(st.text(), st.binary(min_size=16, max_size=16), max_size=6), st.randoms())
def test_the_tracked_digest_knows_no_order(hashes: dict[str, bytes], random: object) -> None:
    items = list(hashes.items())
    random.shuffle(items)  # type: ignore[attr-defined]  # hypothesis types it as object
    assert diff.tracked_digest(dict(items)) == diff.tracked_digest(hashes)


def test_the_tracked_digest_sees_every_row() -> None:
    one, two = b"1" * 16, b"2" * 16
    variants: list[dict[str, bytes]] = [
        {},
        {"a": one},
        {"a": two},
        {"b": one},
        {"a": one, "b": two},
        {"a": two, "b": one},
        {"a\x00": one},
    ]
    assert len({diff.tracked_digest(each) for each in variants}) == len(variants)


def test_the_readings_digest_knows_no_order_and_skips_what_reports_nothing() -> None:
    a, b = record("a", reading=(1, None)), record("b", reading=(2, None))
    silent = record("c")
    assert diff.readings_digest([a, b]) == diff.readings_digest([b, silent, a])
    assert diff.readings_digest([a]) != diff.readings_digest([a, b])
    assert diff.readings_digest([a]) != diff.readings_digest([a._replace(reading=(3, None))])
    assert diff.readings_digest([a]) != diff.readings_digest([a._replace(id="b")])
    assert diff.readings_digest([]) == diff.readings_digest([silent])


# Duplicates


def test_the_last_record_of_an_id_wins_and_conflicts_are_counted() -> None:
    """Fault D6."""
    first, same, other = record("x", 1), record("x", 1), record("x", 2)
    assert diff.unique([first, record("y", 1)]) == ({"x": first, "y": record("y", 1)}, 0)
    assert diff.unique([first, same]) == ({"x": first}, 0)
    assert diff.unique([first, other]) == ({"x": other}, 1)
    assert diff.unique([]) == ({}, 0)


def test_ids_are_compared_case_exact() -> None:
    """Fault C21."""
    assert len(diff.unique([record("a"), record("A")])[0]) == 2


# Removals


@pytest.mark.parametrize(
    ("rows", "missing", "withheld"),
    [(100, 10, False), (100, 11, True), (110, 11, False), (109, 11, True), (20, 10, False)],
)
def test_a_loss_is_withheld_when_it_passes_both_bounds(
    rows: int,
    missing: int,
    withheld: bool,  # noqa: FBT001 - what is expected
) -> None:
    stored = known(rows)
    judged = judge_missing(stored, list(stored)[missing:], RULES, doubt=None, vouching=VOUCHING)
    assert (len(judged.candidates), len(judged.withheld)) == (
        (0, missing) if withheld else (missing, 0)
    )


def test_an_empty_answer_withholds_even_one_row() -> None:
    assert judge_missing(known(1), [], RULES, doubt=None, vouching=VOUCHING) == Missing(
        (), frozenset(), {"0000": "the answer is empty"}
    )


def test_doubt_withholds_and_is_the_reason_however_often_runs_agree() -> None:
    stored = known(2, missing_runs=99)
    assert judge_missing(stored, ["0000"], RULES, doubt="why", vouching=VOUCHING).withheld == {
        "0001": "why"
    }


@pytest.mark.parametrize("vouching", [None, Vouching("viewer", None), Vouching("viewer", NOW)])
def test_a_row_that_was_not_seen_with_these_rights_is_withheld(vouching: Vouching | None) -> None:
    late = Known(b"", NOW + timedelta(seconds=1), "admin", missing_runs=9)
    judged = judge_missing({"x": late, "y": late}, ["y"], RULES, doubt=None, vouching=vouching)
    assert judged.withheld == {"x": diff.UNVOUCHED}


def test_a_row_that_came_with_these_rights_may_go() -> None:
    late = Known(b"", NOW + timedelta(seconds=1), "viewer")
    for at in (None, NOW):
        judged = judge_missing(
            {"x": late, "y": late}, ["y"], RULES, doubt=None, vouching=Vouching("viewer", at)
        )
        assert judged.candidates == ("x",)


def test_a_row_of_before_the_clock_was_set_back_is_no_newcomer() -> None:
    stored = known(2) | {"0001": Known(b"", came_at=None)}
    judged = judge_missing(stored, ["0000"], RULES, doubt=None, vouching=VOUCHING)
    assert judged.candidates == ("0001",)


def test_rows_that_cannot_be_read_by_id_need_a_run_that_agrees() -> None:
    for missing_runs, candidates in ((0, ()), (AGREEING_RUNS, ("0001",))):
        stored = known(2, missing_runs=missing_runs)
        rules = replace(RULES, provable=False)
        judged = judge_missing(stored, ["0000"], rules, doubt=None, vouching=VOUCHING)
        assert judged.candidates == candidates


def test_a_person_overrules_every_reason_for_what_was_withheld_before() -> None:
    rules = replace(RULES, accept=True)
    stored = known(1) | {"x": Known(b"", withheld_because="an earlier reason")}
    judged = judge_missing(stored, [], rules, doubt="why", vouching=VOUCHING)
    assert judged == Missing(("x",), frozenset("x"), {"0000": "why"})


def test_rows_may_go_once_enough_further_runs_agree() -> None:
    agreed = known(30, missing_runs=AGREEING_RUNS)
    assert len(judge_missing(agreed, [], RULES, doubt=None, vouching=VOUCHING).candidates) == 30
    almost = known(30, missing_runs=AGREEING_RUNS - 1)
    assert judge_missing(almost, [], RULES, doubt=None, vouching=VOUCHING).candidates == ()


@given(
    st.dictionaries(
        st.text(max_size=2),
        st.builds(
            Known,
            st.just(b""),
            st.sampled_from([None, NOW, NOW + timedelta(seconds=1)]),
            st.sampled_from([None, "admin", "viewer"]),
            st.integers(0, 3),
            st.sampled_from(["", "an earlier reason"]),
        ),
        max_size=30,
    ),
    st.sets(st.text(max_size=2), max_size=30),
    st.booleans(),
    st.none() | st.just("doubt"),
    st.booleans(),
)
def test_every_missing_row_may_go_or_is_withheld_and_no_other(
    stored: dict[str, Known],
    seen: set[str],
    accept: bool,  # noqa: FBT001 - drawn
    doubt: str | None,
    provable: bool,  # noqa: FBT001 - drawn
) -> None:
    rules = replace(RULES, accept=accept, provable=provable)
    judged = judge_missing(stored, seen, rules, doubt=doubt, vouching=VOUCHING)
    assert not set(judged.candidates) & judged.withheld.keys()
    assert {*judged.candidates, *judged.withheld} == stored.keys() - seen
    assert judged.accepted <= set(judged.candidates)
    assert all(accept and stored[key].withheld_because for key in judged.accepted)
