"""What the schemas of connection types say of configurations, for all scopes of a run."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from aggregator import api, lookup
from aggregator.backpressure import ByteBudget, Hold
from aggregator.client import Client
from aggregator.database import Database
from aggregator.errors import ScopeError
from aggregator.model import Outcome
from aggregator.resources.connection_schema import reduce
from aggregator.rules import Rules, compiled
from aggregator.visit import Scope

log = logging.getLogger(__name__)

VALID_FOR = timedelta(days=1)
MOST_ATTEMPTS = 3
"""At a schema that cannot be read, in one run, each with another organization's key."""
PATIENCE_SECONDS = 10.0
"""How long a scope waits for what others ask for, before it asks itself."""
MOST_FAILURES_IN_A_ROW = 3
"""Of one key at schemas that are due."""
_OF_THE_TYPE = {Outcome.NOT_FOUND, Outcome.BAD_PAYLOAD, Outcome.TOO_LARGE}
"""Outcomes that may be the type's; all others are those of whoever asked."""


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
        self._answered: set[tuple[str, str]] = set()
        """What this run has read, or knows that it cannot be."""
        self._unreadable: Counter[tuple[str, str]] = Counter()
        self._failed: set[tuple[str, str]] = set()
        """Organizations that have asked for a type in vain."""
        self._room = ByteBudget(0)
        self._in_flight: dict[tuple[str, str], asyncio.Future[None]] = {}
        self._is_loaded = False
        self._loading = asyncio.Lock()

    async def load(self) -> None:
        """Reads what is stored, once a run; to be awaited before anything else is called."""
        if self._is_loaded:
            return
        async with self._loading:
            if not self._is_loaded:
                for deployment, kind, fields in await lookup.load_schemas(self._database):
                    self._note(deployment, kind, fields)
                self._is_loaded = True

    def fields(self, deployment: str) -> Mapping[str, Any]:
        """What is known of the configurations of a deployment's types, as it is stored."""
        return self._fields[deployment]

    def digests(self, deployment: str, kinds: Iterable[str]) -> list[bytes]:
        """What masking these types depends on, in the order of ``kinds``."""
        rules = self._rules[deployment]
        return [rules[kind].digest if kind in rules else b"" for kind in kinds] if rules else []

    async def rules(self, scope: Scope, kinds: Iterable[str]) -> Mapping[str, Rules]:
        """The rules by type; schemas that nobody has read are asked for, each by one scope.

        A type whose schema cannot be had has no rules: then names decide, and mask more.
        """
        deployment = scope.organization.deployment
        missing = [kind for kind in sorted(kinds) if self._is_missing(scope, kind)]
        for kind in missing:
            if (deployment, kind) not in self._in_flight and self._is_missing(scope, kind):
                await self._ask(scope, kind)
        clock = asyncio.get_running_loop().time
        until = clock() + PATIENCE_SECONDS
        for kind in missing:
            while self._is_missing(scope, kind):
                asking = self._in_flight.get((deployment, kind))
                if asking is None or until <= clock():  # or whoever asks is slow
                    await self._ask(scope, kind)
                else:
                    await asyncio.wait([asking], timeout=until - clock())
        return self._rules[deployment]

    async def refresh(self, scope: Scope) -> bool:
        """Reads the schemas of all types in use where that is due, with the key of ``scope``.

        Gives whether this run knows anything that is not stored yet.
        """
        deployment = scope.organization.deployment
        read_at = scope.known.details_read_at
        if read_at is None or not timedelta() <= self._now() - read_at < VALID_FOR:
            in_use = await lookup.load_kinds_in_use(self._database, deployment)
            failures = 0
            for kind in sorted(in_use.keys() | self._fields[deployment].keys()):
                if (deployment, kind) not in self._answered:
                    await self._ask(scope, kind)
                    failures = 0 if (deployment, kind) in self._answered else failures + 1
                if failures == MOST_FAILURES_IN_A_ROW:  # the others are for another day, or key
                    break
            scope.details_read = failures < MOST_FAILURES_IN_A_ROW
        return deployment in self._changed

    def _is_missing(self, scope: Scope, kind: str) -> bool:
        """Whether it is worth a request of this scope."""
        deployment = scope.organization.deployment
        return (
            self._detail_path is not None
            and kind not in self._fields[deployment]
            and (scope.organization.name, kind) not in self._failed
            and self._unreadable[deployment, kind] < MOST_ATTEMPTS
        )

    async def _ask(self, scope: Scope, kind: str) -> None:
        deployment, path = scope.organization.deployment, self._detail_path or ""
        key = deployment, kind
        self._in_flight[key] = done = asyncio.get_running_loop().create_future()
        # With room of its own: those who hold what there is may be waiting for this answer.
        hold = Hold(self._room)
        caller = replace(scope.caller, hold=hold)
        try:
            response = await self._client.send(caller, api.item_request(path, kind))
            fields = reduce(api.decipher_bare(response)) or self._fields[deployment].get(kind, {})
        except ScopeError as error:
            self._failed.add((scope.organization.name, kind))
            if error.outcome in _OF_THE_TYPE:
                self._unreadable[key] += 1
                self._answered.add(key)
            extra = {"type": kind, "outcome": error.outcome, "error": error.message}
            log.info("schema.not_read", extra=extra)
        else:
            self._answered.add(key)
            if fields != self._fields[deployment].get(kind):
                self._note(deployment, kind, fields)
                self._changed.add(deployment)
        finally:
            hold.drop()
            if self._in_flight.get(key) is done:
                del self._in_flight[key]
            done.set_result(None)

    def _note(self, deployment: str, kind: str, fields: dict[str, Any]) -> None:
        self._fields[deployment][kind] = fields
        rules = compiled(fields)
        if rules is not None:
            self._rules[deployment][kind] = rules
        else:
            self._rules[deployment].pop(kind, None)
