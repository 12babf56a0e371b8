"""The forms in which a secret leaks, and the search for them; pure."""

from __future__ import annotations

import base64
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from urllib.parse import quote_from_bytes

SHORTEST_NEEDLE = 12
"""Characters; a shorter one is found by chance."""

_BASE64_ALIGNMENTS = 3
"""What comes before a secret shifts it by 0, 1 or 2 bytes against the groups of base64."""


def _base64(encode: Callable[[bytes], bytes], secret: str) -> list[str]:
    """The characters that depend on the secret alone, for each alignment."""
    needles = []
    for before in range(_BASE64_ALIGNMENTS):
        encoded = encode(b"\0" * before + secret.encode()).decode().rstrip("=")
        first = (before * 8 + 5) // 6
        whole = (before + len(secret.encode())) * 8 // 6
        needles.append(encoded[first:whole])
    return needles


def _percent(secret: str) -> list[str]:
    """Every character, and as a browser does it."""
    everything = "".join(f"%{byte:02x}" for byte in secret.encode())
    return [everything, quote_from_bytes(secret.encode(), safe="")]


ENCODINGS: Mapping[str, Callable[[str], list[str]]] = {
    "plain": lambda secret: [secret],
    "without punctuation": lambda secret: [re.sub(r"[^A-Za-z0-9]", "", secret)],
    "percent": _percent,
    "base64": partial(_base64, base64.b64encode),
    "base64url": partial(_base64, base64.urlsafe_b64encode),
    "hex": lambda secret: [secret.encode().hex()],
    "JSON escapes": lambda secret: ["".join(f"\\u{ord(character):04x}" for character in secret)],
    "reversed": lambda secret: [secret[::-1]],
}


class Scanner:
    """Looks for secrets in all encodings, whatever the case of the letters."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._needles: defaultdict[str, list[str]] = defaultdict(list)
        for secret in secrets:
            for encoding, encode in ENCODINGS.items():
                for needle in encode(secret):
                    if len(needle) >= SHORTEST_NEEDLE:
                        self._needles[needle.lower()].append(encoding)

    def hits(self, text: str) -> list[str]:
        """The encodings of what was found, one for each needle; never the secret itself."""
        lower = text.lower()
        found = (encodings for needle, encodings in self._needles.items() if needle in lower)
        return sorted(encoding for encodings in found for encoding in encodings)
