"""From the bytes of a body to JSON values whose every string and number Postgres can store."""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import Any

import orjson

BYTES_PER_OBJECT = 160
"""Of usual lists: a connection has five objects in 900 bytes."""
DEEPEST_NESTING = 1024
"""What orjson refuses to go beyond; the salvage pass holds to it on every Python."""

_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_ESCAPED_NUL = re.compile(rb"\\u0000")
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class PayloadError(ValueError):
    """The bytes are not JSON; says why in words of ours, and holds nothing of the body."""


class _NumberAsText(str):
    """A number that jsonb or bigint would refuse or change, kept as it was written."""

    __slots__ = ()


def count_values(body: bytes) -> int:
    """At least as many values as the body holds: each begins the body, or follows one of these."""
    return 1 + sum(map(body.count, (b",", b"[", b"{")))


def weight(body: bytes) -> int:
    """Bytes of a usual list that takes as much memory: lists of short records weigh more."""
    return max(len(body), BYTES_PER_OBJECT * body.count(b"{"))


def parse(body: bytes) -> tuple[Any, bool]:
    """The value of a body, and whether parts of it are still to be passed through ``clean``.

    Almost every body is read by orjson alone. What orjson refuses (bad UTF-8, lone surrogates,
    NaN, control characters, another encoding) or would change without a word (integers of more
    than 64 bits) is read again by the patient parser of the standard library.
    """
    has_big_integers = b"0" * 19 in body.translate(_ZEROS)
    if not has_big_integers:
        try:
            # Looking for a single byte first is much faster, and many bodies do not have it.
            return orjson.loads(body), b"\\" in body and _ESCAPED_NUL.search(body) is not None
        except orjson.JSONDecodeError:
            pass  # the patient parser decides
    return _parse_patiently(body), True


def clean(value: Any) -> tuple[Any, bool]:  # noqa: ANN401 - any JSON value
    """The value with NUL and lone surrogates replaced by U+FFFD, and whether it holds any U+FFFD
    or number kept as text. Changes lists and dicts of ``value`` in place.

    Raises PayloadError where it is nested deeper than 1,024 levels; is iterative for that reason.
    """
    root = [value]
    touched = False
    pending: list[tuple[list[Any] | dict[str, Any], int]] = [(root, 0)]
    while pending:
        container, depth = pending.pop()
        if depth > DEEPEST_NESTING:
            raise PayloadError("nested too deep")
        if isinstance(container, dict):
            entries = list(container.items())
            container.clear()
            for key, item in entries:
                clean_key, key_touched = _clean_text(key)
                container[clean_key] = item
                touched |= key_touched
        for key, item in list(_items(container)):
            if isinstance(item, str):
                container[key], item_touched = _clean_text(item)
                touched |= item_touched
            elif isinstance(item, list | dict):
                pending.append((item, depth + 1))
    return root[0], touched


def describe(body: bytes, content_type: str) -> str:
    """A body in a log: its type, size and digest, and nothing of its text (fault B15)."""
    kind = re.sub(r"[^a-z0-9/+.-]", "", content_type.partition(";")[0].lower())[:40]
    digest = hashlib.sha256(body).hexdigest()[:12]
    return f"{kind or 'untyped'}, {len(body)} bytes, sha256 {digest}"


def _parse_patiently(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(
            body.decode(json.detect_encoding(body), "replace"),
            strict=False,
            parse_constant=_NumberAsText,
            parse_int=_integer,
            parse_float=_float,
        )
    except RecursionError:
        problem = "nested too deep"
    except ValueError:
        problem = "not JSON"
    # Raised outside of the handler: a JSONDecodeError keeps the whole body (trap T13), and it
    # would travel along as the context of ours.
    raise PayloadError(problem)


def _integer(text: str) -> int | str:
    if len(text) <= 20 and -(2**63) <= (number := int(text)) < 2**63:  # noqa: PLR2004 - a sign and 19 digits
        return number
    return _NumberAsText(text)


def _float(text: str) -> float | str:
    return number if math.isfinite(number := float(text)) else _NumberAsText(text)


def _clean_text(text: str) -> tuple[str, bool]:
    if isinstance(text, _NumberAsText):
        return str(text), True
    cleaned = _NOT_STORABLE.sub(_REPLACEMENT, text)
    return cleaned, _REPLACEMENT in cleaned


def _items(container: list[Any] | dict[str, Any]) -> Any:  # noqa: ANN401 - pairs of either kind
    return container.items() if isinstance(container, dict) else enumerate(container)
