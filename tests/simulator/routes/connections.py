"""``/api/connections`` and one connection of it (polytomic-api 4)."""

from __future__ import annotations

from tests.simulator.answers import Reply
from tests.simulator.routes.route import Call, Route


def _list(call: Call) -> Reply:
    return call.resource("connections")


def _get(call: Call) -> Reply:
    return call.one(call.connection())


ROUTES = (
    Route("/api/connections", _list),
    Route("/api/connections/{id}", _get),
)
