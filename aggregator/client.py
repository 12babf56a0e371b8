"""The only speaker of HTTP: fetches under limits, tries again within them, follows pages."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache, partial
from http import HTTPStatus
from ipaddress import ip_address

import aiohttp
import yarl

from aggregator import api
from aggregator.backpressure import Hold
from aggregator.breaker import RetryBudget, backoff_seconds
from aggregator.errors import OutgrownError, RetryableError, ScopeError
from aggregator.extent import Extent
from aggregator.limits import OrganizationLimits
from aggregator.model import Credential, Organization, Outcome, Page, Request, Response
from aggregator.payload import count_values
from aggregator.transport import make_session, send

__all__ = ["Caller", "Client", "Tally", "make_session"]

MOST_PAGES = 10_000
MOST_EMPTY_PAGES = 10
"""Empty pages in a row that still promise more."""
BYTES_PER_VALUE = 16
"""Of the largest single response: so many values it may hold. Real ones have 25 and more."""
FEWEST_VALUES = 100_000


@dataclass(slots=True)
class Tally:
    """What fetching one scope took so far; ``send`` adds to it."""

    requests: int = 0
    retries: int = 0
    waited_seconds: float = 0.0
    """Spent on ``Retry-After`` and backoff, not on pacing."""
    http_status: int | None = None
    request_id: str | None = None


@dataclass(slots=True)
class Caller:
    """On whose behalf requests are sent, within which limits, and what they took so far."""

    organization: Organization
    limits: OrganizationLimits
    deadline: float
    """A time of the client's clock, beyond which nothing is waited for."""
    tally: Tally = field(default_factory=Tally)
    hold: Hold | None = None
    """Says how large a body may be read; None: whoever asks has only this one."""
    credential: Credential | None = None
    """Sent instead of the organization's own."""


