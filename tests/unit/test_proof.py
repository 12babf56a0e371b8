"""The verdict on absent rows, from what reads by id came to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.model import Outcome, Record
from aggregator.proof import HIDDEN, Look, judge
from aggregator.scope import UNPROVEN, Absence, Digests

THERE = Look(Outcome.COMPLETE, record=Record("x", None, ()))
GONE = Look(Outcome.NOT_FOUND, "HTTP 404")
REFUSED = Look(Outcome.FORBIDDEN, "HTTP 403")
FAILED = Look(Outcome.TIMEOUT, "too slow")
BROKEN = Look(Outcome.UPSTREAM_ERROR, "HTTP 500")
LOOKS = st.sampled_from([THERE, GONE, REFUSED, FAILED])


def absence(*candidates: str, accepted: str = "", withheld: str = "") -> Absence:
    return Absence(
        candidates,
        frozenset(accepted),
        neighbor=None,
        withheld=dict.fromkeys(withheld, "why"),
        counts_as_agreement=True,
        digests=Digests(None, None, None),
    )


@pytest.mark.parametrize(
    ("look", "neighbor", "accepted", "removed", "kept"),
    [
        (GONE, THERE, "", ("x",), {}),
        (GONE, None, "", ("x",), {}),
        (GONE, GONE, "", (), {"x": HIDDEN}),
        (GONE, REFUSED, "", (), {"x": HIDDEN}),
        (GONE, FAILED, "", (), {"x": HIDDEN}),
        (GONE, GONE, "x", ("x",), {}),
        (REFUSED, THERE, "", (), {"x": "HTTP 403"}),
        (REFUSED, None, "x", ("x",), {}),
        (FAILED, THERE, "x", (), {"x": "too slow"}),
        (BROKEN, THERE, "", (), {"x": "HTTP 500"}),
        (BROKEN, THERE, "x", ("x",), {}),
        (BROKEN, BROKEN, "x", (), {"x": "HTTP 500"}),
        (BROKEN, None, "x", (), {"x": "HTTP 500"}),
    ],
)
def test_a_row_goes_by_its_404_and_its_neighbors_answer(
    look: Look, neighbor: Look | None, accepted: str, removed: tuple[str, ...], kept: dict[str, str]
) -> None:
    verdict = judge(absence("x", accepted=accepted), {"x": look}, neighbor)
    assert (verdict.removed, verdict.kept) == (removed, kept)


def test_a_row_that_was_not_looked_at_stays() -> None:
    assert judge(absence("x", "y", withheld="z"), {"x": GONE}, THERE) == (
        ("x",),
        (),
        {"z": "why", "y": UNPROVEN},
    )


@given(
    st.dictionaries(st.sampled_from("abcdef"), LOOKS),
    st.none() | LOOKS,
    st.sets(st.sampled_from("abcdef")),
)
def test_what_is_there_is_never_removed_and_every_row_has_one_fate(
    looks: dict[str, Look], neighbor: Look | None, accepted: set[str]
) -> None:
    verdict = judge(absence(*"abcdef", accepted="".join(accepted), withheld="z"), looks, neighbor)
    there = {key for key, look in looks.items() if look.record}
    assert len(verdict.raced) == len(there)
    assert not there & {*verdict.removed, *verdict.kept}
    assert {*verdict.removed, *verdict.kept} == set("abcdefz") - there
    assert all(looks[key].outcome is not Outcome.TIMEOUT for key in verdict.removed)
