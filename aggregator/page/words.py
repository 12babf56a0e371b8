"""Texts, numbers and times as a page says them: short, harmless and telling nobody's secrets."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime

from aggregator.page import masks
from aggregator.tripwire import SET, mask_text, mask_tokens

NOTHING = "\N{EN DASH}"
LONGEST_NAME = 80
LONGEST_ERROR = 140
_SEEN_OF_NAME = 1_000
"""Characters: what is shown, and enough to see that a token begins in it."""

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co"})
_JOINERS = "\u200c\u200d"
"""Invisible, but a part of how some languages and emoji are written."""
_MARKS = frozenset({"Mn", "Me"})
_MOST_MARKS = 3
"""Over one letter, as languages have them; more would be drawn over the rows above and below."""

STATES = {
    "complete": "good",
    "partial": "warn",
    "stale": "warn",
    "failed": "bad",
    "never": "unknown",
    "no_key": "unknown",
    "disabled": "unknown",
    "running": "unknown",
    "cancelled": "warn",
    "abandoned": "bad",
}
"""How a word of ours stands, for its color and shape; the word itself is always shown."""

_SPACE = re.compile("[\\s\u115f\u1160\u2800\u3164\uffa0]+")
"""Also fillers: letters by their category, of which nothing is drawn."""
_SIZES = ((86_400, "d"), (3_600, "h"), (60, "min"))


def name(text: object) -> str:
    """A name of outside on one line, cut, without addresses and tokens; a missing one is a dash."""
    shown = _plain(text) if text is not None else ""
    seen = masks.plain(shown[:_SEEN_OF_NAME])
    told = masks.without_people(mask_tokens(seen))
    return _cut(shown if told == seen else told, LONGEST_NAME) or NOTHING


def term(text: object) -> str:
    """A word of ours or of the API, as people write it: ``bulk_syncs`` is ``bulk syncs``."""
    return name(text).replace("_", " ")


def error(text: object) -> str:
    """What went wrong, without data: what is quoted, people, hosts, links and secrets are masked.

    Meant to be passed on by mail, so rather too much is masked than too little (threat S19).
    """
    if text is None:
        return ""
    # Marks of an earlier masking would look like values under a secret's name.
    said = mask_text(masks.plain(str(text)).replace(SET, "…"))
    return _cut(masks.masked(_plain(said)), LONGEST_ERROR)


def state(word: str) -> str:
    """``good``, ``warn``, ``bad`` or ``unknown``."""
    return STATES.get(word, "unknown")


def number(value: int) -> str:
    return f"{value:,}"


def percent(part: int, whole: int) -> str:
    """Never 0% or 100% of what is not: one of ten thousand counts."""
    if not whole:
        return NOTHING
    share = 100 * part / whole
    if 0 < share < 1:
        return "<1%"
    return ">99%" if 99 < share < 100 else f"{share:.0f}%"  # noqa: PLR2004 (percent)


def instant(moment: datetime) -> str:
    """In UTC, as HTML reads it: ``2026-11-23 23:44Z``."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%MZ}"


def age(moment: datetime, as_of: datetime) -> str:
    """Two digits and a unit; whole ones, rounded down. What is to come is 0 s old."""
    return duration((as_of - moment).total_seconds())


def duration(seconds: float) -> str:
    for size, unit in _SIZES:
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _plain(text: object) -> str:
    """One line; what is invisible or turns the writing around is replaced."""
    line = _SPACE.sub(" ", str(text)).strip()
    if line.isascii() and line.isprintable():
        return line
    return "".join(_drawn(line)).strip(f" {_JOINERS}")


def _drawn(line: str) -> Iterator[str]:
    marks = 0
    for sign in line:
        category = unicodedata.category(sign)
        if sign in _JOINERS:  # marks before and after one are drawn over the same letter
            yield sign
            continue
        marks = marks + 1 if category in _MARKS else 0
        if marks <= _MOST_MARKS:
            yield "\N{REPLACEMENT CHARACTER}" if category in _INVISIBLE else sign


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
