"""The vendor's own client, pointed at a simulator: what the referee tests have in common."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Literal

import httpx
from polytomic import AsyncPolytomic, Polytomic

from tests.simulator import Organization, Simulator

Read = Callable[[Callable[[Any], Any]], Awaitable[Any]]
"""Gives a client to the function and back what it read."""

MakeReader = Callable[..., Read]
"""Takes a key to send as Bearer, or None, and headers."""

_TIMES = {
    *("created_at", "updated_at", "limited_since", "expires_at", "data_cutoff_timestamp"),
    *("nextExecutionTime", "started_at", "completed_at", "lastRunAt", "lastProxyCallAt"),
    *("last_refresh_started", "last_refresh_finished"),
}


def reader_of(simulator: Simulator, kind: Literal["sync", "async"]) -> MakeReader:
    """Makes readers with the official client: the sync one in a thread, or the async one."""

    def make(token: str | None, headers: dict[str, str] | None = None) -> Read:
        options: dict[str, Any] = {
            "base_url": simulator.base_url,
            "token": token,
            "headers": headers,
            "max_retries": 1,
        }

        async def read(ask: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - the vendor's models
            if kind == "sync":
                with httpx.Client() as connection:
                    client = Polytomic(httpx_client=connection, **options)
                    return await asyncio.to_thread(ask, client)
            async with httpx.AsyncClient() as connection:
                return await ask(AsyncPolytomic(httpx_client=connection, **options))

        return read

    return make


def narrowed(simulator: Simulator, organization: Organization) -> dict[str, str]:
    """The header of a partner key narrowed to one organization."""
    pair = f"{organization.id}:{simulator.fleet.partner_key}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def plain(model: Any) -> Any:  # noqa: ANN401 - the vendor's model, or a list of them
    """The model as JSON again, with the names of the wire and only what the wire said."""
    if isinstance(model, list):
        return [plain(each) for each in model]
    return model.model_dump(by_alias=True, exclude_unset=True)


def timed(value: Any, name: str = "") -> Any:  # noqa: ANN401 - JSON
    """What the fleet has, with times as the vendor's models have them."""
    if isinstance(value, list):
        return [timed(each) for each in value]
    if isinstance(value, Mapping):
        # What is in a configuration is data, whatever its name.
        kept = {key: each for key, each in value.items() if key.endswith("configuration")}
        return {key: timed(each, key) for key, each in value.items()} | kept
    return datetime.fromisoformat(value) if name in _TIMES and value else value
