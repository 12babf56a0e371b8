"""The catalogue of faults, threats and traps: each row has a test that names it.

A docstring or id names a row as ``Fault B6``, ``Threats S5 and S6`` or ``trap T4``.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
THIS = Path(__file__).name

ROWS = {
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
    "E1": "name without an address",
    "E2": "addresses that change or are dead",
    "E3": "refused, swallowed, cut connections",
    "E4": "far, lossy and narrow line",
    "E5": "server that trickles",
    "E6": "server that vanishes",
    "E7": "server whose TLS proves nothing",
    "E8": "clock of this machine wrong",
    "E9": "proxies of the surroundings",
    "E10": "interception of TLS",
    "E12": "broken IPv6",
    "F1": "one refused row among a thousand",
    "F2": "numbers out of range",
    "F7": "more parameters than Postgres takes",
    "F8": "two runs at once",
    "F14": "migration killed, repeated, concurrent",
    "F15": "database newer than the program",
    "F16": "encoding and session settings",
    "F17": "missing privilege, read-only server",
    "H1": "SIGTERM at any moment",
    "H2": "SIGTERM as the first process",
    "H3": "second signal",
    "H4": "killed without warning",
    "H5": "memory has a ceiling",
    "H6": "full disk for outputs",
    "H9": "process suspended for minutes",
    "H10": "stall of the event loop",
    "H11": "bug of ours in one organization",
    "H12": "tasks and errors nobody hears",
    "H13": "schedule that overlaps or skips",
    "H14": "rerun after a partial run",
    "H15": "odd surroundings and no rights",
    "I1": "markup in names, in a report",
    "I2": "formulas in names, in an export",
    "I3": "SQL and templates in names",
    "I5": "labels of metrics without end",
    "I6": "the same error 100,000 times",
    "I8": "notifier down or slow",
    "S1": "key in logs, errors, tracebacks",
    "S2": "key in arguments, environment, dumps",
    "S3": "key in the database and its logs",
    "S4": "configuration stored unmasked",
    "S5": "key sent to another host",
    "S6": "answers of one key under another",
    "S7": "server that attacks",
    "S8": "reader sees others' rows",
    "S9": "reader harms the database",
    "S10": "stolen login of the writer",
    "S11": "search path hijacked",
    "S12": "package swapped",
    "S13": "package known to be vulnerable",
    "S14": "secrets in the repository",
    "S15": "container with too many rights",
    "S16": "something listens or is pickled",
    "S17": "we overload the vendor",
    "S18": "ledger edited by an insider",
    "S19": "report shared too widely",
    "T1": "repr of an error shows the header",
    "T2": "two gigabytes in two megabytes",
    "T3": "truncated gzip raises nothing",
    "T4": "timeouts that a trickle outlasts",
    "T5": "timeout that counts the queue",
    "T6": "one cookie jar for all",
    "T7": "HTTP/2 and GOAWAY",
    "T8": "upserts in no order",
    "T9": "MERGE under concurrency",
    "T12": "Postgres repeats values",
    "T13": "errors keep the whole body",
    "T14": "JSON numbers change silently",
    "T15": "views see past row security",
    "T16": "scanners do not know our keys",
    "T17": "audit without data passes",
    "T18": "first process ignores SIGTERM",
}


ROW = "[A-IST][0-9]+"
NAMED = re.compile(rf"\b(?:[Ff]ault|[Tt]hreat|[Tt]rap)s? ((?:{ROW}(?:, | and | to )?)+)")


@functools.cache
def rows_named() -> frozenset[str]:
    """Row numbers in docstrings and ids of all tests but this file."""
    texts = (file.read_text() for file in TESTS.rglob("test_*.py") if file.name != THIS)
    lists = (found for text in texts for found in NAMED.findall(text))
    return frozenset(row for found in lists for row in re.findall(ROW, found))


@pytest.mark.parametrize("row", ROWS)
def test_a_row_of_the_catalogue_has_a_test(row: str) -> None:
    assert row in rows_named(), f"no test names {row}: {ROWS[row]}"


def test_a_row_that_a_test_names_is_in_the_catalogue() -> None:
    assert rows_named() <= ROWS.keys()
