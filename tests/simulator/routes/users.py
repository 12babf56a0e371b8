"""``/api/organization/users`` and one of them (polytomic-api 5.7)."""

from __future__ import annotations

from tests.simulator.answers import Reply
from tests.simulator.routes.route import Call, Route


def _list(call: Call) -> Reply:
    return call.resource("users")


def _get(call: Call) -> Reply:
    return call.one(call.found("users"))


ROUTES = (
    Route("/api/organization/users", _list),
    Route("/api/organization/users/{id}", _get),
)
