"""Finds secrets by their looks inside a text, whatever the name it stands under.

Three uses: ``mask_text`` makes an error message storable, ``mask_value`` looks a second time at a
configuration value whose name is safe, ``mask_tokens`` at a name before it is passed on. Host
names, user names and e-mail addresses stay readable: they are what an inventory is for. Every
pattern is linear in the length of the text.
"""

from __future__ import annotations

import re

SET = "(set)"
"""Stands for a value that was there; never tells its length."""
EMPTY = "(empty)"
"""Stands for an empty text under a name whose values are not stored."""
MASKED = "(masked)"
"""Stands for a value that the server had masked already."""

LONGEST_VALUE = 1024
"""Characters; a longer value under a safe name is no host, account or mode and is masked."""
LONGEST_ERROR = 8192
"""Characters of an error text that are looked at; what follows is dropped unseen."""

# What needs no second look: words of at most 16 characters, which nearly all hosts, accounts, users
# and modes are made of; plain links; names of Amazon resources. Nothing that begins like a token.
# Words of small letters are tried first because nearly all are such.
_BEGINNING = r"(?:[spr]k|g[hl]|xox|shp|pat|AI|ya|hv|SG|dapi)"
_SMALL = r"[a-z0-9]{0,15}"
_SMALL_WORDS = rf"{_SMALL}(?:[-_.@]{_SMALL})*+"
_SHORT = rf"(?:[A-Z]{{2,15}}[0-9]{{0,3}}(?![A-Za-z0-9])|[A-Z]?{_SMALL})"
_WORD_LIST = rf"{_SHORT}(?:[-_.@]{_SHORT})*+"
_LINK = (
    r"(?:[a-z][a-z0-9]{0,9}://[a-z0-9]{1,15}(?:[-.][a-z0-9]{1,15})*+(?::[0-9]{1,5})?)?"
    r"(?:/v[0-9]{1,2}|/[a-z]{0,15})*+"
)
_RESOURCE_NAME = r"arn:aws:[a-z0-9]{1,15}:[a-z0-9-]{0,15}:[0-9]{0,12}:[a-z]{1,15}/[A-Za-z]{1,15}"
_is_plain = re.compile(
    rf"(?!{_BEGINNING})(?:{_SMALL_WORDS}|{_WORD_LIST}|{_LINK}|{_RESOURCE_NAME})"
).fullmatch
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}://)([^\s\"'<>`]*)")
_HOSTS = re.compile(r"\[[0-9A-Fa-f:.]+\](?::\d*)?|(?:[\w.-]+(?::\d*)?(?:,(?!$)|$))*")
_USER_AND_PASSWORD = re.compile(r"[^\s/@:\"']{1,256}+:[^\s@]{1,256}+@")
_UUID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
_UUID_LENGTH = 36
_SHORTEST_SECRET = 12
"""Characters; no pattern of a secret matches fewer, unless there are signs between them."""
_SHORTEST_WORD = 16
_SHORTEST_LETTERS = 20
_SHORTEST_MIXTURE = 24
_LONGEST_WORD = 32
"""Characters. Real host names have parts of 12 random ones, cloud tokens begin at 16; any word with
digits in it that is as long as the longest is a hash."""
_FEWEST_TURNS = 3
_RUN = re.compile(r"[A-Za-z0-9_-]{16,}")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{32,}")
_WORD = re.compile(r"[A-Za-z0-9]+")
_SWITCH = re.compile(r"[a-z][A-Z0-9]|[0-9][A-Za-z]|[A-Z][0-9]")
_RELATIVE_QUERY = re.compile(r"\?\S*=.*", re.DOTALL)
_ENCODED_URL = re.compile(r"%40|%3a%2f%2f", re.IGNORECASE)

