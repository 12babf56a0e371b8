"""Exit codes and counts never claim more than happened."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from aggregator.model import Counts, Organization, Outcome
from aggregator.resources import RESOURCES
from aggregator.scope import ScopeResult
from aggregator.summary import STATUS_OF_EXIT, Summary

NOW = datetime(2026, 11, 23, tzinfo=UTC)
CONNECTIONS = RESOURCES["connections"]
OTHER = replace(CONNECTIONS, name="others")


def result(
    name: str,
    outcome: Outcome = Outcome.COMPLETE,
    *,
    resource: str = "connections",
    error: str | None = None,
    requests: int = 1,
    retries: int = 0,
    **counts: int,
) -> ScopeResult:
    return ScopeResult(
        Organization(name, "https://x.example", "x.example", "a test"),
        CONNECTIONS if resource == "connections" else OTHER,
        outcome,
        NOW,
        NOW,
        error=error,
        requests=requests,
        retries=retries,
        counts=Counts(**counts),
    )


def summary(*results: ScopeResult) -> Summary:
    names = {each.organization.name for each in results}
    made = Summary(organizations=len(names), scopes=len(results))
    made.add(results)
    return made


FAILED = [each for each in Outcome if each not in {"complete", "partial", "deferred"}]


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([result("a"), result("b")], 0),
        ([result("a"), result("b", Outcome.TIMEOUT)], 3),
        ([result("a"), result("b", Outcome.PARTIAL)], 3),
        ([result("a"), result("b", Outcome.DEFERRED)], 3),
        ([result("a", Outcome.TIMEOUT), result("b", Outcome.PARTIAL)], 4),
        ([result("a", withheld=1), result("b")], 5),
        ([result("a", withheld=1), result("b", Outcome.TIMEOUT)], 3),
        ([result("a", Outcome.PARTIAL, withheld=1)], 4),
    ],
)
def test_the_first_of_4_3_5_0_that_applies_is_the_exit_code(
    results: list[ScopeResult], code: int
) -> None:
    assert summary(*results).exit_code == code


def test_a_run_that_does_not_know_every_organization_is_no_success() -> None:
    made = summary(result("a"))
    made.headlines.append("organizations could not be discovered")
    made.knows_everyone = False
    assert made.exit_code == 3
    document = made.as_json(run_id="r", status="partial", exit_code=3, duration_seconds=1)
    assert document["headline"] == "organizations could not be discovered"


def test_a_verdict_adds_to_its_scope_and_is_no_second_one() -> None:
    first = result("a", withheld=3)
    verdict = replace(first, is_verdict=True, counts=Counts(removed=3, withheld=-3), walk_races=1)
    made = summary(first, verdict)
    assert (made.done, made.outcomes, made.exit_code) == (1, {Outcome.COMPLETE: 1}, 0)
    assert (made.resources["connections"].removed, made.walk_races) == (3, 1)


@pytest.mark.parametrize("outcome", FAILED)
def test_every_other_outcome_counts_as_failed(outcome: Outcome) -> None:
    counts = summary(result("a", outcome), result("b")).organization_counts()
    assert counts == {"total": 2, "complete": 1, "partial": 0, "failed": 1, "deferred": 0}


@pytest.mark.parametrize(
    ("outcomes", "counted"),
    [
        ((Outcome.COMPLETE, Outcome.COMPLETE), "complete"),
        ((Outcome.COMPLETE, Outcome.PARTIAL), "partial"),
        ((Outcome.PARTIAL, Outcome.DEFERRED), "deferred"),
        ((Outcome.DEFERRED, Outcome.NETWORK), "failed"),
    ],
)
def test_an_organization_is_counted_once_by_its_worst_scope(
    outcomes: tuple[Outcome, Outcome], counted: str
) -> None:
    both = summary(
        result("a", outcomes[0]), result("a", outcomes[1], resource="others")
    ).organization_counts()
    expected = {"total": 1, "complete": 0, "partial": 0, "failed": 0, "deferred": 0}
    assert both == expected | {counted: 1}


def test_the_document_has_what_the_contract_says() -> None:
    made = summary(
        result("a", requests=2, retries=1, seen=5, created=2, unchanged=3),
        result("b", requests=1, seen=4, updated=1, unchanged=3),
        result("c", Outcome.UNAUTHORIZED, error="HTTP 401"),
    )
    assert made.as_json(run_id="r", status="partial", exit_code=3, duration_seconds=1.23456) == {
        "run_id": "r",
        "status": "partial",
        "exit_code": 3,
        "duration_seconds": 1.235,
        "requests": 4,
        "retries": 1,
        "organizations": {"total": 3, "complete": 2, "partial": 0, "failed": 1, "deferred": 0},
        "outcomes": {"complete": 2, "unauthorized": 1},
        "resources": {
            "connections": {
                "seen": 9,
                "created": 2,
                "updated": 1,
                "unchanged": 6,
                "removed": 0,
                "restored": 0,
                "withheld": 0,
                "rejected": 0,
            }
        },
    }


def test_equal_troubles_are_one_group_with_a_few_examples() -> None:
    """Fault I6: 100,000 equal errors are one line."""
    made = summary(
        *(result(f"o{n}", Outcome.TIMEOUT, error="no answer in 30 s") for n in range(9)),
        result("x", Outcome.TLS, error="expired"),
    )
    groups = [(group.outcome, group.error, group.count, group.examples) for group in made.groups]
    assert groups == [
        ("timeout", "no answer in 30 s", 9, ["o0", "o1", "o2"]),
        ("tls", "expired", 1, ["x"]),
    ]


def test_an_organization_counts_once_in_a_group_with_all_its_resources() -> None:
    dead = result("o", Outcome.UNAUTHORIZED, error="invalid key")
    models = replace(dead, resource=RESOURCES["models"])
    [group] = summary(dead, models, result("p", Outcome.UNAUTHORIZED, error="invalid key")).groups
    assert (group.count, group.examples) == (2, ["o", "p"])
    assert group.resources == {"connections", "models"}


def test_every_exit_code_of_a_finished_run_has_a_status() -> None:
    assert {code: STATUS_OF_EXIT[code] for code in (0, 1, 3, 4, 5)} == {
        0: "complete",
        1: "failed",
        3: "partial",
        4: "failed",
        5: "complete",
    }
