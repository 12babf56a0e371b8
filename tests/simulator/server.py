"""The simulated host: takes a request through caller, ceilings, faults and route to an answer."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from aiohttp import web

from tests.simulator import control, routes
from tests.simulator.answers import VERSIONS, Refused, Reply, error
from tests.simulator.callers import STRANGER, Caller, identify
from tests.simulator.ceiling import Ceiling
from tests.simulator.delivery import disturbed, whole
from tests.simulator.fault import Fault, first, spoil
from tests.simulator.fleet import Fleet
from tests.simulator.observed import Observed
from tests.simulator.routes.route import Call, Route

Serve = Callable[[web.Request], Awaitable[web.StreamResponse]]

VERSION_HEADER = "X-Polytomic-Version"
REQUEST_ID_HEADER = "X-Request-Id"


class Simulator:
    """Serves a fleet on 127.0.0.1 for as long as its context lasts.

    ``port`` 0 takes any free one. ``control`` opens ``/_control/`` for other processes; in the
    same process change ``fleet`` directly, it is read anew for every request.
    """

    def __init__(self, fleet: Fleet, *, port: int = 0, control: bool = False) -> None:
        self.fleet = fleet
        self.observed = Observed()
        self._port = port
        self._control = control
        self._runner: web.AppRunner | None = None
        self._numbers = itertools.count(1)

    async def __aenter__(self) -> Self:
        app = web.Application()
        for route in routes.ALL:
            app.router.add_route("*", route.path, self._serving(route))
        if self._control:
            app.add_subapp("/_control/", control.application(self.fleet, self.observed))
        app.router.add_route("*", "/{path:.*}", self._serving(None))
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=0.2, handler_cancellation=True
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, backlog=1024)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def _serving(self, route: Route | None) -> Serve:
        async def serve(request: web.Request) -> web.StreamResponse:
            caller = identify(request.headers.get("Authorization"), self.fleet)
            with self.observed.request(request, caller.name if caller else STRANGER) as seen:
                fault = None
                reply = self._crowded(caller)
                if reply is None:
                    fault = self._fault(caller, request.path)
                    reply = self._answer(route, request, caller)
                seen.request_id = f"simulated-{next(self._numbers):06}"
                reply.headers[REQUEST_ID_HEADER] = seen.request_id
                if fault is not None:
                    reply = spoil(reply, fault, self.fleet.error_shape)
                seen.status = reply.status
                return await self._deliver(request, reply, fault)

        return serve

    def _crowded(self, caller: Caller | None) -> Reply | None:
        """429 where the caller's organization or the host is over its ceiling."""
        own = caller.organization.ceiling if caller and caller.organization else None
        for ceiling in (own, self.fleet.ceiling):
            seconds = _wait(ceiling) if ceiling is not None else None
            if ceiling is not None and seconds is not None:
                reply = error(self.fleet.error_shape, 429, "rate limit exceeded")
                reply.headers[VERSION_HEADER] = self.fleet.default_version
                if ceiling.retry_after:
                    reply.headers["Retry-After"] = str(math.ceil(seconds))
                return reply
        return None

    def _fault(self, caller: Caller | None, path: str) -> Fault | None:
        own = caller.organization.faults if caller and caller.organization else ()
        return first((*own, *self.fleet.faults), path)

    def _answer(self, route: Route | None, request: web.Request, caller: Caller | None) -> Reply:
        asked = request.headers.get(VERSION_HEADER, self.fleet.default_version)
        version = asked if asked in VERSIONS else self.fleet.default_version
        try:
            reply = self._routed(route, request, caller, asked)
        except Refused as refused:
            reply = error(self.fleet.error_shape, refused.status, refused.message)
            reply.headers.update(refused.headers)
        reply.headers[VERSION_HEADER] = version
        return reply

    def _routed(
        self, route: Route | None, request: web.Request, caller: Caller | None, version: str
    ) -> Reply:
        if version not in VERSIONS:
            raise Refused(400, "unsupported API version")
        if route is None:
            if request.path.endswith("/") and request.path != "/":
                location = {"Location": request.path.rstrip("/")}
                raise Refused(301, "moved permanently", location)
            raise Refused(404, "not found")
        if route.method not in (request.method, "*"):
            raise Refused(405, "method not allowed", {"Allow": route.method})
        if caller is None:
            raise Refused(self.fleet.bad_key_status, "invalid or unknown API key")
        if route.access == "partner" and caller.kind != "partner":
            raise Refused(403, "partner key required")
        if route.access == "organization" and caller.organization is None:
            raise Refused(403, "partner keys are limited to organization and user endpoints")
        call = Call(
            fleet=self.fleet,
            caller=caller,
            version=version,
            route=route.path,
            parameters=request.match_info,
            query=request.query,
        )
        return route.answer(call)

    async def _deliver(
        self, request: web.Request, reply: Reply, fault: Fault | None
    ) -> web.StreamResponse:
        latency = self.fleet.latency + (fault.latency if fault else 0.0)
        if latency:
            await asyncio.sleep(latency)
        if fault is not None:
            return await disturbed(request, reply, fault)
        accepted = request.headers.get("Accept-Encoding", "")
        return whole(reply, compressed=self.fleet.gzip and "gzip" in accepted)


def _wait(ceiling: Ceiling) -> float | None:
    return ceiling.admit(time.time() if ceiling.aligned else time.monotonic())