_PRIVATE_BLOCK = re.compile(r"-----BEGIN.*?(?:-----END[^-]*-----|\Z)", re.DOTALL)
_KNOWN_TOKEN = re.compile(
    r"(?<![\w-])eyJ[\w-]{8,}+(?:\.[\w-]*){1,4}"  # JSON web token
    r"|\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}"  # AWS key id
    r"|\b(?:sk|pk|rk)[-_](?:live|test|ant|proj)?[-_]?[\w-]{8,}"
    r"|\b(?:gh[pousr]_|github_pat_|glpat-|xox[a-z]-|shp[a-z]{2}_|AIza|ya29\.|SG\.|hv[sb]\.|dapi)[\w.-]{8,}"
    r"|\bpat[A-Za-z0-9]{12,}\.[\w]+"
)
_MIXED = re.compile(r"(?<![A-Za-z0-9])(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{8,}")
"""Letters and digits in one part, as in nearly every token; names have words and years."""
_AWS_KEY_ID = re.compile(r"(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,28}")
_OPAQUE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_AUTHORIZATION = re.compile(
    r"\b(bearer\s+|(?:basic|digest|token|apikey)\s+(?=\S*[\d=]|\S*[a-z](?-i:[A-Z])))"
    r"[\w+/=.~-]{6,}",
    re.IGNORECASE,
)
_SCHEMES = ("bearer", "basic", "digest", "token", "apikey")
_STEMS = ("pass", "pwd", "secret", "token", "key", "credential", "sig", "auth")
_STEM = r"(?:pass(?:word|wd|phrase|code)?|pwd|secret|token|key|credentials?|signature|sig|auth)"
_QUOTED_OR_WORD = r"(?:\"[^\"]*\"|'[^']*'|`[^`]*`|[^\s,;&\"')}\]]+)"
_ASSIGNMENT = re.compile(
    rf"((?:{_STEM}|authorization)(?:[\w.-]{{0,40}}+(?:\s(?:provided|is|was|value))?)"
    rf"[\"']?\s{{0,3}}(?:=>|[=:])\s{{0,3}}){_QUOTED_OR_WORD}",
    re.IGNORECASE,
)
_QUOTED_SECRET = re.compile(
    rf"({_STEM}\w{{0,20}}(?:\s\w{{1,20}})?\s)(?:\"[^\"]+\"|'[^']+'|`[^`]+`)", re.IGNORECASE
)


def mask_text(text: str) -> str:
    """The error text with everything in it that looks like a secret replaced.

    Replaced are user info and query of a URL, ``key=value`` and ``key: value`` under a secret's
    name, ``Bearer`` and ``Basic`` credentials, private key blocks, well-known token forms, long
    random strings and UUIDs (a Polytomic key is one, and the rest are request ids that would make
    every check look like a change). Only the first ``LONGEST_ERROR`` characters are read.
    """
    if len(text) > LONGEST_ERROR:  # cut between words: half a secret is not recognized
        text = text[:LONGEST_ERROR].rpartition(" ")[0] or SET
    text = _PRIVATE_BLOCK.sub(SET, text)
    if "://" in text:
        text = _URL.sub(_masked_url, text)
    if "@" in text:
        text = _USER_AND_PASSWORD.sub(f"{SET}@", text)
    if not text.isascii() or _mentions(text, _SCHEMES):
        text = _AUTHORIZATION.sub(rf"\1{SET}", text)
    if _mentions(text, _STEMS):
        text = _ASSIGNMENT.sub(rf"\1{SET}", text)
        text = _QUOTED_SECRET.sub(rf"\1{SET}", text)
    text = _KNOWN_TOKEN.sub(SET, text)
    text = _UUID.sub(SET, text)
    text = _BASE64.sub(_masked_run, text)
    return _RUN.sub(_masked_run, text)


def mask_tokens(text: str) -> str:
    """A name of people's choice with what looks like a token replaced.

    Unlike in an error, words as "key:" and "bearer" make nothing a secret, and UUIDs stay: they are
    in names. So are beginnings of tokens, as of Slovakia's sk-warehouse; a token is no words.
    """
    text = _PRIVATE_BLOCK.sub(SET, text)
    if "://" in text:
        text = _URL.sub(_masked_url, text)
    if "@" in text:
        text = _USER_AND_PASSWORD.sub(f"{SET}@", text)
    text = _KNOWN_TOKEN.sub(lambda found: SET if _MIXED.search(found[0]) else found[0], text)
    text = _BASE64.sub(_masked_run, text)
    return _RUN.sub(_masked_run, text)


