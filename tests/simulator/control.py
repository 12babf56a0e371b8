"""``/_control/``: what tests in the same process do in Python, for other processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.simulator.fault import Fault
from tests.simulator.fleet import Fleet, Organization
from tests.simulator.observed import Observed


def application(fleet: Fleet, observed: Observed) -> web.Application:
    """The control routes of one running simulator; its README lists them."""
    connections = _Connections(fleet)
    app = web.Application()
    app.router.add_get("/observed", _observed(observed))
    app.router.add_delete("/observed", _reset(observed))
    app.router.add_put("/faults", _set_faults(fleet))
    app.router.add_put("/organizations/{name}/faults", _set_faults(fleet))
    app.router.add_get("/organizations/{name}/connections", connections.list)
    app.router.add_post("/organizations/{name}/connections", connections.add)
    app.router.add_patch("/organizations/{name}/connections/{id}", connections.patch)
    app.router.add_delete("/organizations/{name}/connections/{id}", connections.delete)
    return app


Handler = Callable[[web.Request], Any]


def _observed(observed: Observed) -> Handler:
    async def show(_request: web.Request) -> web.Response:
        names = observed.organizations()
        return web.json_response(
            {
                "host": observed.summary(),
                "organizations": {name: observed.summary(name) for name in names},
            }
        )

    return show


def _reset(observed: Observed) -> Handler:
    async def reset(_request: web.Request) -> web.Response:
        observed.reset()
        return web.Response(status=204)

    return reset


def _set_faults(fleet: Fleet) -> Handler:
    async def replace(request: web.Request) -> web.Response:
        """The body is a list of objects with the fields of ``Fault``; it replaces all there are."""
        try:
            faults = [Fault(**fields) for fields in await request.json()]
        except TypeError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        target = _organization(fleet, request) if "name" in request.match_info else fleet
        target.faults[:] = faults
        return web.Response(status=204)

    return replace


class _Connections:
    """Reads and changes the connections of one organization."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    async def list(self, request: web.Request) -> web.Response:
        return web.json_response(_organization(self._fleet, request).connections)

    async def add(self, request: web.Request) -> web.Response:
        _organization(self._fleet, request).connections.append(await request.json())
        return web.Response(status=201)

    async def patch(self, request: web.Request) -> web.Response:
        self._found(request).update(await request.json())
        return web.Response(status=204)

    async def delete(self, request: web.Request) -> web.Response:
        found = self._found(request)
        _organization(self._fleet, request).connections.remove(found)
        return web.Response(status=204)

    def _found(self, request: web.Request) -> dict[str, Any]:
        try:
            return _organization(self._fleet, request).connection(request.match_info["id"])
        except KeyError:
            raise web.HTTPNotFound(text="no such connection") from None


def _organization(fleet: Fleet, request: web.Request) -> Organization:
    try:
        return fleet[request.match_info["name"]]
    except KeyError:
        raise web.HTTPNotFound(text="no such organization") from None
