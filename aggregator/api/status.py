"""Whether a response is an answer: its status, and the version and name that it gives."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus

from aggregator.api.error_text import error_text, redirect_target
from aggregator.api.requests import VERSION_HEADER
from aggregator.api.retry_after import retry_after_seconds
from aggregator.errors import RetryableError, ScopeError
from aggregator.model import Outcome, Response

_VERSION_HEADER_RECEIVED = VERSION_HEADER.lower()

_FINAL_OUTCOMES: dict[int, Outcome] = {
    HTTPStatus.UNAUTHORIZED: Outcome.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN: Outcome.FORBIDDEN,
    HTTPStatus.NOT_FOUND: Outcome.NOT_FOUND,
    HTTPStatus.GONE: Outcome.NOT_FOUND,
}
_SAYING = {HTTPStatus.OK, HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
"""What an answer of another version may not say: not what is there, and not that it is not."""
_VERSION = re.compile(r"[0-9a-z.-]{1,20}", re.IGNORECASE)
_REQUEST_ID = re.compile(r"[0-9A-Za-z_.:=/+*-]{1,128}")
"""One word: what else a server puts there may be anybody's secret, and the name is kept."""


def check(
    response: Response,
    *,
    asked_version: str,
    hide: Callable[[str], str] = str,
    good: int = HTTPStatus.OK,
) -> None:
    """Passes an answer of the ``good`` status and of the version asked for; raises for all others.

    ``hide`` takes out of a text what the server might echo of the key.

    401, 403 and 404 have outcomes of their own; a redirect is never followed (faults B18, S5).
    408, 429 and 5xx raise RetryableError, all else ScopeError. A missing version header passes
    (fault B19): see ``served_version``.
    """
    status = response.status
    served = served_version(response)
    if status in _SAYING and served not in (None, asked_version):
        raise ScopeError(
            Outcome.VERSION_MISMATCH,
            f"asked for API version {asked_version}, got {_version(str(served))}",
            http_status=status,
        )
    if status == good:
        return
    if 200 <= status < 300:  # noqa: PLR2004 - no other success is an answer to a request of ours
        raise ScopeError(Outcome.BAD_PAYLOAD, f"unexpected HTTP {status}", http_status=status)
    if 300 <= status < 400:  # noqa: PLR2004 - the redirects
        raise ScopeError(
            Outcome.REDIRECTED,
            f"HTTP {status} to {redirect_target(response, hide)}",
            http_status=status,
        )
    message = f"HTTP {status}: {error_text(response, hide)}"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise RetryableError(
            Outcome.RATE_LIMITED,
            message,
            http_status=status,
            retry_after_seconds=retry_after_seconds(response.headers),
        )
    if status >= 500 or status == HTTPStatus.REQUEST_TIMEOUT:  # noqa: PLR2004 - the 5xx
        raise RetryableError(
            Outcome.UPSTREAM_ERROR,
            message,
            http_status=status,
            retry_after_seconds=retry_after_seconds(response.headers),
        )
    outcome = _FINAL_OUTCOMES.get(status, Outcome.UPSTREAM_ERROR)
    error = ScopeError(outcome, message, http_status=status)
    error.is_page = "html" in response.headers.get("content-type", "")
    raise error


def _version(served: str) -> str:
    """What looks like a version; the header may hold anything, another caller's key too."""
    return served if _VERSION.fullmatch(served) else "something else"


def served_version(response: Response) -> str | None:
    """The API version that answered; None where the answer does not say (section 1.7)."""
    return response.headers.get(_VERSION_HEADER_RECEIVED)


def request_id(response: Response, *, hide: Callable[[str], str] = str) -> str | None:
    """The server's name for this exchange, for its support; None where it gives none."""
    name = hide(response.headers.get("x-request-id", ""))
    return name if _REQUEST_ID.fullmatch(name) else None
