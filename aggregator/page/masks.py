"""What an error must not tell on a page, each by a pattern of its own.

A sentence has to stay one: where data look like any word, they are known by the words before them.
Each pattern is linear: it begins where a run of signs begins, and does not begin again within it.
"""

# ruff: noqa: RUF001 -- signs of many languages that look alike are the point here

from __future__ import annotations

import re

HIDDEN = "(…)"


def _pair(opening: str, closing: str) -> str:
    """A quote up to a sign that closes it, for which no letter may follow: ``"John's"`` is whole.

    One that never closes, since the text was cut, reaches to the end.
    """
    return rf"{opening}(?:\\.|[^{closing}\\]|[{closing}](?=\w))*+[{closing}]?"


def _pattern(*ways: str) -> re.Pattern[str]:
    return re.compile("|".join(ways), re.IGNORECASE | re.DOTALL)


# An apostrophe opens only where no letter is before it, but for literals as N'…' of SQL.
_QUOTED = _pattern(
    _pair(r"(?:(?<!\w)'|(?<=\b(?-i:[BENXbux]))'(?!s\b|\s))", "'"),
    _pair('"', '"'),
    _pair("`", "`"),
    _pair("[‘‚‛]", "’‘"),
    _pair("[“„‟]", "”“"),
    _pair("«", "»"),
    _pair("‹", "›"),
    _pair("[「『《〈]", "」』》〉"),
    "»[^«»]*+«",
    "›[^‹›]*+‹",
    r"\$(?P<tag>\w*+)\$(?:.*?\$(?P=tag)\$|.*)",
)

# Values of a row as Postgres tells them: Key (name)=(John Doe).
_ROW = _pattern(r"(\)=|\brow contains )\((?:[^()]++|\([^()]*+\)?)*+\)?")

# Also as JSON and HTML write the slashes.
_LINK = _pattern(r"[a-z][a-z0-9+.-]{0,30}:(?:/|\\/|%2f|&#x2f;){2}[^\s<>]*")

# Amazon's names, which end in people's and in accounts.
_RESOURCE = _pattern(r"\barn:[^\s<>]+")

# Windows' own and shared ones, whose parts may have spaces, and those within people's homes.
_PATH = _pattern(
    r"(?:\b[a-z]:[\\/]|\\\\)(?:[^\s<>]|\s(?=(?:[^\s\\]{1,40}\s){0,2}[^\s\\]{1,40}\\))*(?<![.,:;)])",
    r"(?:/(?-i:home|Users)/|(?<![\w/])~\w[\w.-]*+/)"
    r"(?:[^\s<>]|\s(?=[^\s/]{1,40}/))*(?<![.,:;)])",
)

_ADDRESS = _pattern(r"(?<![\w.+%-])[\w.+%-]++@[\w.-]+")

# What is left of an address, or written so that machines do not see one; MySQL's user@tcp(host).
_HANDLE = _pattern(
    r"(?<![\w.+%-])[\w.+%-]++@",
    r"@[\w.-]+(?:\([\w.:-]*\))?",
    r"(?<![\w.+-])[\w.+-]++(?:%40|\s?[\[(]at[\])]\s?)[\w.-]+",
)

# CORP\jdoe, but not a letter that JSON wrote as a number.
_ACCOUNT = _pattern(r"(?<![\w.-])[\w.-]++(?:\\(?!u[0-9a-f]{4})[\w.$-]{2,}+)+")

# Secrets, in the languages of those who write errors: whatever follows ":" and "=", and what is no
# word: letters and digits, or a sign.
_NAME_OF_ONE = (
    r"((?:passw(?:ord|ort|d)|passphrase|pwd|kennwort|secret|token|api[ _-]?key|\bpin|mot de passe"
    r"|contrase[nñ]a|clave|senha|wachtwoord|пароль|密码|パスワード)s?"
)
_SECRET = _pattern(
    rf"{_NAME_OF_ONE}\s?[:=]\s?)(?!\()[^\s,;&]+",
    rf"{_NAME_OF_ONE}\s(?:(?:is|was|value)\s)?)"
    r"(?=[^\s,;()]*(?:[^\W\d_]\d|\d[^\W\d_]|\d{4}|[!#$%*^~]|(?-i:[a-z][A-Z])))[^\s,;()]+",
)

_HOST = _pattern(
    # words with dots between them, of any alphabet
    r"(?<![\w.-])(?=[\w.-]*?[\w-]\.[^\W\d_][\w-])[\w.-]*[\w-](?::\d+)?",
    r"(?<!\d)(?:ip-)?\d{1,3}(?:\.\d{1,3}|-\d{1,3}){3}(?!\d)(?::\d+|/\d{1,2})?",
    # IPv6, which is no time of day
    r"(?<![\w:])(?!\d?\d:\d\d:\d\d(?![\w:]))(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?:%[\w.-]+)?(?![\w:])",
    # one word and a port, but no other number that is told so
    r"(?<![\w.-])(?!(?:code|errno|error|exit|line|col|column|row|port|status|sqlstate|timeout|limit"
    r"|max|min|size|count|offset|position|pid|took|after|at|year|gmt|utc)(?:-?\d+)?:)"
    r"[^\W\d_](?:[^\W\d_]*+[\d_-][\w-]*+:\d{2,5}|[^\W\d_]*+:\d{4,5})(?!\d)",
)

