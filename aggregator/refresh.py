"""Makes servers look anew before they are asked: the one thing that is more than reading."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aggregator import api
from aggregator.client import Client
from aggregator.errors import ScopeError
from aggregator.model import Outcome
from aggregator.resource import Refresh, Target
from aggregator.visit import Scope

WAITS_SECONDS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Between looks whether servers have finished; after these a refresh is left to itself."""
MOST_REFUSED_IN_A_ROW = 3
"""After these no more are asked for."""
_REFUSED = {
    *(Outcome.FORBIDDEN, Outcome.NOT_FOUND, Outcome.RATE_LIMITED, Outcome.UPSTREAM_ERROR),
    *(Outcome.TIMEOUT, Outcome.BAD_PAYLOAD, Outcome.TOO_LARGE, Outcome.REDIRECTED),
}
"""How one refresh may fail, of which nothing depends but how fresh an answer is."""


class Refresher:
    """Asks for refreshes with the run's client and waits for their end, within bounds."""

    def __init__(self, client: Client, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._client = client
        self._sleep = sleep

    async def refresh(self, scope: Scope, how: Refresh, targets: Sequence[Target]) -> None:
        """Refreshes all healthy connections of a scope side by side; notes what was not done."""
        healthy = (each.id for each in targets if each.is_healthy and not each.is_shared)
        # Whatever decodes an address on its way must not make another one of it.
        chosen = [identifier for identifier in healthy if api.is_plain(identifier)]
        begun = await self._begin_all(scope, how, chosen)
        refused = len(chosen) - len(begun)
        unfinished = await self._finish(scope, how, begun) if begun else 0
        if refused:
            scope.notes.append(f"{refused} refreshes were refused or not asked for")
        if unfinished:
            scope.notes.append(f"{unfinished} refreshes were not seen to end in a minute")

    async def _begin_all(
        self, scope: Scope, how: Refresh, identifiers: Sequence[str]
    ) -> dict[str, Any]:
        """Those that were begun, with what was known of each before."""
        begun: dict[str, Any] = {}
        in_a_row = 0
        for identifier in identifiers:
            try:
                begun[identifier] = await self._begin(scope, how, identifier)
                in_a_row = 0
            except ScopeError as error:
                in_a_row += 1
                if error.outcome not in _REFUSED:
                    raise
            if in_a_row == MOST_REFUSED_IN_A_ROW:
                break
        return begun

    async def _finish(self, scope: Scope, how: Refresh, begun: dict[str, Any]) -> int:
        """How many were not seen to end; one that cannot be looked at is not looked at again."""
        lost = 0
        for seconds in WAITS_SECONDS:
            await self._sleep(seconds)
            for identifier, before in list(begun.items()):
                try:
                    now = await self._look(scope, identifier)
                except ScopeError as error:
                    if error.outcome not in _REFUSED:
                        raise
                    lost += 1
                    del begun[identifier]
                else:
                    if how.is_done(now, before):
                        del begun[identifier]
            if not begun:
                break
        return lost + len(begun)

    async def _begin(self, scope: Scope, how: Refresh, identifier: str) -> Any:  # noqa: ANN401 - any JSON value
        """Asks for one refresh; gives what was known before."""
        before = await self._look(scope, identifier)
        try:
            await self._client.send(
                scope.caller, api.item_request(how.path, identifier, method="POST")
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
