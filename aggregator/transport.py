"""aiohttp as we use it: a session that leaks nothing, capped bodies, errors in words of ours.

aiohttp's exceptions show the request's headers in their ``repr`` (trap T1). None of them leaves
this file, not even as the context of another: ours are raised after the handler is left.
"""

from __future__ import annotations

import errno
import io
import socket
import ssl
import zlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from contextvars import ContextVar

import aiohttp
import yarl
from aiohttp import client_exceptions, http_exceptions

from aggregator.backpressure import LARGE_BYTES
from aggregator.errors import OutgrownError, RetryableError, ScopeError
from aggregator.model import Outcome, Response
from aggregator.timeout import Timeout

CONNECT_TIMEOUT_SECONDS = 5.0
DNS_CACHE_SECONDS = 1
"""Enough for a fleet that connects at once to ask for the name once (fault E1), and so short that a
host which moves to another address is found there by the first that try again (fault E2)."""
MOST_RESENDS = 3


def make_session(connections_per_host: int) -> aiohttp.ClientSession:
    """A session for ``async with``, made inside a running loop; who opens it closes it.

    No cookies (trap T6), no proxy or netrc from the environment, no decompression without a cap
    (trap T2). aiohttp's own total timeout is off, for it counts waits as well (trap T5).
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=0,
            limit_per_host=connections_per_host,
            ttl_dns_cache=DNS_CACHE_SECONDS,
            socket_factory=_open_socket,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_SECONDS),
        middlewares=(_send_resending,),
    )


async def send(  # noqa: PLR0913 - what one request is made of
    session: aiohttp.ClientSession,
    url: yarl.URL,
    headers: Callable[[], Mapping[str, str]],
    *,
    timeout_seconds: float,
    max_bytes: int,
    may_grow: Callable[[], Awaitable[bool]] | None = None,
    method: str = "GET",
) -> Response:
    """One exchange, read to its end within ``timeout_seconds``, slow trickles included (trap T4).

    ``headers`` is called at the moment of sending, so that no frame of ours holds a key.
    ``may_grow`` is asked once about a body of more than ``LARGE_BYTES``; OutgrownError where it
    may not. Raises ScopeError: too_large past ``max_bytes`` decoded ones, tls where the server is
    not proven to be the one we asked for; RetryableError for what may go better next time.
    """
    try:
        async with (
            Timeout(timeout_seconds),
            session.request(method, url, headers=headers(), allow_redirects=False) as answer,
        ):
            received = _joined(answer)
            # Closed, because aiohttp and its errors hold on to this frame for a while.
            with closing(_Body(max_bytes, received.get("content-encoding", ""))) as body:
                while chunk := await answer.content.readany():
                    body.feed(chunk)
                    if may_grow is not None and body.size > LARGE_BYTES:
                        if not await may_grow():
                            raise OutgrownError
                        may_grow = None
                return Response(answer.status, received, body.finish())
    except (aiohttp.ClientError, http_exceptions.HttpProcessingError, OSError) as error:
        failure = _translate(error, url.host or "")
    raise failure


class _Body:
    """Collects a body, decoding gzip in steps that the cap bounds (faults C2 to C4, T3)."""

    def __init__(self, max_bytes: int, encoding: str) -> None:
        encoding = encoding.strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise ScopeError(Outcome.BAD_PAYLOAD, "an encoding of the body that we did not ask for")
        self._gzip = zlib.decompressobj(wbits=31) if encoding.endswith("gzip") else None
        self._max_bytes = max_bytes
        self._decoded_body = io.BytesIO()  # hands its bytes over without a copy, unlike a join
        self.size = 0

    def feed(self, chunk: bytes) -> None:
        if self._gzip is None:
            self._keep(chunk)
            return
        while chunk:
            if self._gzip.eof:
                raise _corrupt("data after the end of the gzip body")
            self._keep(self._decoded(chunk))
            chunk = self._gzip.unconsumed_tail or self._gzip.unused_data

    def finish(self) -> bytes:
        if self._gzip is not None and not self._gzip.eof:
            raise _corrupt("a gzip body without its end")
        return self._decoded_body.getvalue()

    def close(self) -> None:
        self._decoded_body.close()

    def _decoded(self, chunk: bytes) -> bytes:
        try:
            return self._gzip.decompress(chunk, self._max_bytes - self.size + 1)  # type: ignore[union-attr]  # only called with gzip
        except zlib.error:
            raise _corrupt("a corrupt gzip body") from None

    def _keep(self, part: bytes) -> None:
        self.size += len(part)
        if self.size > self._max_bytes:
            raise ScopeError(
                Outcome.TOO_LARGE,
                f"the answer is larger than MAX_RESPONSE_BYTES ({self._max_bytes})",
            )
        self._decoded_body.write(part)


def _corrupt(problem: str) -> RetryableError:
    return RetryableError(Outcome.BAD_PAYLOAD, problem)


def _joined(answer: aiohttp.ClientResponse) -> dict[str, str]:
    """Headers with lower-case names; those given twice joined, as RFC 9110 says."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    if len(headers) < len(answer.headers):
        headers = {name: ", ".join(answer.headers.getall(name)) for name in headers}
    return headers


_opened: ContextVar[list[aiohttp.AddrInfoType]] = ContextVar("_opened")
"""Where sockets were opened to for the request at hand; none: it goes out on one that was open."""


