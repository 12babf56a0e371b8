"""Makes servers look anew before they are asked: the one thing that is more than reading."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aggregator import api
from aggregator.client import Client
from aggregator.errors import ScopeError
from aggregator.model import Refresh, Target
from aggregator.visit import Scope

WAITS_SECONDS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Between looks whether servers have finished; after these a refresh is left to itself."""
_MAY_REFUSE = {400, 403, 404, 405, 409, 422, 429, 500, 501, 502, 503}
"""Statuses that refuse one refresh, of which nothing depends but how fresh an answer is."""


class Refresher:
    """Asks for refreshes with the run's client and waits for their end, within bounds."""

    def __init__(self, client: Client, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._client = client
        self._sleep = sleep

    async def refresh(self, scope: Scope, how: Refresh, targets: Sequence[Target]) -> None:
        """Refreshes all healthy connections of a scope side by side; notes what was not done."""
        begun: dict[str, Any] = {}
        refused = 0
        for target in (each for each in targets if each.is_healthy and not each.is_shared):
            try:
                begun[target.id] = await self._begin(scope, how, target)
            except ScopeError as error:
                if error.http_status not in _MAY_REFUSE:
                    raise
                refused += 1
        for seconds in WAITS_SECONDS:
            if not begun:
                break
            await self._sleep(seconds)
            for key, before in list(begun.items()):
                if how.is_done(await self._look(scope, key), before):
                    del begun[key]
        if refused:
            scope.notes.append(f"{refused} refreshes were refused")
        if begun:
            scope.notes.append(f"{len(begun)} refreshes did not end in a minute")

    async def _begin(self, scope: Scope, how: Refresh, target: Target) -> Any:  # noqa: ANN401 - any JSON value
        """Asks for one refresh; gives what was known before."""
        before = await self._look(scope, target.id)
        try:
            await self._client.send(
                scope.caller, api.item_request(how.path, target.id, method="POST")
            )
        finally:
            scope.hold.drop()
        return before

    async def _look(self, scope: Scope, identifier: str) -> Any:  # noqa: ANN401 - any JSON value
        """What is known of a connection's schemas now: where ``Location`` points to as well."""
        try:
            response = await self._client.send(
                scope.caller, api.item_request(scope.resource.path, identifier)
            )
        finally:
            scope.hold.drop()
        return api.decipher_data(response).value
