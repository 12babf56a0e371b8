"""What is asked: headers, paths, and the request for the next page."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal
from urllib.parse import quote

from aggregator import __version__
from aggregator.errors import ScopeError
from aggregator.model import Outcome, Page, Request

USER_AGENT = f"polytomic-inventory-aggregator/{__version__}"
VERSION_HEADER = "X-Polytomic-Version"

IDENTITY = Request("/api/me")
ORGANIZATIONS = Request("/api/organizations")
"""Every organization of a partner; for a partner key as Bearer only (section 1.4)."""

_SENDABLE = re.compile(r"[!-~]+ [!-~]+")
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
