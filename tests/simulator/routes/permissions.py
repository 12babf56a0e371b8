"""``/api/permissions/``: policies and roles, and one of each (polytomic-api 5.8)."""

from __future__ import annotations

from tests.simulator.answers import Reply
from tests.simulator.routes.route import Call, Route


def _policies(call: Call) -> Reply:
    return call.resource("policies")


def _policy(call: Call) -> Reply:
    return call.one(call.found("policies"))


def _roles(call: Call) -> Reply:
    return call.resource("roles")


def _role(call: Call) -> Reply:
    return call.one(call.found("roles"))


ROUTES = (
    Route("/api/permissions/policies", _policies),
    Route("/api/permissions/policies/{id}", _policy),
    Route("/api/permissions/roles", _roles),
    Route("/api/permissions/roles/{id}", _role),
)
