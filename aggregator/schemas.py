"""What the schemas of connection types say of configurations, for all scopes of a run."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from aggregator import api, store
from aggregator.client import Client
from aggregator.database import Database
from aggregator.errors import ScopeError
from aggregator.resources.connection_schema import reduce
from aggregator.rules import Rules, compiled
from aggregator.visit import Scope

log = logging.getLogger(__name__)

VALID_FOR = timedelta(days=1)
MOST_ATTEMPTS = 3
"""At one schema in one run, each with the key of the scope that needs it."""


class Schemas:
    """The schemas that were stored, and those that scopes had to ask for.

    ``detail_path`` is where one is read; None: this run reads none, and uses those that are stored.
    """

    def __init__(
        self,
        client: Client,
        database: Database,
        detail_path: str | None,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._database = database
        self._detail_path = detail_path
        self._now = now
        self._fields: dict[str, dict[str, Any]] = defaultdict(dict)
        self._rules: dict[str, dict[str, Rules]] = defaultdict(dict)
        self._changed: set[str] = set()
        self._attempts: Counter[tuple[str, str]] = Counter()
        self._in_flight: dict[tuple[str, str], asyncio.Future[None]] = {}
        self._is_loaded = False
        self._loading = asyncio.Lock()

    async def load(self) -> None:
        """Reads what is stored, once a run; to be awaited before anything else is called."""
        async with self._loading:
            if not self._is_loaded:
                for deployment, kind, fields in await store.load_schemas(self._database):
                    self._note(deployment, kind, fields)
                self._is_loaded = True

    def fields(self, deployment: str) -> Mapping[str, Any]:
        """What is known of the configurations of a deployment's types, as it is stored."""
        return self._fields[deployment]

    def digests(self, deployment: str, kinds: Iterable[str]) -> list[bytes]:
        """What masking these types depends on, in the order of ``kinds``."""
        rules = self._rules[deployment]
        return [rules[kind].digest if kind in rules else b"" for kind in kinds]

    async def rules(self, scope: Scope, kinds: Iterable[str]) -> Mapping[str, Rules]:
        """The rules by type; schemas that nobody has read are asked for, each by one scope.

        A type whose schema cannot be had has no rules: then names decide, and mask more.
        """
        deployment = scope.organization.deployment
        while missing := [kind for kind in sorted(kinds) if self._is_missing(deployment, kind)]:
            keys = [(deployment, kind) for kind in missing]
            free = next((key for key in keys if key not in self._in_flight), None)
            if free is not None:
                await self._ask(scope, free[1])
            else:  # others ask for all that is missing
                await asyncio.wait(
                    [self._in_flight[key] for key in keys], return_when=asyncio.FIRST_COMPLETED
                )
        return self._rules[deployment]

    async def refresh(self, scope: Scope) -> bool:
        """Reads the schemas of all types in use where that is due, with the key of ``scope``.

        Gives whether this run knows anything that is not stored yet.
        """
        deployment = scope.organization.deployment
        read_at = scope.known.details_read_at
        if read_at is None or not timedelta() <= self._now() - read_at < VALID_FOR:
            in_use = await store.load_kinds_in_use(self._database, deployment)
            for kind in sorted(in_use.keys() | self._fields[deployment].keys()):
                if not self._attempts[deployment, kind]:
                    await self._ask(scope, kind)
            scope.details_read = True
        return deployment in self._changed

    def _is_missing(self, deployment: str, kind: str) -> bool:
        return (
            self._detail_path is not None
            and kind not in self._fields[deployment]
            and self._attempts[deployment, kind] < MOST_ATTEMPTS
        )

    async def _ask(self, scope: Scope, kind: str) -> None:
        deployment, path = scope.organization.deployment, self._detail_path or ""
        key = deployment, kind
        self._attempts[key] += 1
        self._in_flight[key] = done = asyncio.get_running_loop().create_future()
        try:
            response = await self._client.send(scope.caller, api.item_request(path, kind))
            fields = reduce(api.decipher_bare(response)) or self._fields[deployment].get(kind, {})
        except ScopeError as error:
            extra = {"type": kind, "outcome": error.outcome, "error": error.message}
            log.info("schema.not_read", extra=extra)
        else:
            if fields != self._fields[deployment].get(kind):
                self._note(deployment, kind, fields)
                self._changed.add(deployment)
        finally:
            scope.hold.drop()
            del self._in_flight[key]
            done.set_result(None)

    def _note(self, deployment: str, kind: str, fields: dict[str, Any]) -> None:
        self._fields[deployment][kind] = fields
        rules = compiled(fields)
        if rules is not None:
            self._rules[deployment][kind] = rules
        else:
            self._rules[deployment].pop(kind, None)
