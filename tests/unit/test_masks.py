"""Errors as pages show them: their sentence stays, and whatever is data goes (threat S19)."""

# ruff: noqa: RUF001 -- signs of many languages that look alike are the point here

from __future__ import annotations

import time

import pytest

from aggregator.page import masks, words


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("can't find table 'patients_hiv' in 'finance'", "can't find table (…) in (…)"),
        (
            "couldn't open 'ssn=123' for John's account 'x y z'",
            "couldn't open (…) for John's account (…)",
        ),
        ("the users' table 'a' isn't there", "the users' table (…) isn't there"),
        ("no table 'John's patients' here", "no table (…) here"),
        ("no name 'O''Brien' here", "no name (…)(…) here"),
        (r"no name 'O\'Brien' here", "no name (…) here"),
        ("where name = N'John' and age = b'abc'", "where name = N(…) and age = b(…)"),
        ("l'utilisateur n'existe pas", "l'utilisateur n'existe pas"),
        ("shard B's copy isn't there", "shard B's copy isn't there"),
    ],
)
def test_an_apostrophe_is_no_quote(text: str, shown: str) -> None:
    assert words.error(text) == shown


@pytest.mark.parametrize(
    "quoted",
    [
        "'canary'",
        '"canary"',
        '"it\'s 5 o"clock canary"',
        "`canary`",
        "‘canary’",
        "‘canary’s’",
        "‚canary‘",
        "“canary”",
        "„canary“",
        "„canary”",
        "«canary»",
        "»canary«",
        "‹canary›",
        "›canary‹",
        "「canary」",
        "『canary』",
        "《canary》",
        "＂canary＂",
        "＇canary＇",
        "$$canary$$",
        "$tag$canary $1 $$ x$tag$",
    ],
)
def test_what_is_quoted_in_any_language_is_masked(quoted: str) -> None:
    said = words.error(f"didn't find {quoted} in the users’ table")

    assert "canary" not in said
    assert said.startswith("didn't find (…)")
    assert said.endswith(" in the users’ table")


@pytest.mark.parametrize(
    "opening", ["'", '"', "`", "‘", "‚", "“", "„", "«", "‹", "「", "$$", "$a$"]
)
def test_a_quote_that_was_cut_off_is_masked_to_the_end(opening: str) -> None:
    assert words.error(f"unexpected {opening}secret value of can't") == "unexpected (…)"


HOSTILE = {
    "quotes": "'\"`“„«‹「",
    "closed quotes": "'a' \"b\" ",
    "glued quotes": "a'",
    "quotes before words": "\"'a",
    "one kind of quote": '"',
    "guillemets that close first": "»",
    "dollars": "$",
    "dollars and names": "$a",
    "open dollar quotes": "$a$ ",
    "backslashes": "\\",
    "dots": ".",
    "letters and dots": "a.",
    "one long word": "a",
    "digits": "1",
    "digits and separators": "1 ./-",
    "colons": "a:",
    "hexadecimal colons": ":a",
    "at signs": "a@",
    "percents": "a%40",
    "hyphens": "a-",
    "underscores": "_",
    "slashes": "/",
    "home folders": "/home/",
    "backslashes and names": "a\\b",
    "drives": "C:\\ ",
    "drives and words": "C:\\a b c",
    "addresses of four parts": "1.1.1.1.",
    "rows": ")=(",
    "open rows": ")=((",
    "users": "user ",
    "users and a name": "user a.",
    "assignments": "user=",
    "hosts": "host ",
    "hosts and names": "host name ",
    "passwords": "password ",
    "passwords in a row": "password",
    "passwords that are": "password is ",
    "lookups": "lookup ",
    "failures": "ENOTFOUND ",
    "logins": "login failed for ",
    "links": "a://",
    "plus signs": "+",
    "spaces": "  a",
}


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_no_error_takes_long_to_mask(piece: str) -> None:
    """Each pattern is linear: an error of 100,000 characters is not cut before it is masked."""
    text = (piece * (100_000 // len(piece)))[:99_999]
    started = time.process_time()
    masks.masked(text + "x")
    masks.masked(text + "\x00")
    words.error(text)

    assert time.process_time() - started < 1
