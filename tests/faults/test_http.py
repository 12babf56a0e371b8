"""Faults B: status, headers and pacing; one organization a row, all of them in one run."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator import client
from tests.databases import Databases
from tests.faults.table import LIST, Case, Picture, healthy, picture
from tests.simulator.fault import HTML_PAGE

CANARY = "hunter2"
LONG_AGO, A_SECOND_LATER, FAR = (
    "Sat, 01 Jan 2000 00:00:00 GMT",
    "Sat, 01 Jan 2000 00:00:01 GMT",
    "Tue, 31 Dec 2999 23:59:59 GMT",
)


def limited(retry_after: str | None, *, times: int | None = 1, **headers: str) -> dict[str, Any]:
    asked = {} if retry_after is None else {"Retry-After": retry_after}
    return {"status": 429, "times": times, "headers": {**asked, **headers}}


def redirect(status: int, target: str) -> dict[str, Any]:
    return {"status": status, "headers": {"Location": target}, "body": b""}


REFUSALS = [
    Case(
        "Fault B1",
        f"401 in shape {shape}",
        "unauthorized",
        {"status": 401, "body": body},
        requests=2,
    )
    for shape, body in {
        "A": {"key": "unauthorized", "message": "no such key", "metadata": {}, "status": 401},
        "B": {"code": 0, "context": {}, "error": "no such key", "status": "Unauthorized"},
        "C": {"error": {"message": "no such key"}},
        "none": b"",
    }.items()
]
NO_USE = ["-5", "1.5", "1e9", "nan", "inf", "", "garbage", "3, 4", "\uff11\uff12"]
CASES = [
    *REFUSALS,
    Case("Fault B2", "401 once", "complete", {"status": 401, "times": 1}, requests=2),
    Case("Fault B4", "403", "forbidden", {"status": 403}, requests=2),
    Case("Fault B4", "403 once", "complete", {"status": 403, "times": 1}, requests=2),
    Case("Fault B5", "404", "not_found", {"status": 404}, requests=1),
    Case("Fault B6", "429 for a second", "complete", limited("1"), requests=2, waits=1.0),
    Case("Fault B7", "429 without Retry-After", "complete", limited(None), requests=2, waits=0.1),
    Case("Fault B7", "429 for ever", "rate_limited", limited(None, times=None), requests=2),
    Case(
        "Fault B8",
        "a date by a clock that is wrong",
        "complete",
        limited(A_SECOND_LATER, Date=LONG_AGO),
        requests=2,
        waits=1.0,
    ),
    Case("Fault B8", "a date in the past", "complete", limited(LONG_AGO), requests=2, waits=0.1),
    Case("Fault B8", "a date in the year 2999", "deferred", limited(FAR), requests=1),
    *(
        Case(
            "Fault B9",
            f"Retry-After number {number}",
            "complete",
            limited(text),
            requests=2,
            waits=0.1,
        )
        for number, text in enumerate(NO_USE)
    ),
    Case("Fault B9", "Retry-After of 10^20", "deferred", limited("1" + 20 * "0"), requests=1),
    Case("Fault B10", "Retry-After 0", "rate_limited", limited("0", times=None), waits=0.1),
    *(
        Case("Fault B12", f"{status} singly", "upstream_error", {"status": status}, requests=2)
        for status in (500, 502, 503, 504)
    ),
    Case("Fault B12", "502 once", "complete", {"status": 502, "times": 1}, requests=2),
    Case(
        "Fault B15",
        "a page for people",
        "bad_payload",
        {"body": HTML_PAGE + CANARY, "headers": {"Content-Type": "text/html"}},
        requests=1,
    ),
    Case("Fault B16", "an error with 200", "bad_payload", {"body": {"error": CANARY}}, requests=1),
    Case(
        "Fault B16",
        "an error beside data",
        "bad_payload",
        {"body": {"error": {"message": CANARY}, "data": []}},
    ),
    *(
        Case(
            "Fault B18",
            f"{status} elsewhere",
            "redirected",
            redirect(status, f"https://x:{CANARY}@elsewhere.example/a?token={CANARY}"),
            requests=1,
        )
        for status in (301, 302, 307, 308)
    ),
    Case("Fault B18", "in a circle", "redirected", redirect(302, LIST), requests=1),
    Case("Fault B18", "without TLS", "redirected", redirect(302, "http://a.example"), requests=1),
    Case("Fault B19", "no version", "complete", {"headers": {"X-Polytomic-Version": None}}),
    Case(
        "Fault B19",
        "another version",
        "version_mismatch",
        {"headers": {"X-Polytomic-Version": "2021-05-23"}},
        requests=1,
    ),
    Case("Fault B21", "a header of 20 kB", "bad_payload", {"headers": {"X-Large": 20_000 * "x"}}),
    Case(
        "Fault B21",
        "50,000 headers",
        "bad_payload",
        {"headers": {f"X-{number}": "1" for number in range(50_000)}},
    ),
    Case("Fault B23", "a cookie", "complete", {"headers": {"Set-Cookie": "a=b; Path=/"}}),
    Case("Fault B24", "a connection closed early", "complete", {"close": True}, requests=1),
    Case("Fault B26", "an unknown member", "complete", {"envelope": {"new": 1}}),
    Case("Fault B26", "an empty pagination", "complete", {"envelope": {"pagination": {}}}),
    Case("Fault B26", "an odd pagination", "bad_payload", {"envelope": {"pagination": [7]}}),
    Case("Fault B26", "a token that repeats", "bad_payload", {"next_page": "repeated"}),
    Case("Fault B26", "endless pages", "bad_payload", {"next_page": "endless"}, requests=20),
    Case(
        "Fault B26",
        "endless empty pages",
        "bad_payload",
        {"body": {"data": []}, "next_page": "endless"},
        requests=11,
    ),
    Case(
        "Fault B26",
        "an empty page with a token",
        "complete",
        {"body": {"data": []}, "next_page": "repeated", "times": 1},
        requests=2,
    ),
]


@pytest.fixture(scope="module")
def after(_migrated: Databases, tmp_path_factory: pytest.TempPathFactory) -> Picture:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "MOST_PAGES", 20)
        return picture(_migrated, tmp_path_factory.mktemp("http"), CASES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_fault_has_its_outcome(after: Picture, case: Case) -> None:
    scope = after.ran.scopes[case.organization]
    assert scope["outcome"] == case.outcome, scope["error"]
    assert (scope["error"] is None) == (case.outcome == "complete")
    seen = after.seen[case.organization]
    assert scope["requests"] == len(seen)
    assert case.requests in {None, sum(request["path"] == LIST for request in seen)}
    assert case.waits <= scope["waited_seconds"] < case.waits + 2


@pytest.mark.parametrize("case", CASES, ids=str)
def test_who_is_not_read_keeps_its_rows(after: Picture, case: Case) -> None:
    name = case.organization
    assert after.was_read(name) == (case.outcome == "complete")
    if case.outcome != "complete":
        scope, organization = after.ran.scopes[name], after.organizations[name]
        assert scope["removed"] == scope["created"] == scope["updated"] == scope["seen"] == 0
        deferred = case.outcome == "deferred"
        assert organization["status"] == ("complete" if deferred else "stale")


def test_the_neighbors_do_not_notice(after: Picture) -> None:
    for case in CASES:
        neighbor = after.ran.scopes[healthy(case.organization)]
        assert neighbor["outcome"] == "complete"
        assert after.was_read(healthy(case.organization))
        assert (neighbor["retries"], neighbor["waited_seconds"]) == (0, 0)


def test_every_organization_is_accounted_for_once(after: Picture) -> None:
    account = after.ran.account
    assert len(after.ran.scopes) == 2 * len(CASES) == account["organizations"]["total"]
    assert sum(account["outcomes"].values()) == 2 * len(CASES)
    parts = ("complete", "partial", "failed", "deferred")
    assert sum(account["organizations"][part] for part in parts) == 2 * len(CASES)
    assert after.ran.exit_code == 3


def test_no_word_of_a_body_and_no_query_is_repeated(after: Picture) -> None:
    """Faults B15, B16, B18."""
    assert CANARY not in after.ran.stderr
    assert CANARY not in after.stored
    assert CANARY not in str(after.ran.account)


def test_a_redirect_names_the_host_only(after: Picture) -> None:
    """Fault B18."""
    scope = after.ran.scopes["fault-b18-301-elsewhere"]
    assert scope["error"] == "HTTP 301 to https://elsewhere.example"


def test_a_missing_version_is_said_once(after: Picture) -> None:
    """Fault B19."""
    assert len(after.ran.events("version.not_named")) == 1


def test_a_cookie_is_never_sent(after: Picture) -> None:
    """Fault B23."""
    assert after.cookies == []


@pytest.mark.parametrize("name", ["fault-b6-429-for-a-second", "fault-b10-retry-after-0"])
def test_a_server_that_limits_is_left_in_peace(after: Picture, name: str) -> None:
    """Faults B6, B10: the wait is seen by the server too."""
    first, second = [each["at"] for each in after.seen[name] if each["path"] == LIST]
    assert second - first >= (1.0 if "b6" in name else 0.1)
