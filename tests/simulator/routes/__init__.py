"""The endpoints, one file a resource: add the file, and its ROUTES here."""

from __future__ import annotations

from tests.simulator.routes import (
    bulk_syncs,
    connection_types,
    connections,
    identity,
    model_syncs,
    models,
    never,
    organizations,
    permissions,
    proxies,
    schemas,
    shared_connections,
    usage,
    users,
)
from tests.simulator.routes.route import Route

ALL: tuple[Route, ...] = (
    *never.ROUTES,
    *identity.ROUTES,
    *organizations.ROUTES,
    *connections.ROUTES,
    *connection_types.ROUTES,
    *shared_connections.ROUTES,
    *usage.ROUTES,
    *schemas.ROUTES,
    *proxies.ROUTES,
    *bulk_syncs.ROUTES,
    *model_syncs.ROUTES,
    *models.ROUTES,
    *users.ROUTES,
    *permissions.ROUTES,
)
"""In this order they are tried: fixed paths stand before patterns that would fit them too."""
