"""Every fault in scope has a test that names it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent

IN_SCOPE = {
    "A1": "same key listed twice",
    "A2": "two keys, one organization",
    "A3": "padding and control characters in keys",
    "A4": "keys that are not ASCII",
    "A5": "empty key is never sent",
    "A6": "partner key for an organization's",
    "A7": "keys of two organizations swapped",
    "A8": "broken key file, zero keys",
    "A9": "key removed from the configuration",
    "A10": "endless key files and lines",
    "A11": "key file that all may read",
    "A12": "key on the command line",
    "A13": "base URL that leaks keys",
    "A14": "contradictory or absurd settings",
    "B1": "401 in all error shapes",
    "B2": "401 that works on confirmation",
    "B3": "many keys refused at once",
    "B4": "403 on the list",
    "B5": "404 on the list",
    "B6": "429 with Retry-After in seconds",
    "B7": "429 without Retry-After",
    "B8": "Retry-After as a date",
    "B9": "Retry-After that says nothing",
    "B10": "storm of Retry-After zero",
    "B11": "429 for the whole address",
    "B12": "5xx of one organization",
    "B13": "total outage of the host",
    "B14": "host that comes and goes",
    "B15": "200 with a HTML page",
    "B16": "200 with an error body",
    "B18": "redirects are not followed",
    "B19": "version missing or another one",
    "B21": "huge and endless headers",
    "B23": "cookies are never sent back",
    "B24": "connections closed at random",
    "B25": "HTTP/2 GOAWAY and stream reset",
    "B26": "pagination where there was none",
    "B27": "host ten times slower",
    "C1": "truncated body",
    "C2": "truncated or corrupt gzip",
    "C3": "zip bomb and odd encodings",
    "C4": "honest body that is too large",
    "C5": "data that is null",
    "C6": "JSON that is no list",
    "C8": "bytes that are not UTF-8",
    "C9": "lone surrogate in one name",
    "C10": "NUL in names and configurations",
    "C11": "control and bidi characters",
    "C13": "numbers beyond 64 bits",
    "C14": "duplicate keys of an object",
    "C15": "nesting without an end",
    "C17": "values too large to store",
    "C18": "timestamps of every kind",
    "C19": "wrong types of known fields",
    "C20": "unknown fields, statuses and types",
    "C21": "missing, empty and odd ids",
    "D1": "empty list where rows were",
    "D2": "honest mass deletion",
    "D3": "list shortened by lesser rights",
    "D4": "row missed by one walk",
    "D5": "connection back after its removal",
    "D6": "duplicate ids in one answer",
    "D7": "one id in two organizations",
    "D8": "connection moved between organizations",
    "D9": "row of another organization",
    "D12": "parent dangling or in circles",
    "D13": "readings that change every run",
    "D14": "upstream clock going backward",
    "D15": "older run finishes after newer",
    "D16": "new field with a secret",
    "F1": "one refused row among a thousand",
    "F2": "numbers out of range",
    "F3": "deadlock and serialization failure",
    "F4": "unique violation by accident",
    "F5": "locks that somebody else holds",
    "F7": "more parameters than Postgres takes",
    "F8": "two runs at once",
    "F9": "two runs, the lock defeated",
    "F10": "worker frozen past its lease",
    "F11": "pooler in transaction mode",
    "F12": "long query during the run",
    "F13": "somebody's view in a migration's way",
    "F14": "migration killed, repeated, concurrent",
    "F15": "database newer than the program",
    "F16": "encoding and session settings",
    "F17": "missing privilege, read-only server",
    "F18": "numbers that run out, bloat",
    "G1": "database restarted",
    "G2": "commit whose end is not seen",
    "G3": "failover, read-only for a while",
    "G4": "database's disk full",
    "G5": "no connection left",
    "G7": "database that never answers",
    "G8": "slow database",
    "G9": "network parted from the database",
    "G10": "Postgres behind a wrong certificate",
    "H1": "SIGTERM at any moment",
    "H2": "SIGTERM as the first process",
    "H3": "second signal",
    "H4": "killed without warning",
    "H9": "process or machine suspended",
    "H11": "bug of ours in one organization",
    "H12": "what libraries say of an outage",
}


def rows_named() -> set[str]:
    """Row numbers after the word Fault, in docstrings and ids of all tests but this file."""
    named: set[str] = set()
    for file in TESTS.rglob("test_*.py"):
        if file.name != Path(__file__).name:
            for numbers in re.findall(
                r"\bFaults? ((?:[A-I][0-9]+(?:, | and | to )?)+)", file.read_text()
            ):
                named.update(re.findall(r"[A-I][0-9]+", numbers))
    return named


@pytest.mark.parametrize("row", IN_SCOPE)
def test_a_fault_in_scope_has_a_test(row: str) -> None:
    assert row in rows_named(), f"no test names Fault {row}: {IN_SCOPE[row]}"
