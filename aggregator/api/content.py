"""What the body of an answer holds, behind its envelope."""

from __future__ import annotations

from typing import Any, NamedTuple

from aggregator.api.status import check, served_version
from aggregator.errors import ScopeError
from aggregator.model import Outcome, Page, Response
from aggregator.payload import PayloadError, clean, describe, parse

LONGEST_PAGE_TOKEN = 4_096
"""Characters; a token becomes part of an address, and servers refuse those that are longer."""

_WITHOUT_DATA_ENVELOPE = "2021-05-23"
"""The only version that answers ``{"result": …, "error": …}`` (section 1.7)."""


def looks_cut(body: bytes) -> bool:
    """Whether a body begins as a JSON object and does not end as one: worth asking again (C1)."""
    return body[:64].lstrip()[:1] == b"{" and not body.rstrip().endswith(b"}")


class Data(NamedTuple):
    """What an answer holds, of whatever type."""

    value: Any
    sanitized: bool
    """Whether something had to be replaced to make it storable."""
    has_more: bool
    """Whether it is only the first page."""


def decipher_list(response: Response, *, asked_version: str) -> Page:
    """One page of a list; ``data: null`` is an empty one (sections 3 and 4.1, fault C5).

    Raises as ``check``, and ScopeError (bad_payload) for anything that is not surely a list: an
    unknown form must never pass for "nothing there".
    """
    check(response, asked_version=asked_version)
    data, envelope, suspect = _open_envelope(response)
    records = [] if data is None else data
    if not isinstance(records, list):
        raise bad_payload(response, "the data is no list")
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
        raise bad_payload(response, "the data is no object")
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
        raise bad_payload(response, "no object")
    return _clean(response, content)[0] if suspect else content


def _open_envelope(response: Response) -> tuple[Any, dict[str, Any], bool]:
    """The content, the envelope around it, and whether both are still to be cleaned."""
    envelope, suspect = _parse(response)
    if not isinstance(envelope, dict):
        raise bad_payload(response, "no envelope")
    if envelope.get("error"):
        raise bad_payload(response, "an error with HTTP 200")
    if "data" in envelope:
        return envelope["data"], envelope, suspect
    if "result" in envelope and served_version(response) == _WITHOUT_DATA_ENVELOPE:
        return envelope["result"], envelope, suspect
    raise bad_payload(response, "no data in the envelope")


def _next_page_token(response: Response, envelope: dict[str, Any]) -> str | None:
    pagination = envelope.get("pagination")
    if pagination is None:
        return None
    if not isinstance(pagination, dict):
        raise bad_payload(response, "a pagination of unknown form")
    token = pagination.get("next_page_token")
    if token is None or token == "":
        return None
    if not isinstance(token, str) or len(token) > LONGEST_PAGE_TOKEN or _clean(response, token)[1]:
        raise bad_payload(response, "a page token of unknown form")
    return token


def _parse(response: Response) -> tuple[Any, bool]:
    try:
        return parse(response.body)
    except PayloadError as error:
        problem = str(error)
    raise bad_payload(response, problem)


def _clean(response: Response, value: Any) -> tuple[Any, bool]:  # noqa: ANN401 - any JSON value
    try:
        return clean(value)
    except PayloadError as error:
        problem = str(error)
    raise bad_payload(response, problem)


def bad_payload(response: Response, problem: str) -> ScopeError:
    body = describe(response.body, response.headers.get("content-type", ""))
    return ScopeError(Outcome.BAD_PAYLOAD, f"{problem} ({body})", http_status=response.status)
