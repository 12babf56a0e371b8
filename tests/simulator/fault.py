"""Scripted faults: one value whose fields combine, instead of a class for each misfortune.

Whom a fault meets is decided by the list it stands in (an organization's or the fleet's) and by
``times``, ``skip`` and ``path``; the first one in the list that applies is the one that happens.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Any, Final, Literal

from tests.simulator.answers import Body, ErrorShape, Reply, encode, error, phrase, token_for

UNCHANGED: Final = object()

HTML_PAGE: Final = "<!doctype html><title>Maintenance</title><h1>We will be back soon</h1>"


@dataclass(slots=True, kw_only=True)
class Fault:
    """What goes wrong with a request. Fields left alone change nothing.

    ``bytes`` and ``str`` in ``body`` are sent as they are, anything else as JSON. ``edit`` gets
    the body's bytes and gives back others.
    """

    times: int | None = None
    """How many requests it meets; None: all."""
    skip: int = 0
    """How many requests it lets pass first."""
    path: str = "*"
    """Only requests whose path fits this pattern (as of the shell)."""

    status: int | None = None
    """An error status without a body gets the host's usual error body."""
    body: Any = UNCHANGED
    headers: Mapping[str, str | None] = field(default_factory=dict)
    """Added or replaced; None takes the header away."""
    envelope: Mapping[str, Any] = field(default_factory=dict)
    """Laid over the top level of the answer."""
    next_page: Literal["repeated", "endless"] | None = None
    """The same page token in every answer, or a new one in every answer."""
    edit: Callable[[bytes], bytes] | None = None

    latency: float = 0.0
    """Seconds before the first byte."""
    byte_interval: float | None = None
    """Seconds between two bytes of the body."""
    framing: Literal["length", "chunked", "close"] = "length"
    """How the body's end is told: Content-Length, chunks, or the end of the connection."""
    cut_after: int | None = None
    """Bytes of the body after which the connection is cut."""
    gzip: Literal["whole", "truncated", "corrupt"] | None = None
    """Compressed, asked or not; Content-Length always fits what is sent."""
    bomb_bytes: int | None = None
    """Before the body: this many decoded bytes of white space (whole MiB), all of it gzipped."""
    close: bool = False
    """End the connection after the answer, without saying so in advance."""

    applied: int = 0
    """How many requests it met so far."""
    _passed: int = field(default=0, init=False, repr=False)

    def meets(self, path: str) -> bool:
        """Whether it happens to this request; counts it if so."""
        if not fnmatchcase(path, self.path) or self.spent:
            return False
        if self._passed < self.skip:
            self._passed += 1
            return False
        self.applied += 1
        return True

    @property
    def spent(self) -> bool:
        return self.times is not None and self.applied >= self.times


def first(faults: Iterable[Fault], path: str) -> Fault | None:
    """The fault that happens to a request for ``path``, which it counts."""
    return next((fault for fault in faults if fault.meets(path)), None)


def spoil(reply: Reply, fault: Fault, shape: ErrorShape) -> Reply:
    """The answer with the fault's content in it; how it is delivered is not decided here."""
    if fault.status is not None and fault.status >= HTTPStatus.BAD_REQUEST:
        usual = error(shape, fault.status, phrase(fault.status))
        reply = Reply(fault.status, usual.body, reply.headers)
    body = reply.body.plain
    if fault.body is not UNCHANGED:
        body = _raw(fault.body)
    overlay = dict(fault.envelope)
    if fault.next_page is not None:
        nonce = fault.applied if fault.next_page == "endless" else 0
        overlay["pagination"] = {"next_page_token": token_for(0, nonce)}
    if overlay:
        body = encode({**json.loads(body), **overlay})
    if fault.edit is not None:
        body = fault.edit(body)
    status = reply.status if fault.status is None else fault.status
    return Reply(status, Body(body), {**reply.headers, **fault.headers})


def refusal(seconds: int | str | None = None, **more: Any) -> Fault:  # noqa: ANN401 - fields
    """429 with this ``Retry-After`` (seconds, a date or nonsense), or without any."""
    headers = {} if seconds is None else {"Retry-After": str(seconds)}
    return Fault(status=429, headers=headers, **more)


def html_page(**more: Any) -> Fault:  # noqa: ANN401 - fields of Fault
    """200 with a page for people, as load balancers and captive portals send it."""
    return Fault(body=HTML_PAGE, headers={"Content-Type": "text/html"}, **more)


def _raw(body: object) -> bytes:
    if isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else encode(body)
