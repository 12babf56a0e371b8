"""The only speaker of HTTP: fetches under limits, tries again within them, follows pages."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from ipaddress import ip_address

import aiohttp
import yarl

from aggregator import api
from aggregator.backpressure import Hold
from aggregator.breaker import RetryBudget, backoff_seconds
from aggregator.errors import OutgrownError, RetryableError, ScopeError
from aggregator.limits import OrganizationLimits
from aggregator.model import Credential, Organization, Outcome, Page, Request, Response
from aggregator.payload import count_values
from aggregator.transport import make_session, send

__all__ = ["Client", "Tally", "make_session"]

MOST_PAGES = 10_000
MOST_EMPTY_PAGES = 10
"""Empty pages in a row that still promise more."""
MOST_FULL_RESPONSES = 2
"""The pages of one list together may be as large as so many of the largest single responses."""
BYTES_PER_VALUE = 16
"""Of the largest single response: so many values it may hold. Real ones have 25 and more."""
FEWEST_VALUES = 100_000
BYTES_PER_RECORD = 256
"""The same for the records of a list."""
FEWEST_RECORDS = 10_000


@dataclass(slots=True)
class Tally:
    """What fetching one scope took so far; ``get`` adds to it."""

    requests: int = 0
    retries: int = 0
    waited_seconds: float = 0.0
    """Spent on ``Retry-After`` and backoff, not on pacing."""
    http_status: int | None = None
    request_id: str | None = None


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
    ) -> None:
        self._session = session
        self._api_version = api_version
        self._request_timeout_seconds = request_timeout_seconds
        self._max_attempts = max_attempts
        self._max_response_bytes = max_response_bytes
        self._clock = clock
        self._sleep = sleep
        self._random = random

    async def get(  # noqa: PLR0913, PLR0917 - what one visit of a scope shares
        self,
        organization: Organization,
        request: Request,
        limits: OrganizationLimits,
        tally: Tally,
        deadline: float,
        hold: Hold | None = None,
    ) -> Response:
        """The answer, of status 200 and of the version that we speak; its body is not parsed yet.

        ``hold`` says how large its body may be read; None: whoever asks has only this one.
        Raises ScopeError: the last failure once attempts or the budget for retries are used up;
        deferred when nothing was wrong but the wait would pass ``deadline``, also that of a 429.
        """
        retries = limits.retries(api.endpoint(request))
        failure: RetryableError | None = None
        failures = 0
        while True:
            try:
                response = await self._attempt_with_room(
                    organization,
                    request,
                    limits,
                    tally,
                    deadline,
                    hold,
                    is_retry=failure is not None,
                )
            except RetryableError as error:
                failure = error.with_traceback(None)  # its frames hold the body
                if hold is not None:
                    hold.drop()
            except ScopeError as error:
                if failure is None or error.outcome != Outcome.DEFERRED or _asked_to_wait(failure):
                    raise
                # What has failed says how, not that its next attempt was put off.
                raise failure from None
            else:
                retries.record_answer()
                return response
            failures += 1
            if failures >= self._max_attempts or not _may_retry(failure, retries):
                raise failure
            await self._wait(failure, failures, tally, deadline)

    async def pages(  # noqa: PLR0913, PLR0917 - as get, and where to begin
        self,
        first: Response,
        organization: Organization,
        request: Request,
        limits: OrganizationLimits,
        tally: Tally,
        deadline: float,
        hold: Hold | None = None,
    ) -> AsyncIterator[tuple[Response, Page]]:
        """``first``, the answer to ``request``, and the pages after it, each deciphered.

        Any token is followed, also where the API documents none (polytomic-api 3). The list is
        whole only when the iteration ends by itself: a repeated token, too many pages or too many
        bytes raise ScopeError, as everything does that ``get`` and ``decipher_list`` raise.
        """
        response = first
        tokens: set[str | None] = set()
        empty = records = size = 0
        most_records = max(FEWEST_RECORDS, self._max_response_bytes // BYTES_PER_RECORD)
        while True:
            page = api.decipher_list(response, asked_version=self._api_version)
            records += len(page.records)
            if records > most_records:
                raise ScopeError(
                    Outcome.TOO_LARGE, f"the list holds more than {most_records} records"
                )
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
            size += len(response.body)
            if size > MOST_FULL_RESPONSES * self._max_response_bytes:
                raise ScopeError(
                    Outcome.TOO_LARGE,
                    f"the pages of the list hold more than {MOST_FULL_RESPONSES} times "
                    "MAX_RESPONSE_BYTES",
                )
            response = await self.get(organization, following, limits, tally, deadline, hold)

    async def _attempt_with_room(  # noqa: PLR0913, PLR0917 - as get
        self,
        organization: Organization,
        request: Request,
        limits: OrganizationLimits,
        tally: Tally,
        deadline: float,
        hold: Hold | None,
        *,
        is_retry: bool,
    ) -> Response:
        """One attempt; begun anew where its answer is large and had to wait."""
        target = (organization, request, limits, tally, deadline, hold)
        if hold is not None:
            with suppress(OutgrownError):
                return await self._attempt(*target, is_retry=is_retry)
            await hold.grow()  # not in a handler: the frames of the error hold the body
        return await self._attempt(*target, is_retry=is_retry)

    async def _attempt(  # noqa: PLR0913, PLR0917 - as get
        self,
        organization: Organization,
        request: Request,
        limits: OrganizationLimits,
        tally: Tally,
        deadline: float,
        hold: Hold | None,
        *,
        is_retry: bool,
    ) -> Response:
        credential = _credential(organization)
        hide = partial(_hide, credential)
        url = _url(organization.base_url, request)
        async with limits.slot(deadline):
            tally.requests += 1
            tally.retries += is_retry
            response = await send(
                self._session,
                url,
                lambda: api.headers(self._api_version, credential.authorization()),
                timeout_seconds=self._request_timeout_seconds,
                max_bytes=self._max_response_bytes,
                may_grow=hold.may_grow if hold else None,
            )
            self._check_values(response)
            tally.http_status = response.status
            tally.request_id = api.request_id(response, hide=hide)
            api.check(response, asked_version=self._api_version, hide=hide)
            if api.looks_cut(response.body):
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

    async def _wait(
        self, failure: RetryableError, failures: int, tally: Tally, deadline: float
    ) -> None:
        seconds = backoff_seconds(failures, failure.retry_after_seconds, self._random)
        if self._clock() + seconds > deadline:
            if not _asked_to_wait(failure):
                raise failure
            raise ScopeError(
                Outcome.DEFERRED,
                f"asked to wait {seconds:.0f} s, which is beyond the run's deadline",
                http_status=failure.http_status,
            )
        tally.waited_seconds += seconds
        await self._sleep(seconds)


_SENDABLE = re.compile(r"[!-~]+")


def _asked_to_wait(failure: RetryableError) -> bool:
    return failure.outcome == Outcome.RATE_LIMITED


def _may_retry(failure: RetryableError, retries: RetryBudget) -> bool:
    """A 429 is free (fault B6)."""
    return _asked_to_wait(failure) or retries.spend()


def _credential(organization: Organization) -> Credential:
    if organization.refusal is not None:
        raise ScopeError(organization.refusal.outcome, organization.refusal.reason)
    credential = organization.credential
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
