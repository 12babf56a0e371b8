"""``/api/connections/{id}/proxy/info``: what would be allowed; the proxy itself is not here."""

from __future__ import annotations

from tests.simulator.answers import Refused, Reply
from tests.simulator.inventory.proxies import has_proxy
from tests.simulator.routes.route import Call, Route


def _info(call: Call) -> Reply:
    connection, info = call.connection(), call.state("proxies")
    if info is not None:
        if connection.get("saved") is False:
            raise Refused(400, "finish setting up the connection first")
        return call.one(info)
    if has_proxy(connection):
        raise Refused(403, "the proxy is not enabled for this organization")
    raise Refused(404, "this connection has no proxy")


ROUTES = (Route("/api/connections/{id}/proxy/info", _info),)
