"""``/api/connections`` and one connection of it (polytomic-api 4)."""

from __future__ import annotations

from tests.simulator.answers import RESULT_ENVELOPE_VERSION, Refused, Reply
from tests.simulator.routes.route import Call, Route


def _list(call: Call) -> Reply:
    if call.page_size is None and call.version != RESULT_ENVELOPE_VERSION:
        return call.ready(call.fleet.encoded_connections(call.organization))
    return call.listed(call.fleet.read_connections(call.organization))


def _get(call: Call) -> Reply:
    wanted = call.parameters["id"]
    for connection in call.fleet.read_connections(call.organization):
        if connection.get("id") == wanted:
            return call.one(connection)
    raise Refused(404, "connection not found")


ROUTES = (
    Route("/api/connections", _list),
    Route("/api/connections/{id}", _get),
)
