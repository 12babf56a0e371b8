"""Finds the records of a scope that the database refuses, so that all others can be stored."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import orjson

from aggregator.errors import DatabaseError, RefusedDataError
from aggregator.model import Outcome, Record, Rejection
from aggregator.scope import NONE_COUNTED, SOME_REJECTED, Change, Digests, ScopeResult

MOST_REFUSED = 20
"""Refused records of one scope after which the scope fails as a whole."""


@dataclass(frozen=True, slots=True)
class Isolation:
    """Both functions write a result and raise ``RefusedDataError`` where it is refused."""

    commit: Callable[[ScopeResult], Awaitable[ScopeResult]]
    """Gives what was really written."""
    probe: Callable[[ScopeResult], Awaitable[None]]
    """Leaves no trace."""

    async def write(self, result: ScopeResult, error: RefusedDataError) -> ScopeResult:
        """What was written of a result that was refused with ``error``.

        The refused records become rejections, the rest is stored. Where no record is to blame, or
        too many are, the scope fails as a whole.
        """
        remaining = result
        # Where it is refused even without any record, no record is to blame.
        blameless = result.is_verdict or await self._refuses(result, [])
        for _ in range(0 if blameless else MOST_REFUSED):
            culprit = await self._find_refused(remaining)
            if culprit is None:
                break
            remaining = _without(remaining, culprit, _rejection(culprit, result, error))
            try:
                return await self.commit(remaining)
            except RefusedDataError as next_error:
                error = next_error
        return await self.commit(failed_result(result, f"the database refuses it: {error}"))

    async def _find_refused(self, result: ScopeResult) -> Record | None:
        """One record that the database refuses by itself, found by halving, if there is one."""
        if result.change is None:
            return None
        suspects = _suspects(result.change)
        while len(suspects) > 1:
            half = suspects[: len(suspects) // 2]
            suspects = half if await self._refuses(result, half) else suspects[len(half) :]
        return suspects[0] if suspects and await self._refuses(result, suspects) else None

    async def _refuses(self, result: ScopeResult, records: Sequence[Record]) -> bool:
        chosen = {record.id for record in records}
        change = _only(result.change or Change(), chosen.__contains__)
        try:
            await self.probe(replace(result, change=change))
        except RefusedDataError:
            return True
        return False


def failed_result(result: ScopeResult, error: str) -> ScopeResult:
    """The result of which nothing was stored; what a verdict was about stays as it was."""
    failed = replace(
        result,
        change=None,
        digests=None,
        identity=None,
        rejections=(),
        shape=None,
        absence=None,
        walk_races=0,
        counts=NONE_COUNTED,
    )
    if result.is_verdict:
        return failed
    return replace(failed, outcome=Outcome.DATABASE_ERROR, error=error)


def _only(change: Change, wanted: Callable[[str], bool]) -> Change:
    """The records and readings of the wanted ids, and nothing else of the change."""
    readings = change.readings
    return Change(
        records=[pair for pair in change.records if wanted(pair[0].id)],
        readings=None if readings is None else [each for each in readings if wanted(each.id)],
    )


def _suspects(change: Change) -> list[Record]:
    """Every record of which anything is written, once."""
    written = {record.id: record for record in change.readings or ()}
    written.update((record.id, record) for record, _ in change.records)
    return list(written.values())


def _rejection(record: Record, result: ScopeResult, error: DatabaseError) -> Rejection:
    columns = () if result.resource.is_private else result.resource.columns
    content = dict(zip(columns, record.values, strict=False))
    text = orjson.dumps(content).decode().replace("\\u0000", "\N{REPLACEMENT CHARACTER}")
    return Rejection(record.id, f"the database refuses it: {error}", text)


def _without(result: ScopeResult, record: Record, rejection: Rejection) -> ScopeResult:
    """The result without one record: partial, so that nothing is removed on its account."""
    change = result.change or Change()
    withheld = dict.fromkeys(change.withheld, SOME_REJECTED)
    return replace(
        result,
        outcome=Outcome.PARTIAL,
        error=SOME_REJECTED,
        change=replace(_only(change, lambda key: key != record.id), withheld=withheld),
        digests=Digests(None, None, None),
        rejections=(*result.rejections, rejection),
        absence=None,
        counts=replace(result.counts, rejected=result.counts.rejected + 1, withheld=len(withheld)),
    )
