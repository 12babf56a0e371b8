"""A plain client for the simulator's own tests."""

from __future__ import annotations

from typing import Any

import aiohttp

from tests.simulator.server import Simulator


class Visitor:
    """Asks a simulator; ``json`` wants 200."""

    def __init__(self, simulator: Simulator, session: aiohttp.ClientSession) -> None:
        self.simulator = simulator
        self.session = session

    def get(
        self, path: str = "/api/connections", who: str = "acme-01", **headers: str
    ) -> aiohttp.client._RequestContextManager:
        """``headers`` may replace the Bearer header; underscores stand for hyphens."""
        return self.send("GET", path, who, **headers)

    def send(
        self, method: str, path: str, who: str = "acme-01", **headers: str
    ) -> aiohttp.client._RequestContextManager:
        sent = {"Authorization": f"Bearer {self.simulator.fleet[who].key}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        url = self.simulator.base_url + path
        return self.session.request(method, url, headers=sent, allow_redirects=False)

    async def json(self, path: str = "/api/connections", **more: str) -> Any:  # noqa: ANN401 - JSON
        async with self.get(path, **more) as response:
            assert response.status == 200
            return await response.json()

    async def status(self, path: str = "/api/connections", **more: str) -> int:
        async with self.get(path, **more) as response:
            return response.status
