"""The endpoints, one file a resource: add the file, and its ROUTES here."""

from __future__ import annotations

from tests.simulator.routes import connection_types, connections, identity, organizations
from tests.simulator.routes.route import Route

ALL: tuple[Route, ...] = (
    *identity.ROUTES,
    *organizations.ROUTES,
    *connections.ROUTES,
    *connection_types.ROUTES,
)
