"""``/api/connection_types``, and the bare JSON Schema of one of them (polytomic-api 5.1)."""

from __future__ import annotations

from tests.simulator.answers import Body, Refused, Reply
from tests.simulator.routes.route import Call, Route


def _list(call: Call) -> Reply:
    return call.listed(call.fleet.connection_types)


def _schema(call: Call) -> Reply:
    """No envelope, in any version."""
    schema = call.fleet.type_schemas.get(call.parameters["id"])
    if schema is None:
        raise Refused(404, "connection type not found")
    return call.ready(Body(schema))


ROUTES = (
    Route("/api/connection_types", _list, access="anyone"),
    Route("/api/connection_types/{id}", _schema, access="anyone"),
)
