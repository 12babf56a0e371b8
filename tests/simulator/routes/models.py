"""``/api/models`` and one of them (polytomic-api 5.6)."""

from __future__ import annotations

from tests.simulator.answers import Reply
from tests.simulator.routes.route import Call, Route


def _list(call: Call) -> Reply:
    return call.resource("models")


def _get(call: Call) -> Reply:
    return call.one(call.found("models"))


ROUTES = (
    Route("/api/models", _list),
    Route("/api/models/{id}", _get),
)
