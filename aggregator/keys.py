"""What may be sent as a key: printable ASCII in one word, once its wrapping is off."""

from __future__ import annotations

import re
from dataclasses import dataclass

from aggregator.model import Secret

MAX_KEY_CHARACTERS = 4096
_WRAPPING = " \t\r\n\v\f\ufeff"


@dataclass(frozen=True, slots=True)
class CheckedKey:
    """A key that may be sent, or why it may not: exactly one of ``secret`` and ``problem``."""

    secret: Secret | None = None
    problem: str = ""
    """Names the position in the text as it was given, counted from 1, and never the value."""
    trimmed: bool = False


def check_key(given: Secret) -> CheckedKey:
    """The key without surrounding white space, byte order mark and quotes, if it is one word.

    Anything but printable ASCII inside it is refused: it would be sent otherwise than it looks.
    """
    text = given.reveal()
    if len(text) > MAX_KEY_CHARACTERS:
        return CheckedKey(problem=f"the key is longer than {MAX_KEY_CHARACTERS} characters")
    key, start = _unwrapped(text)
    if not key:
        return CheckedKey(problem="the key is blank")
    if odd := re.search(r"[^!-~]", key):
        position = start + odd.start() + 1
        return CheckedKey(problem=f"character {position} of the key is {_kind(odd.group())}")
    return CheckedKey(secret=Secret(key), trimmed=key != text)


def _unwrapped(text: str) -> tuple[str, int]:
    """The text inside white space, marks and matching quotes, and where in ``text`` it starts."""
    start, end = 0, len(text)
    while start < end:
        if text[start] in _WRAPPING:
            start += 1
        elif text[end - 1] in _WRAPPING:
            end -= 1
        elif end - start > 1 and text[start] == text[end - 1] and text[start] in "\"'":
            start, end = start + 1, end - 1
        else:
            break
    return text[start:end], start


def _kind(character: str) -> str:
    if character.isspace():
        return "white space"
    if character.isascii():
        return "a control character"
    return "not ASCII" if character.isprintable() else "invisible"
