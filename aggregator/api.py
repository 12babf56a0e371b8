"""The remote API as pure functions: build a request, decipher a response, find the next page.

Sections named here are those of our notes on the Polytomic API (``polytomic-api``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Literal, NamedTuple
from urllib.parse import quote, urlsplit

import orjson

from aggregator import __version__
from aggregator.errors import RetryableError, ScopeError
from aggregator.model import Identity, Outcome, Page, Request, Response
from aggregator.payload import PayloadError, clean, describe, parse
from aggregator.tripwire import mask_text

USER_AGENT = f"polytomic-inventory-aggregator/{__version__}"
VERSION_HEADER = "X-Polytomic-Version"
_VERSION_HEADER_RECEIVED = VERSION_HEADER.lower()
LONGEST_RETRY_AFTER_SECONDS = 366 * 86_400.0
LONGEST_MESSAGE = 200
LONGEST_LOOKED_AT = 2_000
"""Characters of a server's words that are searched for addresses; searching takes their square."""
LONGEST_NAME = 200
"""Characters of what ``/api/me`` says, and so of keys, messages and index entries made of it."""
LONGEST_PAGE_TOKEN = 4_096
"""Characters; a token becomes part of an address, and servers refuse those that are longer."""


class Data(NamedTuple):
    """What an answer holds, of whatever type."""

    value: Any
    sanitized: bool
    """Whether something had to be replaced to make it storable."""
    has_more: bool
    """Whether it is only the first page."""


IDENTITY = Request("/api/me")
ORGANIZATIONS = Request("/api/organizations")
"""Every organization of a partner; for a partner key as Bearer only (section 1.4)."""

_WITHOUT_DATA_ENVELOPE = "2021-05-23"
"""The only version that answers ``{"result": …, "error": …}`` (section 1.7)."""

_FINAL_OUTCOMES: dict[int, Outcome] = {
    HTTPStatus.UNAUTHORIZED: Outcome.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN: Outcome.FORBIDDEN,
    HTTPStatus.NOT_FOUND: Outcome.NOT_FOUND,
    HTTPStatus.GONE: Outcome.NOT_FOUND,
}


_SAYING = {HTTPStatus.OK, HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
"""What an answer of another version may not say: not what is there, and not that it is not."""
_VERSION = re.compile(r"[0-9a-z.-]{1,20}", re.IGNORECASE)
_SENDABLE = re.compile(r"[!-~]+ [!-~]+")
_REQUEST_ID = re.compile(r"[0-9A-Za-z_.:=/+*-]{1,128}")
"""One word: what else a server puts there may be anybody's secret, and the name is kept."""
_PLAIN = re.compile(r"[0-9A-Za-z_~:.-]*[0-9A-Za-z_~-]")


def headers(api_version: str, authorization: str) -> dict[str, str]:
    """All headers that we send (sections 1.2, 1.7, 9.1); the version is always named.

    Raises ScopeError (bad_key) where ``authorization`` is more than printable ASCII and blanks
    between words, so that no key can begin a header of its own.
    """
    if not _SENDABLE.fullmatch(authorization):
        raise ScopeError(Outcome.BAD_KEY, "the key is empty or has characters no header may have")
    return {
        "Authorization": authorization,
        VERSION_HEADER: api_version,
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "User-Agent": USER_AGENT,
    }


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
            f"HTTP {status} to {_redirect_target(response, hide)}",
            http_status=status,
        )
    message = f"HTTP {status}: {_error_text(response, hide)}"
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


def looks_cut(body: bytes) -> bool:
    """Whether a body begins as a JSON object and does not end as one: worth asking again (C1)."""
    return body[:64].lstrip()[:1] == b"{" and not body.rstrip().endswith(b"}")


def decipher_list(response: Response, *, asked_version: str) -> Page:
    """One page of a list; ``data: null`` is an empty one (sections 3 and 4.1, fault C5).

    Raises as ``check``, and ScopeError (bad_payload) for anything that is not surely a list: an
    unknown form must never pass for "nothing there".
    """
    check(response, asked_version=asked_version)
    data, envelope, suspect = _open_envelope(response)
    records = [] if data is None else data
    if not isinstance(records, list):
        raise _bad_payload(response, "the data is no list")
    token = _next_page_token(response, envelope)
    if not suspect:
        return Page(records, token)
    sanitized = set()
    for index, record in enumerate(records):
        records[index], touched = _clean(response, record)
        if touched:
            sanitized.add(index)
    return Page(records, token, frozenset(sanitized))


def decipher_item(response: Response) -> tuple[dict[str, Any], bool]:
    """The object that an answer of status 200 holds, and whether it had to be sanitized.

    Otherwise ScopeError (bad_payload).
    """
    data, _, suspect = _open_envelope(response)
    if not isinstance(data, dict):
        raise _bad_payload(response, "the data is no object")
    return _clean(response, data) if suspect else (data, False)


def decipher_data(response: Response) -> Data:
    """Whatever an answer of status 200 holds; otherwise ScopeError (bad_payload)."""
    data, envelope, suspect = _open_envelope(response)
    sanitized = False
    if suspect:
        data, sanitized = _clean(response, data)
    return Data(data, sanitized, has_more=_next_page_token(response, envelope) is not None)


def decipher_bare(response: Response) -> dict[str, Any]:
    """The object of an answer without an envelope, such as a JSON Schema (section 5.1).

    Otherwise ScopeError (bad_payload).
    """
    content, suspect = _parse(response)
    if not isinstance(content, dict):
        raise _bad_payload(response, "no object")
    return _clean(response, content)[0] if suspect else content


