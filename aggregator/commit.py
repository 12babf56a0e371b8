"""What belongs into one transaction: the scopes' locks, their rows, and what the ledger says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from aggregator import ledger, store
from aggregator.model import Counts, Outcome
from aggregator.resource import Resource
from aggregator.scope import Digests, ScopeResult

if TYPE_CHECKING:
    from aggregator.database import Connection


async def write(
    connection: Connection,
    results: Sequence[ScopeResult],
    generation: int,
    *,
    is_plan: bool = False,
) -> list[ScopeResult]:
    """Writes results and gives them back with the counts of what was really written.

    For a plan, whose transaction is to be rolled back, they also name what was written.

    A scope that a newer run has written meanwhile is left alone and comes back ``deferred``. One
    that an older run has written since it was compared is written, and looked at again next time.
    """
    by_resource: dict[str, list[ScopeResult]] = defaultdict(list)
    for result in results:
        by_resource[result.resource.name].append(result)
    written = []
    for _, group in sorted(by_resource.items()):  # one order of locks for all writers
        resource = group[0].resource
        done = await _write_resource(connection, resource, group, generation)
        if is_plan:
            done = await store.planned_changes(connection, resource, done, generation)
        written += done
    return written


async def _write_resource(
    connection: Connection, resource: Resource, results: Sequence[ScopeResult], generation: int
) -> list[ScopeResult]:
    names = [result.organization.name for result in results]
    if resource.per == "deployment":  # whose key reads it is decided on the way
        await ledger.open_scopes(connection, resource, names)
    ours = await ledger.lock_scopes(connection, resource, names, generation)
    current = [
        _as_locked(result, ours[result.organization.name], generation)
        for result in results
        if result.organization.name in ours
    ]
    await ledger.pin_identities(connection, current)
    changed = [result for result in current if result.change is not None]
    counts = await store.write_changes(connection, resource, changed, generation)
    written = [
        replace(result, counts=counts[result.organization.name]) if result.change else result
        for result in current
    ]
    await ledger.note_drift(connection, resource, written)
    await ledger.close_scopes(connection, resource, written, generation)
    if resource.per == "deployment":
        await ledger.forget_other_readers(connection, resource, written)
    overtaken = [_overtaken(result) for result in results if result.organization.name not in ours]
    return written + overtaken


def _overtaken(result: ScopeResult) -> ScopeResult:
    if result.is_verdict:  # its first result was written in time
        return replace(result, counts=Counts(), walk_races=0)
    return replace(
        result,
        outcome=Outcome.DEFERRED,
        error="a newer run has written this scope",
        counts=Counts(),
        rejections=(),
        absence=None,
    )


def _as_locked(result: ScopeResult, locked: int, generation: int) -> ScopeResult:
    """The result without what is true only of a state that the locked scope has no longer.

    Written by us already, as after a commit whose end we did not see: its digests still hold.
    """
    if locked == result.based_on:
        return result
    return replace(
        result,
        digests=result.digests
        if locked == generation
        else result.digests and Digests(None, None, None),
        change=result.change and replace(result.change, is_first=False),
    )