class Client:
    """Fetches for any number of organizations at once; borrows ``session`` and never closes it.

    ``random`` returns a number of [0, 1); ``clock`` is monotonic, and every ``deadline`` is one
    of its times.
    """

    def __init__(  # noqa: PLR0913 - each is a setting or a way to be tested
        self,
        session: aiohttp.ClientSession,
        *,
        api_version: str,
        request_timeout_seconds: float,
        max_attempts: int,
        max_response_bytes: int,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        random: Callable[[], float],
        may_ask: Callable[[Request], bool],
    ) -> None:
        """``may_ask``: whether a request is one of those that this program sends at all."""
        self._session = session
        self._may_ask = may_ask
        self._api_version = api_version
        self._request_timeout_seconds = request_timeout_seconds
        self._max_attempts = max_attempts
        self._max_response_bytes = max_response_bytes
        self._clock = clock
        self._sleep = sleep
        self._random = random

    async def send(self, caller: Caller, request: Request) -> Response:
        """The answer, of status 200 and of the version that we speak; its body is not parsed yet.

        To a POST it has status 202. Raises ScopeError: the last failure once attempts or the budget
        for retries are used up; deferred when nothing was wrong but the wait would pass the
        caller's deadline, also that of a 429.
        """
        retries = caller.limits.retries(request.endpoint)
        failure: RetryableError | None = None
        failures = 0
        while True:
            try:
                response = await self._attempt_with_room(
                    caller, request, is_retry=failure is not None
                )
            except RetryableError as error:
                failure = error.with_traceback(None)  # its frames hold the body
                if caller.hold is not None:
                    caller.hold.drop()
            except ScopeError as error:
                if failure is None or error.outcome != Outcome.DEFERRED or _asked_to_wait(failure):
                    raise
                # What has failed says how, not that its next attempt was put off.
                raise failure from None
            else:
                retries.record_answer()
                return response
            failures += 1
            is_read = request.method == "GET"
            if not is_read or failures >= self._max_attempts or not _may_retry(failure, retries):
                raise failure
            await self._wait(failure, failures, caller)

    def extent(self) -> Extent:
        """Nothing yet of what one scope may hold."""
        return Extent(self._max_response_bytes)

    async def pages(
        self, caller: Caller, request: Request, first: Response
    ) -> AsyncIterator[tuple[Response, Page]]:
        """``first``, the answer to ``request``, and the pages after it, each deciphered.

        Any token is followed, also where the API documents none (polytomic-api 3). The list is
        whole only when the iteration ends by itself: a repeated token, too many pages or too many
        bytes raise ScopeError, as everything does that ``send`` and ``decipher_list`` raise.
        """
        response = first
        tokens: set[str | None] = set()
        empty = 0
        extent = self.extent()
        while True:
            page = api.decipher_list(response, asked_version=self._api_version)
            extent.add_records(len(page.records))
            yield response, page
            following = api.next_request(request, page)
            if following is None:
                return
            if page.next_page_token in tokens:
                raise ScopeError(Outcome.BAD_PAYLOAD, "incomplete: a page token came twice")
            tokens.add(page.next_page_token)
            empty = 0 if page.records else empty + 1
            if empty > MOST_EMPTY_PAGES:
                raise ScopeError(Outcome.BAD_PAYLOAD, "incomplete: empty pages without end")
            if len(tokens) >= MOST_PAGES:
                raise ScopeError(Outcome.BAD_PAYLOAD, f"incomplete: more than {MOST_PAGES} pages")
            extent.add_bytes(len(response.body))
            response = await self.send(caller, following)

    async def _attempt_with_room(
        self, caller: Caller, request: Request, *, is_retry: bool
    ) -> Response:
        """One attempt; begun anew where its answer is large and had to wait."""
        if caller.hold is not None:
            with suppress(OutgrownError):
                return await self._attempt(caller, request, is_retry=is_retry)
            await caller.hold.grow()  # not in a handler: the frames of the error hold the body
        return await self._attempt(caller, request, is_retry=is_retry)

    async def _attempt(self, caller: Caller, request: Request, *, is_retry: bool) -> Response:
        if not self._may_ask(request):
            raise PermissionError(f"not among what may be asked: {request.method} {request.path}")
        credential = _credential(caller)
        hide = partial(_hide, credential)
        url = _url(caller.organization.base_url, request)
        tally = caller.tally
        async with caller.limits.slot(caller.deadline):
            tally.requests += 1
            tally.retries += is_retry
            response = await send(
                self._session,
                url,
                lambda: api.headers(self._api_version, credential.authorization()),
                timeout_seconds=self._request_timeout_seconds,
                max_bytes=self._max_response_bytes,
                may_grow=caller.hold.may_grow if caller.hold else None,
                method=request.method,
            )
            self._check_values(response)
            tally.http_status = response.status
            tally.request_id = api.request_id(response, hide=hide)
            good = HTTPStatus.OK if request.method == "GET" else HTTPStatus.ACCEPTED
            api.check(response, asked_version=self._api_version, hide=hide, good=good)
            if good == HTTPStatus.OK and api.looks_cut(response.body):
                raise RetryableError(
                    Outcome.BAD_PAYLOAD, "the answer is cut off", http_status=response.status
                )
        return response

    def _check_values(self, response: Response) -> None:
        """A value takes 50 times its text in memory when it is as short as ``[]``."""
        most = max(FEWEST_VALUES, self._max_response_bytes // BYTES_PER_VALUE)
        if len(response.body) > most and count_values(response.body) > most:
            raise ScopeError(
                Outcome.TOO_LARGE,
                f"the answer holds more than {most} values",
                http_status=response.status,
            )

    async def _wait(self, failure: RetryableError, failures: int, caller: Caller) -> None:
        seconds = backoff_seconds(failures, failure.retry_after_seconds, self._random)
        if self._clock() + seconds > caller.deadline:
            if not _asked_to_wait(failure):
                raise failure
            raise ScopeError(
                Outcome.DEFERRED,
                f"asked to wait {seconds:.0f} s, which is beyond the run's deadline",
                http_status=failure.http_status,
            )
        caller.tally.waited_seconds += seconds
        await self._sleep(seconds)


_SENDABLE = re.compile(r"[!-~]+")


def _asked_to_wait(failure: RetryableError) -> bool:
    return failure.outcome == Outcome.RATE_LIMITED


def _may_retry(failure: RetryableError, retries: RetryBudget) -> bool:
    """A 429 is free (fault B6)."""
    return _asked_to_wait(failure) or retries.spend()


def _credential(caller: Caller) -> Credential:
    organization = caller.organization
    if organization.refusal is not None:
        raise ScopeError(organization.refusal.outcome, organization.refusal.reason)
    credential = caller.credential or organization.credential
    if credential is None or not _SENDABLE.fullmatch(credential.secret.reveal()):
        raise ScopeError(
            Outcome.BAD_KEY, "the key is empty or has characters that no header may have"
        )
    return credential


def _hide(credential: Credential, text: str) -> str:
    """The text without what an answer might repeat of the key, in either form."""
    for echo in (credential.secret.reveal(), credential.authorization().partition(" ")[2]):
        text = text.replace(echo, "**")
    return text


@lru_cache(maxsize=1024)
def _url(base_url: str, request: Request) -> yarl.URL:
    """The address to ask; refuses to carry a key over plain HTTP or to another origin (S5)."""
    try:
        base = yarl.URL(base_url)
        url = yarl.URL(base_url + request.path).with_query(request.query)
        same_origin = url.origin() == base.origin() and url.user is None
    except ValueError:
        same_origin = False
    if not same_origin:
        raise ScopeError(Outcome.NETWORK, "not a usable address")
    if base.scheme != "https" and not _is_loopback(base.host or ""):
        raise ScopeError(Outcome.TLS, "keys are sent over https only")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