def _open_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, _ = address
    _opened.get().append(address)
    return socket.socket(family, kind, protocol)


async def _send_resending(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Sends again, and only then, when a kept-alive connection turns out to be closed (B24).

    Left alone, aiohttp sends every request that loses its connection twice, behind the back of
    the limits; raising another class than those it looks for keeps it from doing so.
    """
    opened: list[aiohttp.AddrInfoType] = []
    _opened.set(opened)
    for _ in range(MOST_RESENDS + 1):
        try:
            return await handler(request)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
            if opened:
                break
    raise aiohttp.ClientConnectionError


_NETWORK = (RetryableError, Outcome.NETWORK)
_TIMEOUT = (RetryableError, Outcome.TIMEOUT)
_MALFORMED = (RetryableError, Outcome.BAD_PAYLOAD)
_TLS = (RetryableError, Outcome.TLS)
_UNTRUSTED = (ScopeError, Outcome.TLS)
_ADDRESS = (ScopeError, Outcome.NETWORK)
_REDIRECTED = (ScopeError, Outcome.REDIRECTED)

FAILURES: dict[type[BaseException], tuple[tuple[type[ScopeError], Outcome], str]] = {
    client_exceptions.ClientError: (_NETWORK, "the request failed"),
    client_exceptions.ClientResponseError: (_MALFORMED, "the answer is not proper HTTP"),
    client_exceptions.ContentTypeError: (_MALFORMED, "an unexpected type of content"),
    client_exceptions.WSServerHandshakeError: (_MALFORMED, "not a web socket"),
    client_exceptions.ClientHttpProxyError: (_NETWORK, "the proxy refused"),
    client_exceptions.TooManyRedirects: (_REDIRECTED, "too many redirects"),
    client_exceptions.ClientConnectionError: (_NETWORK, "the connection was lost"),
    client_exceptions.ClientConnectionResetError: (_NETWORK, "the connection was reset"),
    client_exceptions.ClientOSError: (_NETWORK, "the connection failed"),
    client_exceptions.ClientConnectorError: (_NETWORK, "cannot connect"),
    client_exceptions.ClientConnectorDNSError: (_NETWORK, "the host name has no address"),
    client_exceptions.ClientProxyConnectionError: (_NETWORK, "cannot connect to the proxy"),
    client_exceptions.UnixClientConnectorError: (_NETWORK, "cannot connect to the socket"),
    client_exceptions.ServerConnectionError: (_NETWORK, "the connection failed"),
    client_exceptions.ServerDisconnectedError: (_NETWORK, "the server hung up"),
    client_exceptions.ServerTimeoutError: (_TIMEOUT, "no answer in time"),
    client_exceptions.ConnectionTimeoutError: (_NETWORK, "no connection in time"),
    client_exceptions.SocketTimeoutError: (_TIMEOUT, "no data in time"),
    client_exceptions.ServerFingerprintMismatch: (_UNTRUSTED, "another certificate than pinned"),
    client_exceptions.ClientPayloadError: (_NETWORK, "the answer was cut off"),
    client_exceptions.UploadAbortedError: (_NETWORK, "the request was cut off"),
    client_exceptions.InvalidURL: (_ADDRESS, "not a usable address"),
    client_exceptions.InvalidUrlClientError: (_ADDRESS, "not a usable address"),
    client_exceptions.NonHttpUrlClientError: (_ADDRESS, "not an address for HTTP"),
    client_exceptions.RedirectClientError: (_REDIRECTED, "a redirect"),
    client_exceptions.InvalidUrlRedirectClientError: (_REDIRECTED, "a redirect to nowhere"),
    client_exceptions.NonHttpUrlRedirectClientError: (_REDIRECTED, "a redirect out of HTTP"),
    client_exceptions.ClientSSLError: (_TLS, "TLS failed"),
    client_exceptions.ClientConnectorSSLError: (_TLS, "TLS failed"),
    client_exceptions.ClientConnectorCertificateError: (_UNTRUSTED, "its certificate is refused"),
    http_exceptions.HttpProcessingError: (_MALFORMED, "the answer is not proper HTTP"),
    ssl.SSLCertVerificationError: (_UNTRUSTED, "its certificate is refused"),
    ssl.SSLError: (_TLS, "TLS failed"),
    TimeoutError: (_TIMEOUT, "no complete answer in time"),
    OSError: (_NETWORK, "the connection failed"),
}
"""How each error of the library is told; a test fails when it gains one that is not here."""


_OUT_OF_TIME = {9, 10}
"""OpenSSL's numbers of a certificate that is not yet valid, and of one that has expired."""


def _translate(error: BaseException, host: str) -> ScopeError:
    (kind, outcome), words = next(
        FAILURES[base] for base in type(error).__mro__ if base in FAILURES
    )
    details = [type(error).__name__]
    cause = getattr(error, "certificate_error", getattr(error, "os_error", error))
    if isinstance(cause, ssl.SSLCertVerificationError):
        # OpenSSL's own words, such as "certificate has expired".
        details.append(cause.verify_message)
        if cause.verify_code in _OUT_OF_TIME:
            details.append("check the clock of this machine")
    elif isinstance(cause, ssl.SSLError):
        details.append(cause.reason or "for no reason given")
    elif isinstance(error, OSError) and (error.errno or 0) in errno.errorcode:
        details.append(errno.errorcode[error.errno or 0])
    return kind(outcome, f"{host}: {words} ({', '.join(details)})")
