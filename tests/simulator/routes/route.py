"""What an endpoint is: a path, who may ask, and a function from the call to the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from multidict import MultiDict, MultiMapping

from tests.simulator.answers import RESULT_ENVELOPE_VERSION, Body, Refused, Reply, enveloped, page
from tests.simulator.callers import Caller
from tests.simulator.fleet import Fleet
from tests.simulator.generate import Connection, Record
from tests.simulator.organization import Organization, identified


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
    query: MultiMapping[str] = field(default_factory=MultiDict)

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

    def found(self, resource: str) -> Record:
        """The record of one of the organization's lists whose id is in the path."""
        for key, record in identified(self.fleet.read(self.organization, resource)):
            if key == self.parameters["id"]:
                return record
        raise Refused(404, f"{resource.removesuffix('s').replace('_', ' ')} not found")

    def connection(self) -> Connection:
        """The connection whose id is in the path."""
        return self.found("connections")

    def state(self, resource: str) -> Record | None:
        """What the organization's dict says of the connection in the path."""
        return self.fleet.state(self.organization, resource, self.connection())

    def resource(self, resource: str, size: int | None = None) -> Reply:
        """One of the organization's lists, ``size`` records or a page's on a page.

        Encoded only once where nobody touched it and it fits on one page.
        """
        size = size or self.page_size
        fits = size is None or self.fleet.count(self.organization, resource) <= size
        if fits and self.version != RESULT_ENVELOPE_VERSION and "page_token" not in self.query:
            return self.ready(self.fleet.encoded(self.organization, resource))
        return self.listed(self.fleet.read(self.organization, resource), size)

    def listed(self, records: Sequence[Any], size: int | None = None) -> Reply:
        """The whole list, or the page that was asked for where there is a page size."""
        size = size or self.page_size
        if size is None:
            return self.one(records)
        return Reply(200, page(records, size, self.query.get("page_token"), self.version))

    def ready(self, body: Body) -> Reply:
        return Reply(200, body)


@dataclass(frozen=True, slots=True)
class Route:
    """``access``: which keys may ask. The others get 403, strangers 401; other methods get 405."""

    path: str
    answer: Callable[[Call], Reply]
    access: Literal["anyone", "organization", "partner"] = "organization"
    method: Literal["GET", "POST", "*"] = "GET"
