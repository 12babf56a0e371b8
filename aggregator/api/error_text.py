"""What a server says of an error, as it may be told to people and kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from aggregator.model import Response
from aggregator.payload import PayloadError, clean, describe, parse
from aggregator.tripwire import mask_text

LONGEST_MESSAGE = 200
LONGEST_LOOKED_AT = 2_000
"""Characters of a server's words that are searched for addresses; searching takes their square."""


def error_text(response: Response, hide: Callable[[str], str]) -> str:
    """What an error body says, in any of its four shapes (section 1.6), cut; never raises."""
    try:
        error = clean(parse(response.body)[0])[0]
    except PayloadError:
        error = None
    if not isinstance(error, dict):
        return describe(response.body, response.headers.get("content-type", ""))
    nested = error.get("error")
    nested = nested.get("message") if isinstance(nested, dict) else nested
    words = [error.get("key"), error.get("message"), nested]
    text = hide(" ".join(word for word in words if isinstance(word, str)))
    return _cut(mask_text(text), hide) or "no message"


def redirect_target(response: Response, hide: Callable[[str], str]) -> str:
    try:
        target = urlsplit(response.headers.get("location", ""))
        host = target.hostname
    except ValueError:
        return "an unreadable address"
    return _cut(f"{target.scheme}://{host}" if host else "the same host", hide)


def _cut(text: str, hide: Callable[[str], str]) -> str:
    """At most 200 printable characters, without user info and query of addresses in it."""
    text = hide(text)
    if len(text) > LONGEST_LOOKED_AT:
        text = text[:LONGEST_LOOKED_AT].rpartition(" ")[0]  # half a secret is not recognized
    if "://" in text:
        text = re.sub(r"://[^/@\s]*@", "://", text)
        text = re.sub(r"(://[^\s?#]*)[?#]\S*", r"\1", text)
    if not text.isprintable():
        text = "".join(character if character.isprintable() else " " for character in text)
    text = text.strip()
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 1] + "…"