def decipher_identity(response: Response) -> Identity:
    """Whom the key speaks for, from ``/api/me`` (section 1.5); what has another type is None."""
    me, _ = decipher_item(response)
    key_class = next(
        (name for name in ("partner", "system", "organization", "user") if me.get(f"is_{name}")),
        None,
    )
    credential = me.get("credential")
    credential = credential if isinstance(credential, dict) else {}
    profile = credential.get("api_key_profile")
    organization_id = me.get("organization_id")
    if isinstance(organization_id, str) and len(organization_id) > LONGEST_NAME:
        raise _bad_payload(response, "an organization id that is too long")
    return Identity(
        organization_id=_text(organization_id),
        organization_name=_text(me.get("organization_name")),
        key_class=key_class,
        role=_text(me.get("role")),
        mode=_text(credential.get("mode")),
        profile=_profile(response, profile) if isinstance(profile, dict) else None,
    )


def _profile(response: Response, profile: dict[str, Any]) -> str | None:
    """Id and capabilities: a profile that allows other connections than before is another one."""
    known = _text(profile.get("id"))
    if "capabilities" not in profile:
        return known
    try:
        allowed = orjson.dumps(profile["capabilities"], option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # nested beyond reason
        raise _bad_payload(response, "an API key profile of unknown form") from None
    return f"{known or '-'}:{sha256(allowed).hexdigest()[:16]}"


def item_request(
    template: str, identifier: str, *, method: Literal["GET", "POST"] = "GET", **others: str
) -> Request:
    """The request for one record, by a path with ``{id}`` in it, and ``others`` by their names.

    Raises ScopeError (bad_payload) for an id that would change the path.
    """
    path = template
    for name, value in {"id": identifier, **others}.items():
        if value in {"", ".", ".."}:
            raise ScopeError(Outcome.BAD_PAYLOAD, "the id cannot be part of an address")
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    return Request(path, method=method, template=template)


def is_plain(identifier: str) -> bool:
    """Whether an id reaches the server as it is, whatever stands between.

    Slashes, dots at the end, what needs an escape: proxies and routers decode, merge and cut such
    things, each in its way, and then answer 404 for an address that nobody asked for.
    """
    return _PLAIN.fullmatch(identifier) is not None


def next_request(request: Request, page: Page) -> Request | None:
    """The request for the page after ``page``; None after the last (section 3)."""
    if page.next_page_token is None:
        return None
    kept = tuple(pair for pair in request.query if pair[0] != "page_token")
    return replace(request, query=(*kept, ("page_token", page.next_page_token)))


def retry_after_seconds(response_headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, 0 to a year; None where the server asked for nothing we understand.

    Digits count as seconds; a date counts from the answer's own ``Date``, so that neither clock
    needs to be right. All else (signs, fractions, ``nan``, full-width digits) is as absent.
    """
    text = response_headers.get("retry-after", "").strip(" \t")
    if text.isascii() and text.isdigit():
        # Longer than seven digits is over the bound anyway; int() has a limit of its own.
        seconds = float(text) if len(text.lstrip("0")) <= 8 else LONGEST_RETRY_AFTER_SECONDS  # noqa: PLR2004
        return min(seconds, LONGEST_RETRY_AFTER_SECONDS)
    until = _http_date(text)
    sent = _http_date(response_headers.get("date", "").strip(" \t"))
    if until is None or sent is None:
        return None
    return min(max((until - sent).total_seconds(), 0.0), LONGEST_RETRY_AFTER_SECONDS)


def _open_envelope(response: Response) -> tuple[Any, dict[str, Any], bool]:
    """The content, the envelope around it, and whether both are still to be cleaned."""
    envelope, suspect = _parse(response)
    if not isinstance(envelope, dict):
        raise _bad_payload(response, "no envelope")
    if envelope.get("error"):
        raise _bad_payload(response, "an error with HTTP 200")
    if "data" in envelope:
        return envelope["data"], envelope, suspect
    if "result" in envelope and served_version(response) == _WITHOUT_DATA_ENVELOPE:
        return envelope["result"], envelope, suspect
    raise _bad_payload(response, "no data in the envelope")


def _next_page_token(response: Response, envelope: dict[str, Any]) -> str | None:
    pagination = envelope.get("pagination")
    if pagination is None:
        return None
    if not isinstance(pagination, dict):
        raise _bad_payload(response, "a pagination of unknown form")
    token = pagination.get("next_page_token")
    if token is None or token == "":
        return None
    if not isinstance(token, str) or len(token) > LONGEST_PAGE_TOKEN or _clean(response, token)[1]:
        raise _bad_payload(response, "a page token of unknown form")
    return token


def _parse(response: Response) -> tuple[Any, bool]:
    try:
        return parse(response.body)
    except PayloadError as error:
        problem = str(error)
    raise _bad_payload(response, problem)


def _clean(response: Response, value: Any) -> tuple[Any, bool]:  # noqa: ANN401 - any JSON value
    try:
        return clean(value)
    except PayloadError as error:
        problem = str(error)
    raise _bad_payload(response, problem)


def _bad_payload(response: Response, problem: str) -> ScopeError:
    body = describe(response.body, response.headers.get("content-type", ""))
    return ScopeError(Outcome.BAD_PAYLOAD, f"{problem} ({body})", http_status=response.status)


def _error_text(response: Response, hide: Callable[[str], str]) -> str:
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


def _redirect_target(response: Response, hide: Callable[[str], str]) -> str:
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


def _text(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """The text, cut: it is told to people and kept."""
    return value[:LONGEST_NAME] if isinstance(value, str) and value else None


def _http_date(text: str) -> datetime | None:
    if not re.match(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? ", text):
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
