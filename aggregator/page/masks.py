"""What an error must not tell on a page, each by a pattern of its own; all are linear."""

# ruff: noqa: RUF001 -- signs of many languages that look alike are the point here

from __future__ import annotations

import re

HIDDEN = "(…)"

_TYPOGRAPHIC = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
"""Full-width forms mean the same as their ASCII ones, so one pattern finds both."""


def _pair(opening: str, closing: str) -> str:
    """A quote up to a sign that closes it, for which no letter may follow: ``"John's"`` is whole.

    One that never closes, since the text was cut, reaches to the end.
    """
    return rf"{opening}(?:\\.|[^{closing}\\]|[{closing}](?=\w))*+[{closing}]?"


_LINK = re.compile(r"[a-z][a-z0-9+.-]{0,30}:/{2}[^\s\"'<>]*", re.IGNORECASE)
_ADDRESS = re.compile(r"(?<![\w.+%-])[\w.+%-]++@[\w.-]+")
# An apostrophe opens only where no letter is before it, but for literals as N'…' of SQL.
_QUOTED = re.compile(
    "|".join(
        (
            _pair(r"(?:(?<!\w)'|(?<=\b[BENXbux])'(?!s\b|\s))", "'"),
            _pair('"', '"'),
            _pair("`", "`"),
            _pair("[‘‚‛]", "’‘"),
            _pair("[“„‟]", "”“"),
            _pair("«", "»"),
            _pair("‹", "›"),
            _pair("[「『《〈]", "」』》〉"),
            "»[^«»]*+«",
            "›[^‹›]*+‹",
            r"\$(\w*+)\$(?:.*?\$\1\$|.*)",
        )
    ),
    re.DOTALL,
)
# Words with dots between them; looked for once in each run of such signs, so it stays linear.
_HOST = re.compile(
    r"(?<![\w.-])(?=[\w.-]*?[\w-]\.[^\W\d_][\w-])[\w.-]*[\w-](?::\d+)?"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}\b(?::\d+)?"
    r"|(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"\b((?:host(?:name)?|server|user(?:name)?|role|account|login) ?[:=] ?"
    r"|(?:for|as|by) (?:user|role|account|login) |lookup |connect(?:ing|ion)? to )(?!\()[\w.@:-]+",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\+?\d(?:[ ().-]{0,2}\d){6,}")

# In this order: what is quoted first, for no other pattern may eat the sign that closes it.
_MASKS = (
    (_QUOTED, HIDDEN),
    (_LINK, "(link)"),
    (_ADDRESS, "(address)"),
    (_HOST, "(host)"),
    (_NAMED, rf"\1{HIDDEN}"),
    (_NUMBER, "(number)"),
)


def masked(line: str) -> str:
    """The line with a mark in place of each piece of data."""
    line = line.translate(_TYPOGRAPHIC)
    for pattern, mark in _MASKS:
        line = pattern.sub(mark, line)
    return line


def without_people(line: str) -> str:
    """The line without addresses of people, and otherwise as it is."""
    return _ADDRESS.sub("(address)", line)