def mask_value(value: str, *, may_be_uuid: bool = False) -> str:
    """The value of a safe name: as it is, with its URL cleaned, or a mark if it looks secret.

    A Polytomic key is a UUID, so a bare one is kept only where ``may_be_uuid``: under a name that
    is known to hold ids.
    """
    if len(value) < 16 and value.isalnum() and value.islower():  # noqa: PLR2004 -- as in _is_plain, but faster
        return value
    if len(value) <= LONGEST_VALUE and len(value) != _UUID_LENGTH and _is_plain(value):
        return value
    if mark(value) == MASKED:
        return MASKED
    if len(value) > LONGEST_VALUE or "\n" in value or value[:1] in {"{", "<"}:
        return SET
    if "://" in value:
        value = _URL.sub(_masked_url, value)
    value = _RELATIVE_QUERY.sub("", value)
    if _UUID.fullmatch(value):
        return value if may_be_uuid else SET
    return SET if _holds_secret(value) else value


def mask_id(value: str) -> str:
    """The value of a name that the type's schema lists as an id and not as sensitive.

    Ids may be UUIDs and random, and that of an AWS key is no secret; known tokens, URLs, texts of
    several words and assignments are looked at as ever.
    """
    masked = mask_value(value, may_be_uuid=True)
    if masked == SET and _OPAQUE_ID.fullmatch(value):
        return value if _AWS_KEY_ID.fullmatch(value) or not _KNOWN_TOKEN.search(value) else SET
    return masked


def mark(value: str) -> str:
    """What is stored in place of a value: set, empty, or masked already (polytomic-api 4.5)."""
    if not value:
        return EMPTY
    return MASKED if not value.strip("*") or value == "[REDACTED]" else SET


def looks_random(text: str) -> bool:
    """Whether the text holds a long run of characters that nobody would choose as a name."""
    return any(map(_is_random, _RUN.findall(text))) or any(map(_is_random, _BASE64.findall(text)))


def _holds_secret(value: str) -> bool:
    if not value or (value.isalnum() and len(value) < _SHORTEST_SECRET):
        return False
    return bool(
        _KNOWN_TOKEN.search(value)
        or ("@" in value and _USER_AND_PASSWORD.search(value))
        or (_mentions(value, _STEMS) and _ASSIGNMENT.search(value))
        or _AUTHORIZATION.search(value)
        or _ENCODED_URL.search(value)
        or "-----BEGIN" in value
        or looks_random(value)
    )


def _mentions(text: str, words: tuple[str, ...]) -> bool:
    """Whether a slower pattern, of which each match holds one of these words, can find any."""
    lower = text.lower()
    for word in words:  # noqa: SIM110 -- any() takes twice as long
        if word in lower:
            return True
    return False


def _is_random(run: str) -> bool:
    """Judges by how often letters, capitals and digits take turns; words and numbers rarely do."""
    word = max(_WORD.findall(run), key=len, default="")
    turns = len(_SWITCH.findall(word))  # overlaps are skipped, so about two thirds of all turns
    if word.isalpha():
        if len(word) >= _SHORTEST_LETTERS and turns * 5 >= len(word):
            return True
    elif not word.isdigit() and len(word) >= (
        _SHORTEST_WORD if turns >= _FEWEST_TURNS else _LONGEST_WORD
    ):
        return True
    mixed = not run.islower() and not run.isupper() and any(map(str.isdigit, run))
    return len(run) >= _SHORTEST_MIXTURE and mixed and len(_SWITCH.findall(run)) * 6 >= len(run)


def _masked_run(match: re.Match[str]) -> str:
    run = match.group()
    return SET if _is_random(run) else run


def _masked_url(match: re.Match[str]) -> str:
    """Scheme, hosts, ports and path; a path segment that looks like a token is replaced."""
    scheme, rest = match.groups()
    address = rest.rstrip(".,:;)]}")
    punctuation = rest[len(address) :]
    authority = re.split(r"[/?#;\\]", address, maxsplit=1)[0]
    path = address[len(authority) :]
    hosts = authority.rpartition("@")[2]
    if "@" in path or not _HOSTS.fullmatch(hosts):
        # a password with / ? or # in it, not encoded: no telling where it ends
        return f"{scheme}{SET}{punctuation}"
    segments = re.split(r"[?#;]", path, maxsplit=1)[0].split("/")
    kept = (SET if _UUID.search(part) or _holds_secret(part) else part for part in segments)
    return f"{scheme}{hosts}{'/'.join(kept)}{punctuation}"
