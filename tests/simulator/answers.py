"""What an answer says: envelopes, the four error shapes, versions, pages (polytomic-api 1, 3)."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

VERSIONS = ("2025-09-18", "2024-02-08", "2023-04-25", "2022-12-12", "2021-05-23")
DEFAULT_VERSION = VERSIONS[0]
RESULT_ENVELOPE_VERSION = "2021-05-23"
"""The one version that wraps as ``{"result", "error"}`` instead of ``{"data"}`` (1.7)."""

ErrorShape = Literal["A", "B", "C", "D"]


class Body:
    """The bytes of a body, and the same bytes compressed once somebody wants them so."""

    __slots__ = ("_gzipped", "plain")

    def __init__(self, plain: bytes) -> None:
        self.plain = plain
        self._gzipped: bytes | None = None

    @classmethod
    def of(cls, value: object) -> Body:
        return cls(encode(value))

    @property
    def gzipped(self) -> bytes:
        if self._gzipped is None:
            self._gzipped = gzip.compress(self.plain, compresslevel=1, mtime=0)
        return self._gzipped


@dataclass(slots=True)
class Reply:
    """One answer before it is delivered. A header of None is one that must not be sent."""

    status: int
    body: Body
    headers: dict[str, str | None] = field(default_factory=dict)


class Refused(Exception):  # noqa: N818 - it is an answer, not a defect
    """The request is answered with an error."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}


def encode(value: object) -> bytes:
    """JSON as a Go server writes it; what UTF-8 cannot say (lone surrogates) stays escaped."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def enveloped(value: object, version: str) -> Body:
    if version == RESULT_ENVELOPE_VERSION:
        return Body.of({"result": value, "error": None})
    return Body.of({"data": value})


def error(shape: ErrorShape, status: int, message: str) -> Reply:
    """An error in one of the four shapes that public code knows (1.6)."""
    shapes: dict[ErrorShape, dict[str, Any]] = {
        "A": {"key": _key(status), "message": message, "metadata": {}, "status": status},
        "B": {"code": 0, "context": {}, "error": message, "status": phrase(status)},
        "C": {"error": {"message": message}},
        "D": {"message": message, "status_code": status, "metadata": []},
    }
    return Reply(status, Body.of(shapes[shape]))


def page(records: Sequence[Any], size: int, token: str | None, version: str) -> Body:
    """One page, and where there are more records a token for the next one (3)."""
    start = offset_of(token)
    end = start + size
    if version == RESULT_ENVELOPE_VERSION:
        return enveloped(records[start:end], version)
    answer: dict[str, Any] = {"data": records[start:end]}
    if end < len(records):
        answer["pagination"] = {"next_page_token": token_for(end)}
    return Body.of(answer)


def token_for(offset: int, nonce: int = 0) -> str:
    """An opaque token; two nonces give two tokens for the same place."""
    return base64.urlsafe_b64encode(f"page:{offset}:{nonce}".encode()).decode().rstrip("=")


def offset_of(token: str | None) -> int:
    if not token:
        return 0
    try:
        padded = token + "=" * (-len(token) % 4)
        word, offset, _ = base64.urlsafe_b64decode(padded).decode("ascii").split(":")
        if word == "page":
            return int(offset)
    except ValueError:
        pass
    raise Refused(400, "invalid page token")


def phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _key(status: int) -> str:
    return phrase(status).lower().replace(" ", "_")
