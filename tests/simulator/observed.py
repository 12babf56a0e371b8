"""What the simulated host saw, so that tests can referee rates. Keys are never kept."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

from aiohttp import web

KEPT_REQUESTS = 500_000
"""Older observations are forgotten, so that a long-running simulator stays small."""


@dataclass(slots=True)
class Seen:
    """One request; ``status`` is None until it was decided."""

    at: float
    """Monotonic seconds of its arrival."""
    organization: str
    """Its name, or ``(partner)``, ``(system)``, ``(stranger)``."""
    method: str
    path: str
    query: str
    user_agent: str | None
    accept_encoding: str | None
    version: str | None
    cookie: str | None
    status: int | None = None
    request_id: str | None = None
    """As it was answered; a fault may have put another in its place."""


class Observed:
    """Everything is per organization name, or for the whole host where no name is given."""

    def __init__(self) -> None:
        self._seen: deque[Seen] = deque(maxlen=KEPT_REQUESTS)
        self._in_flight: Counter[str | None] = Counter()
        self._most_in_flight: Counter[str | None] = Counter()

    @contextmanager
    def request(self, request: web.Request, organization: str) -> Iterator[Seen]:
        """Counts one request as in flight for as long as the context lasts."""
        headers = request.headers
        seen = Seen(
            at=monotonic(),
            organization=organization,
            method=request.method,
            path=request.path,
            query=request.query_string,
            user_agent=headers.get("User-Agent"),
            accept_encoding=headers.get("Accept-Encoding"),
            version=headers.get("X-Polytomic-Version"),
            cookie=headers.get("Cookie"),
        )
        self._seen.append(seen)
        for who in (organization, None):
            self._in_flight[who] += 1
            self._most_in_flight[who] = max(self._most_in_flight[who], self._in_flight[who])
        try:
            yield seen
        finally:
            for who in (organization, None):
                self._in_flight[who] -= 1

    def requests(self, organization: str | None = None) -> list[Seen]:
        """In the order of arrival."""
        return [each for each in self._seen if organization in (None, each.organization)]

    def calls(self, organization: str | None = None) -> list[tuple[str, str]]:
        """Method and path of each request, in the order of arrival."""
        return [(each.method, each.path) for each in self.requests(organization)]

    def times(self, organization: str | None = None) -> list[float]:
        """Monotonic seconds of each arrival, ascending."""
        return [each.at for each in self.requests(organization)]

    def counts(self, organization: str | None = None) -> Counter[tuple[str, int | None]]:
        """How often each path was answered with each status."""
        return Counter((each.path, each.status) for each in self.requests(organization))

    def cookies(self, organization: str | None = None) -> list[str]:
        return [each.cookie for each in self.requests(organization) if each.cookie is not None]

    def max_in_flight(self, organization: str | None = None) -> int:
        return self._most_in_flight[organization]

    def max_in_any_second(self, organization: str | None = None) -> int:
        """The most arrivals in any half-open window of one second."""
        return most_in_any_second(self.times(organization))

    def organizations(self) -> list[str]:
        return sorted({each.organization for each in self._seen})

    def reset(self) -> None:
        """Forgets all but what is in flight now."""
        self._seen.clear()
        self._most_in_flight = Counter(self._in_flight)

    def summary(self, organization: str | None = None) -> dict[str, Any]:
        """The numbers as plain JSON, for other processes."""
        return {
            "requests": len(self.requests(organization)),
            "max_in_flight": self.max_in_flight(organization),
            "max_in_any_second": self.max_in_any_second(organization),
            "counts": [
                {"path": path, "status": status, "count": count}
                for (path, status), count in sorted(
                    self.counts(organization).items(), key=lambda item: str(item[0])
                )
            ],
            "cookies": len(self.cookies(organization)),
        }


def most_in_any_second(times: list[float]) -> int:
    """``times`` ascend."""
    most = oldest = 0
    for newest, moment in enumerate(times):
        while moment - times[oldest] >= 1.0:
            oldest += 1
        most = max(most, newest - oldest + 1)
    return most
