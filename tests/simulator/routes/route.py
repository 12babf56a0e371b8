"""What an endpoint is: a path, who may ask, and a function from the call to the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.simulator.answers import Body, Reply, enveloped, page
from tests.simulator.callers import Caller
from tests.simulator.fleet import Fleet, Organization


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request."""

    fleet: Fleet
    caller: Caller
    version: str
    route: str
    """The route's path pattern, under which its page size is set."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """The parts of the path in braces."""
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def organization(self) -> Organization:
        """The caller's; routes with access ``organization`` always have one."""
        if self.caller.organization is None:
            raise TypeError(f"{self.route} is open to callers without an organization")
        return self.caller.organization

    @property
    def page_size(self) -> int | None:
        """None: the list comes whole."""
        return self.fleet.page_sizes.get(self.route)

    def one(self, value: object) -> Reply:
        return Reply(200, enveloped(value, self.version))

    def listed(self, records: Sequence[Any]) -> Reply:
        """The whole list, or the page that was asked for where the route has a page size."""
        if self.page_size is None:
            return self.one(records)
        token = self.query.get("page_token")
        return Reply(200, page(records, self.page_size, token, self.version))

    def ready(self, body: Body) -> Reply:
        return Reply(200, body)


@dataclass(frozen=True, slots=True)
class Route:
    """``access``: which keys may ask. The others get 403, strangers 401."""

    path: str
    answer: Callable[[Call], Reply]
    access: Literal["anyone", "organization", "partner"] = "organization"
