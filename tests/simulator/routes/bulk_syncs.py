"""``/api/bulk/syncs``, one of them, and the states of many in one answer (polytomic-api 5.4)."""

from __future__ import annotations

from tests.simulator.answers import Reply
from tests.simulator.organization import identified
from tests.simulator.routes.route import Call, Route


def _list(call: Call) -> Reply:
    return call.resource("bulk_syncs")


def _get(call: Call) -> Reply:
    return call.one(call.found("bulk_syncs"))


def _states(call: Call) -> Reply:
    """All, or the ones that were asked for."""
    wanted = call.query.getall("sync_id", [])
    states = [
        call.fleet.state(call.organization, "bulk_sync_states", sync)
        for key, sync in identified(call.fleet.read(call.organization, "bulk_syncs"))
        if call.query.get("all") == "true" or key in wanted
    ]
    return call.listed([state for state in states if state is not None])


ROUTES = (
    Route("/api/bulk/syncs", _list),
    Route("/api/bulk/syncs/status", _states),
    Route("/api/bulk/syncs/{id}", _get),
)
