"""Sorts raw records into what is stored and what is rejected, and looks at them for drift."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aggregator import diff
from aggregator.drift import CONFLICTING_DUPLICATES, Radar
from aggregator.model import Page, Record, Rejection
from aggregator.resource import Resource
from aggregator.visit import MOST_QUARANTINED, Snapshot

YIELD_EVERY = 500
"""Records normalized in one go before other tasks get a turn."""


class Sieve:
    """What the pages of one scope come to; ``states`` are raw entries by the record of each."""

    def __init__(self, resource: Resource, pepper: bytes, states: Mapping[str, Any]) -> None:
        self.rejected = 0
        self.kinds: set[str] = set()
        self._resource = resource
        self._states = states
        self._radar = Radar(resource, pepper)
        self._records: list[Record] = []
        self._rejections: list[Rejection] = []

    def reject(self, rejection: Rejection) -> None:
        self.rejected += 1
        if len(self._rejections) < MOST_QUARANTINED:
            self._rejections.append(rejection)

    async def sift(self, page: Page, rules: Mapping[str, Any] | None) -> None:
        """Takes in a page; ``rules`` where the resource has a ``kind_of``."""
        normalize: Any = self._resource.normalize
        more = () if rules is None else (rules,)
        for start in range(0, len(page.records), YIELD_EVERY):
            portion = page.records[start : start + YIELD_EVERY]
            odd = []
            for index, raw in enumerate(portion, start):
                item = normalize(raw, index in page.sanitized, *more)
                if isinstance(item, Record):
                    self._records.append(self._with_state(item) if self._states else item)
                    if item.is_odd:
                        odd.append(raw)
                else:
                    odd.append(raw)
                    self.reject(item)
            self._radar.look(portion, odd)
            if len(portion) == YIELD_EVERY:
                await asyncio.sleep(0)

    def _with_state(self, record: Record) -> Record:
        states = self._resource.states
        entry = self._states.get(record.id)
        if states is None or entry is None:
            return record
        return record._replace(reading=states.read(entry))

    def snapshot(self, bytes_digest: bytes | None) -> tuple[Snapshot, int]:
        """Everything that was taken in, and how many ids came with different content."""
        by_id, conflicts = diff.unique(self._records)
        hashes = {key: diff.content_hash(record) for key, record in by_id.items()}
        shape = self._radar.shape([CONFLICTING_DUPLICATES] if conflicts else [])
        kinds = tuple(sorted(self.kinds))
        return (
            Snapshot(by_id, hashes, self._rejections, self.rejected, bytes_digest, shape, kinds),
            conflicts,
        )
