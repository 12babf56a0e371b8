"""What people see: text from outside changes no terminal, and nothing is claimed that is not so."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from aggregator import terminal
from aggregator.model import Counts, Organization, Outcome
from aggregator.resources import RESOURCES
from aggregator.scope import MOST_NAMED, Planned, ScopeResult
from aggregator.summary import Summary

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def _result(name: str, outcome: Outcome, error: str | None, **counts: int) -> ScopeResult:
    return ScopeResult(
        Organization(name, "https://x.example", "x.example", "a test"),
        RESOURCES["connections"],
        outcome,
        NOW,
        NOW,
        error=error,
        counts=Counts(**counts),
    )


def _printed(capsys: pytest.CaptureFixture[str], *results: ScopeResult) -> str:
    summary = Summary(organizations=len(results), scopes=len(results))
    summary.add(results)
    account = summary.as_json(
        run_id="r-1", status="partial", exit_code=summary.exit_code, duration_seconds=1.5
    )
    terminal.print_summary(account, summary)
    return capsys.readouterr().out


def test_a_summary_groups_what_went_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    out = _printed(
        capsys,
        _result("good", Outcome.COMPLETE, None, seen=7, created=7),
        *(_result(f"bad-{n}", Outcome.TIMEOUT, "no answer in 30 s") for n in range(5)),
    )
    assert "6 total, 1 complete, 0 partial, 5 failed, 0 deferred" in out
    assert out.count("no answer in 30 s") == 1
    assert "bad-0, bad-1, bad-2 and 2 more" in out


def test_a_summary_says_that_removals_were_withheld_and_how_to_release_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "--accept-removals" in _printed(capsys, _result("a", Outcome.COMPLETE, None, withheld=1))
    assert "were withheld" not in _printed(capsys, _result("a", Outcome.COMPLETE, None))
    partial = _result("a", Outcome.PARTIAL, "some were rejected", withheld=1)
    assert "were withheld" not in _printed(capsys, partial), "nobody can accept these"


def test_a_summary_says_how_many_rows_their_lists_lacked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    verdict = replace(_result("a", Outcome.COMPLETE, None), is_verdict=True, walk_races=300)
    assert "300 rows were missing" in _printed(capsys, verdict)
    assert "were missing" not in _printed(capsys, _result("a", Outcome.COMPLETE, None))


@pytest.mark.parametrize(("removed", "unnamed"), [(20, None), (25, "5 more rows")])
def test_a_plan_says_how_many_rows_it_does_not_name(
    capsys: pytest.CaptureFixture[str], removed: int, unnamed: str | None
) -> None:
    """Whoever accepts removals must not take twenty rows for all of them."""
    gone = [Planned("removed", f"id-{n}", "x", (), None) for n in range(min(removed, MOST_NAMED))]
    made = Summary(organizations=1, scopes=1)
    made.planned = {}
    counted = _result("a", Outcome.COMPLETE, None, created=50, removed=removed)
    made.add([replace(counted, planned=gone)])
    account = made.as_json(run_id="r-1", status="complete", exit_code=0, duration_seconds=1)
    terminal.print_summary(account, made)
    out = capsys.readouterr().out
    assert (unnamed in out) if unnamed else ("more rows" not in out)


@pytest.mark.parametrize("text", ["a\x1b[31mb", "a\u202eb", "a\rb", "[red]a[/red]", "[/]"])
def test_text_from_outside_is_shown_and_not_obeyed(
    capsys: pytest.CaptureFixture[str], text: str
) -> None:
    """Fault C11."""
    out = _printed(capsys, _result("acme", Outcome.UPSTREAM_ERROR, text))
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "\r" not in out
    if text.isprintable():
        assert text in out


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "-"), (5, "5 s"), (90, "2 min"), (7_200, "2 h"), (172_800, "2 d")],
)
def test_ages_are_shown_in_their_largest_unit(
    capsys: pytest.CaptureFixture[str], seconds: float | None, shown: str
) -> None:
    row: dict[str, Any] = dict.fromkeys(
        (
            *("last_outcome", "last_error", "connections", "unhealthy_connections"),
            "withheld_connections",
        )
    )
    row |= {"organization": "acme", "status": "stale", "age_seconds": seconds, "connections": 0}
    row |= {"is_expected": True, "gone_upstream_since": None}
    row |= {"resources_complete": ["connections"], "resources_not_complete": []}
    terminal.print_status({"coverage": {"stale": 1}, "last_run": None, "organizations": [row]})
    cells = re.split(r"\s{2,}", capsys.readouterr().out.splitlines()[-1])
    assert cells[:5] == ["acme", "stale", shown, "0", "-"]


def test_status_tells_connections_that_the_last_answer_lacked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    row: dict[str, Any] = {"status": "complete", "age_seconds": 1, "last_outcome": "complete"}
    row |= {"last_error": None, "connections": 25, "unhealthy_connections": 0}
    row |= {"is_expected": True, "gone_upstream_since": None}
    row |= {"resources_complete": ["connections"], "resources_not_complete": []}
    whole = row | {"organization": "whole", "withheld_connections": 0}
    emptied = row | {"organization": "emptied", "withheld_connections": 25}
    document: dict[str, Any] = {"coverage": {}, "last_run": None, "organizations": [whole]}
    terminal.print_status(document)
    assert "withheld" not in capsys.readouterr().out
    terminal.print_status(document | {"organizations": [whole, emptied]})
    out = capsys.readouterr().out
    assert re.search(r"emptied +complete +1 s +25 +0 +25 +complete", out)
    assert "withheld_reason" in out


@pytest.mark.parametrize(
    ("complete", "behind", "shown"),
    [(["connections"], ["models", "users"], "models, users"), ([], ["connections"], "all")],
)
def test_status_names_the_resources_that_are_behind(
    capsys: pytest.CaptureFixture[str], complete: list[str], behind: list[str], shown: str
) -> None:
    row: dict[str, Any] = {"organization": "acme", "status": "stale", "age_seconds": 1}
    row |= {"last_outcome": "forbidden", "last_error": "HTTP 403", "connections": 2}
    row |= {"unhealthy_connections": 0, "withheld_connections": 0, "is_expected": True}
    row |= {"resources_complete": complete, "resources_not_complete": behind}
    row |= {"gone_upstream_since": None}
    terminal.print_status({"coverage": {}, "last_run": None, "organizations": [row]})
    cells = re.split(r"\s{2,}", capsys.readouterr().out.splitlines()[-1])
    assert cells[5:7] == ["forbidden", shown]


def test_no_progress_is_shown_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.progress() as show:
        show(Summary(organizations=1, scopes=1))
    assert capsys.readouterr() == ("", "")
