"""A connection's schema cache: its state, its refresh, and what bulk syncs can read (5.3)."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.simulator.answers import Body, Refused, Reply
from tests.simulator.generate import Record
from tests.simulator.routes.route import Call, Route

_PATH = "/api/connections/{id}/schemas"


def _status(call: Call) -> Reply:
    state = _state(call)
    refreshing, key = call.organization.refreshing, call.parameters["id"]
    if key in refreshing:
        if refreshing[key] > 0:
            refreshing[key] -= 1
        else:
            del refreshing[key]
            _finish(call, state)
    return call.one(state)


def _refresh(call: Call) -> Reply:
    """202 and where to look; the refresh itself takes some reads of the status."""
    connection, key = call.connection(), call.parameters["id"]
    _state(call)
    if connection.get("status") != "healthy":
        raise Refused(400, "only healthy connections may be refreshed")
    if "parent_connection_id" in connection:
        raise Refused(400, "schemas of shared connections are refreshed with their parent")
    states = call.organization.schemas
    states[key] = (states.get(key) or {}) | {
        "cache_status": "refreshing",
        "last_refresh_started": _text(call.fleet.clock()),
    }
    call.organization.refreshing[key] = call.fleet.refresh_reads
    return Reply(202, Body.of({}), {"Location": f"{_PATH.replace('{id}', key)}/status"})


def _source(call: Call) -> Reply:
    source = call.state("sources")
    if source is None:
        raise Refused(400, "this connection is not a bulk sync source")
    if call.query.get("include_fields") == "true" or not source.get("schemas"):
        return call.one(source)
    short = [
        {name: value for name, value in schema.items() if name != "fields"}
        for schema in source["schemas"]
    ]
    return call.one(source | {"schemas": short})


def _state(call: Call) -> Record:
    state = call.state("schemas")
    if state is None:
        raise Refused(404, "this connection has no schemas")
    return state


def _finish(call: Call, state: Record) -> None:
    """Finished is later than started, whatever the clock says."""
    started = datetime.fromisoformat(state["last_refresh_started"])
    finished = max(call.fleet.clock(), started + timedelta(milliseconds=1))
    state |= {"cache_status": "fresh", "last_refresh_finished": _text(finished)}


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


ROUTES = (
    Route(f"{_PATH}/status", _status),
    Route(f"{_PATH}/refresh", _refresh, method="POST"),
    Route("/api/connections/{id}/bulksync/source", _source),
)
