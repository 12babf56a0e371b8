"""``/api/connections/{id}/usage``, in camelCase (polytomic-api 5.2)."""

from __future__ import annotations

from tests.simulator.answers import Refused, Reply
from tests.simulator.routes.route import Call, Route


def _usage(call: Call) -> Reply:
    usage = call.state("usage")
    if usage is None:
        raise Refused(404, "usage is not available for this connection")
    return call.one(usage)


ROUTES = (Route("/api/connections/{id}/usage", _usage),)
