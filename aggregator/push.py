"""Sends metrics to a Prometheus Pushgateway: one attempt, which never takes long."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import unquote, urlsplit, urlunsplit

import aiohttp

MOST_SECONDS = 5.0
GROUP = "/metrics/job/aggregator"
TAKEN = {200, 202}


class PushError(Exception):
    """The gateway did not take them; the message says why and repeats nothing of its address."""


async def push(url: str, metrics: bytes, *, seconds: float = MOST_SECONDS) -> None:
    """Replaces the gateway's metrics of the job ``aggregator``.

    ``url`` may hold a user and a password. No proxy is used and no redirect followed. Raises
    ``PushError``, after ``seconds`` at the latest.
    """
    parts = urlsplit(url)
    address = urlunsplit(
        (parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/") + GROUP, "", "")
    )
    headers = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
    if parts.username:
        credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {b64encode(credentials.encode()).decode()}"
    trouble = ""
    try:
        async with (
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=seconds), cookie_jar=aiohttp.DummyCookieJar()
            ) as session,
            session.put(address, data=metrics, headers=headers, allow_redirects=False) as response,
        ):
            if response.status not in TAKEN:
                trouble = f"the gateway answered {response.status}"
    except TimeoutError:
        trouble = f"the gateway did not answer in {seconds:g} seconds"
    except (aiohttp.ClientError, OSError, ValueError) as error:
        trouble = f"the gateway cannot be reached ({type(error).__name__})"
    if trouble:  # raised out here, for the errors above show the header (trap T1)
        raise PushError(trouble)
