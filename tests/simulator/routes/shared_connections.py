"""The copies of a connection: ``/api/connections/{id}/shared``, and the partner's view (4.6)."""

from __future__ import annotations

from tests.simulator.answers import Refused, Reply
from tests.simulator.organization import identified
from tests.simulator.routes.route import Call, Route


def _own(call: Call) -> Reply:
    return call.listed(call.fleet.copies_of(call.connection()["id"]))


def _for_partner(call: Call) -> Reply:
    """404 where the organization does not own the parent, rather than saying who does."""
    organization = call.fleet.by_id.get(call.parameters["organization"])
    owned = call.fleet.read(organization, "connections") if organization else ()
    if call.parameters["id"] not in (key for key, _ in identified(owned)):
        raise Refused(404, "connection not found")
    return call.listed(call.fleet.copies_of(call.parameters["id"]))


ROUTES = (
    Route("/api/connections/{id}/shared", _own),
    Route(
        "/api/organizations/{organization}/connections/{id}/shared", _for_partner, access="partner"
    ),
)
