"""Everything that an error could show to whoever prints, logs or reports it."""

from __future__ import annotations

import base64
import hashlib
import re
import traceback
from pathlib import Path


def everything_in(error: BaseException) -> str:
    """Text, representation, arguments, attributes and frames with locals, along the whole chain."""
    chain: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop()
        if one is not None and one not in chain:
            chain.append(one)
            todo += [one.__cause__, one.__context__]
    texts = []
    for one in chain:
        texts += [str(one), repr(one), repr(one.args), repr(vars(one))]
        texts += [
            repr(frame.f_locals)
            for frame, _ in traceback.walk_tb(one.__traceback__)
            if "tests" not in Path(frame.f_code.co_filename).parts
        ]
    return "\n".join(texts)


def forms(secret: str) -> set[str]:
    """The secret as it may stand in a text: plain, encoded, escaped, reversed, hashed.

    Base64 has three forms, by where in the encoded text the secret begins.
    """
    raw = secret.encode()
    shifted = {base64.b64encode(bytes(shift) + raw)[4:-4].decode() for shift in range(1, 4)}
    return {
        secret,
        secret[::-1],
        secret.replace("-", ""),
        raw.hex(),
        "".join(f"%{byte:02x}" for byte in raw),
        "".join(f"\\u{byte:04x}" for byte in raw),
        base64.b64encode(raw)[:-4].decode(),
        *shifted,
        *(hashlib.new(name, raw).hexdigest() for name in ("md5", "sha1", "sha256")),
    }


_NEAR_A_NAME = re.compile(
    r"(?:bearer|api_?-?keys?|token).{0,40}?([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})"
    r"|([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}).{0,20}(?:bearer|api_?-?keys?|token)",
    re.IGNORECASE,
)
_FAKE = re.compile(r"(?:face|feed|beef)0000-|(.)\1{7}-|0{8}|12345678-1234-", re.IGNORECASE)


def looks_like_keys(text: str) -> list[str]:
    """UUIDs beside a word for a key, but for our obvious fakes (trap T16)."""
    found = (first or second for first, second in _NEAR_A_NAME.findall(text))
    return [each for each in found if not _FAKE.match(each)]
