"""The judges of ``benchmarks/trust``: what they do not see would be a figure of nothing."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from benchmarks.trust.encodings import ENCODINGS, Scanner
from benchmarks.trust.kill import is_whole
from benchmarks.trust.oracle import Oracle, plainly_removed
from benchmarks.trust.retries import FAILING, chance
from benchmarks.trust.storm import listed
from benchmarks.trust.weather import without

ROW = ("acme", "1")
OTHER = ("acme", "2")
UNDISTURBED = frozenset({"acme"})


def after_a_first_run(*rows: tuple[str, str]) -> Oracle:
    oracle = Oracle(set(rows))
    oracle.begin()
    assert oracle.finish(set(rows), UNDISTURBED) == []
    oracle.begin()
    return oracle


# The oracle


def test_a_row_that_exists_and_is_stored_no_more_was_removed_falsely() -> None:
    oracle = after_a_first_run(ROW, OTHER)
    assert oracle.finish({OTHER}, UNDISTURBED) == [ROW]
    assert oracle.false_removals == [ROW]


def test_a_row_that_ended_during_the_run_may_be_gone() -> None:
    oracle = after_a_first_run(ROW)
    oracle.end(ROW)
    assert oracle.finish(set(), UNDISTURBED) == []
    assert oracle.runs_until_gone == {ROW: 1}


def test_a_row_that_ended_and_came_back_during_the_run_may_be_gone() -> None:
    oracle = after_a_first_run(ROW)
    oracle.end(ROW)
    oracle.add(ROW)
    assert oracle.finish(set(), UNDISTURBED) == []


def test_a_row_that_was_never_stored_was_not_removed() -> None:
    oracle = Oracle({ROW})
    oracle.begin()
    assert oracle.finish(set(), UNDISTURBED) == []


def test_only_undisturbed_runs_count_until_an_honest_removal_is_gone() -> None:
    oracle = after_a_first_run(ROW)
    oracle.finish({ROW}, UNDISTURBED)
    oracle.end(ROW)
    for undisturbed in (UNDISTURBED, frozenset[str](), UNDISTURBED):
        oracle.begin()
        oracle.finish({ROW}, undisturbed)
    assert oracle.pending == {ROW: 2}
    oracle.begin()
    oracle.finish(set(), UNDISTURBED)
    assert oracle.runs_until_gone == {ROW: 3}


def test_the_run_in_which_a_row_ended_does_not_count() -> None:
    oracle = after_a_first_run(ROW)
    oracle.end(ROW)
    oracle.finish({ROW}, UNDISTURBED)
    assert oracle.pending == {ROW: 0}


def test_a_plain_comparison_removes_what_a_list_lacks_and_only_where_there_was_one() -> None:
    stored = {ROW, OTHER, ("globex", "1")}
    assert plainly_removed(stored, {"acme": {"2"}}) == {ROW}
    assert plainly_removed(stored, {"acme": set()}) == {ROW, OTHER}


# What the storm makes and reads


def test_rows_are_left_out_of_a_list_and_of_nothing_else() -> None:
    body = json.dumps({"data": [{"id": "1"}, {"id": "2"}]}).encode()
    assert listed(without(frozenset({"1"}))(body)) == ({"2"}, False)
    assert without(frozenset({"1"}))(b'{"data":null}') == b'{"data":null}'


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"[]", b'{"data":"x"}', b'{"data":[1]}'])
def test_what_is_no_list_is_none(body: bytes) -> None:
    assert listed(body) is None


def test_further_pages_are_noticed() -> None:
    body = b'{"data":[],"pagination":{"next_page_token":"x"}}'
    assert listed(body) == (set(), True)


# kill -9


def test_an_organization_is_whole_before_a_run_and_after_it() -> None:
    old = frozenset({("1", "a"), ("2", "a")})
    new = frozenset({("1", "b"), ("3", "b")})
    assert is_whole(old, old, new)
    assert is_whole(new, old, new)
    assert is_whole(new | {("2", "a")}, old, new), "kept until it is proven that it is gone"
    assert is_whole(frozenset(), None, new)


@pytest.mark.parametrize(
    "seen", [{("1", "a")}, {("1", "b")}, {("1", "b"), ("2", "a")}, {("1", "a"), ("3", "b")}, set()]
)
def test_a_mixture_of_both_is_torn(seen: set[tuple[str, str]]) -> None:
    old = frozenset({("1", "a"), ("2", "a")})
    new = frozenset({("1", "b"), ("3", "b")})
    assert not is_whole(frozenset(seen), old, new)


# Canaries

SECRET = "face0000-0001-4000-8000-00000000cafe"


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(character):04X}" for character in text)


@pytest.mark.parametrize(
    ("encoding", "leak"),
    [
        ("plain", f"Bearer {SECRET.upper()}!"),
        ("without punctuation", SECRET.replace("-", "")),
        ("percent", quote(f"?key={SECRET}", safe="").replace("-", "%2D").lower()),
        ("percent", "".join(f"%{byte:02X}" for byte in SECRET.encode())),
        *(
            ("base64", base64.b64encode(f"{'x' * before}:{SECRET}:more".encode()).decode())
            for before in range(3)
        ),
        ("base64url", base64.urlsafe_b64encode(f"???{SECRET}".encode()).decode()),
        ("hex", SECRET.encode().hex(" ").replace(" ", "").upper()),
        ("JSON escapes", f'"{escaped(SECRET)}"'),
        ("reversed", SECRET[::-1]),
    ],
)
def test_a_leak_is_found_in_each_encoding(encoding: str, leak: str) -> None:
    if encoding == "percent" and "%2d" in leak:
        leak = leak.replace("%2d", "-")  # browsers leave hyphens alone
    hits = Scanner(["another-secret-of-theirs", SECRET]).hits(f"before {leak} after")
    assert encoding in hits


def test_there_are_eight_encodings_and_harmless_text_has_none() -> None:
    assert len(ENCODINGS) == 8
    assert Scanner([SECRET]).hits("face0000 and 00000000cafe, but not together") == []


# A flaky host


def test_chances_are_even_and_the_same_each_time() -> None:
    draws = [chance(f"acme-{number}") for number in range(20_000)]
    share = sum(draw < FAILING for draw in draws) / len(draws)
    assert abs(share - FAILING) < 0.01
    assert draws[7] == chance("acme-7")
