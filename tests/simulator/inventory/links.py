"""Which connections the syncs and models of an organization use."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from tests.simulator.generate import Connection, Record

_UNUSED_EVERY = 5


def in_use(connections: Sequence[Connection]) -> list[Connection]:
    """All but every fifth, which nothing refers to; copies of shared ones are always used."""
    return [
        each
        for number, each in enumerate(connections, 1)
        if number % _UNUSED_EVERY or "parent_connection_id" in each
    ]


def sources(connections: Sequence[Connection]) -> list[Connection]:
    """Those that bulk syncs and models can read; all, where there is none."""
    return [each for each in connections if can(each, "bulksyncsource")] or list(connections)


def targets(connections: Sequence[Connection]) -> list[Connection]:
    """Those that syncs can write to; all, where there is none."""
    return [each for each in connections if can(each, "target")] or list(connections)


def can(connection: Connection, operation: str) -> bool:
    """Operations are compared without regard to case (polytomic-api 4.2)."""
    operations = (connection.get("type") or {}).get("operations") or ()
    return operation in (name.lower() for name in operations)


def pick(random: Random, number: int, connections: Sequence[Connection]) -> Connection:
    """The first record takes a copy of a shared connection where there is one."""
    copies = [each for each in connections if "parent_connection_id" in each]
    return random.choice(copies if copies and number == 1 else connections)


def newest_first(records: Sequence[Record]) -> list[Record]:
    """By ``updated_at`` descending, then by id, as the API sorts its lists of syncs and models."""
    by_id = sorted(records, key=lambda record: _text(record, "id"))
    return sorted(by_id, key=lambda record: _text(record, "updated_at"), reverse=True)


def _text(record: object, name: str) -> str:
    """Times with and without a fraction compare as text once the letter behind them is gone.

    Tests also put nonsense in lists.
    """
    value = record.get(name) if isinstance(record, dict) else None
    return str(value or "").removesuffix("Z")