# Words that follow "host" or "user" and are none.
_ORDINARY = (
    r"(?!(?:an?|the|th(?:is|at|ese|ose)|its?|our|your|their|all|any|each|some|other|only|an?other"
    r"|isn?|aren?|wasn?|weren?|hasn?|haven?|had|doesn?|do|didn?|can|cannot|couldn?|may|might|must"
    r"|should|will|would|won|needs?|be|been|not?|none|and|or|but|if|as|at|by|for|from|in|into|of|on"
    r"|off|to|with|without|within|while|when|where|which|who|because|since|until|after|before|again"
    r"|during|via|per|failed|fails|failure|errors?|timed|timeout|closed|refused|denied|rejected"
    r"|reset|unreachable|unavailable|unknown|unexpectedly|down|up|lost|gone|found|missing|invalid"
    r"|expired|exceeded|exists?|already|now|here|there|users?|roles?|accounts?|hosts?|hostname"
    r"|servers?|database|names?|keys?|ids?|logins?|based|request|session|resolution|lookup"
    r"|verification|validation|mismatch|provided|given|specified|configured)(?![\w-]))"
)
_WORD = r"\w(?:[\w.@:$-]*[\w$])?"

# Known by what is before them.
_NAMED = _pattern(
    r"(\b(?:host(?:name)?|server|user(?:name)?|role|account|login)\s?[:=]\s?"
    r"|\b(?:for|as|by|of|to|unknown|invalid|no such)\s(?:user|role|account|login)\s"
    r"|\b(?:login|log-?on|sign-?in|authentication)\s(?:has\s)?(?:failed|failure|denied)\sfor\s"
    r"|\b(?:to|on|at|from|for|of|with|unknown|resolve|reach|find|contact|mysql\sserver)\shost\s"
    r"|\bhost\s?name\s|\blookup\s(?:of\s|for\s)?|\bconnect(?:ing|ion)?\sto\s"
    r"|\bE(?:NOTFOUND|AI_AGAIN|CONNREFUSED|CONNRESET|TIMEDOUT|HOSTUNREACH|NETUNREACH)\s"
    rf"){_ORDINARY}{_WORD}",
)
# Known by a digit, a hyphen or an underscore in them as well.
_NUMBERED = _pattern(
    r"(\b(?:host|server|node|machine|instance|user|role|account|login|project|bucket|warehouse)\s"
    r"|\b(?:reach|resolve|contact|unreachable)\s(?!\w*_))"
    rf"(?!(?:read|self|non|well|end|time|multi|single|client)-)(?=\w*(?:[\d_-]|\.\w))[^\W\d_]{_WORD}",
)
# Known by what is said of them: role jdoe does not exist.
_SUBJECT = _pattern(
    rf"(\b(?:user|role|account|login)\s){_ORDINARY}{_WORD}"
    r"(?=\s(?:does|is|isn|has|hasn|was|lacks|cannot|can|could|may|must|needs|not|already|locked)\b)",
)
# Known by a key of a connection's description; values may have spaces up to a semicolon.
_SETTING = _pattern(
    r"(\b(?:uid|usr|user(?:\s?id|_id|name)?|login|role|account|host(?:name)?|server|data source"
    r"|addr(?:ess)?|database|db(?:name)?|(?:initial )?catalog|schema|service_?name|sid|tenant"
    r"|project|bucket|warehouse)=)(?!\()(?:[^\s;,&()<>]++(?:\s[\w.-]+){1,3}(?=;)|[^\s;,&()<>]++)"
)

_NUMBER = _pattern(r"\+?\d(?:[ ()./\u2010-\u2015-]{0,2}\d){6,}")

# In this order: what is quoted first, for no other pattern may eat the sign that closes it.
_MASKS = (
    (_QUOTED, HIDDEN),
    (_ROW, rf"\1{HIDDEN}"),
    (_LINK, "(link)"),
    (_RESOURCE, HIDDEN),
    (_PATH, "(path)"),
    (_ADDRESS, "(address)"),
    (_HANDLE, "(address)"),
    (_ACCOUNT, HIDDEN),
    (_SETTING, rf"\1{HIDDEN}"),
    (_SECRET, rf"\1\2{HIDDEN}"),
    (_HOST, "(host)"),
    (_NAMED, rf"\1{HIDDEN}"),
    (_NUMBERED, rf"\1{HIDDEN}"),
    (_SUBJECT, rf"\1{HIDDEN}"),
    (_NUMBER, "(number)"),
)

_SAME = {
    **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)},  # full-width forms of ASCII
    ord("․"): ".",
    **dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff")),  # of no width: dropped
}
_WIDE_DOT = re.compile(r"(?<=[A-Za-z0-9])[。｡](?=[A-Za-z0-9])")


def plain(text: str) -> str:
    """The text in those signs that the patterns know, where others look or mean the same."""
    return _WIDE_DOT.sub(".", text.translate(_SAME))


def masked(line: str) -> str:
    """The plain line with a mark in place of each piece of data."""
    for pattern, mark in _MASKS:
        line = pattern.sub(mark, line)
    return line


def without_people(line: str) -> str:
    """The line without addresses of people, and otherwise as it is."""
    return _ADDRESS.sub("(address)", line)
