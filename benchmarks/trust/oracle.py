"""Knows what exists, and so which removals were false and which are overdue; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

Ids = AbstractSet[str]
Row = tuple[str, str]
"""Organization and id."""


def rows_of(by_organization: Mapping[str, Iterable[str]]) -> set[Row]:
    return {(name, key) for name, keys in by_organization.items() for key in keys}


@dataclass(slots=True)
class Oracle:
    """Is told every edit of the truth, and what is stored after each run."""

    existing: set[Row]
    false_removals: list[Row] = field(default_factory=list)
    runs_until_gone: dict[Row, int] = field(default_factory=dict)
    """Rows that ended honestly, and in how many undisturbed complete runs they were gone."""
    _ended: set[Row] = field(default_factory=set)
    _throughout: set[Row] = field(default_factory=set)
    _stored: set[Row] = field(default_factory=set)
    _pending: dict[Row, int] = field(default_factory=dict)

    def begin(self) -> None:
        """A run begins: what exists now, and is not told to end, exists throughout."""
        self._throughout = set(self.existing)
        self._ended = set(self._pending)

    def add(self, row: Row) -> None:
        self.existing.add(row)
        self._pending.pop(row, None)

    def end(self, row: Row) -> None:
        """The row is gone from the truth, maybe in the middle of a run."""
        self.existing.discard(row)
        self._throughout.discard(row)
        if row in self._stored:
            self._pending[row] = 0

    def finish(self, stored: set[Row], undisturbed: Ids) -> list[Row]:
        """The rows that this run removed falsely: stored before, existing all the time, gone now.

        ``undisturbed`` are organizations that this run read completely, from which nothing was
        hidden and which no fault kept from proving an absence. Only these runs count for removals,
        and only for rows that had ended before the run began.
        """
        false = sorted((self._stored - stored) & self._throughout)
        self.false_removals += false
        for row in list(self._pending):
            if row[0] in undisturbed and row in self._ended:
                self._pending[row] += 1
            if row not in stored:
                self.runs_until_gone[row] = max(1, self._pending.pop(row))
        self._stored = stored
        return false

    @property
    def pending(self) -> Mapping[Row, int]:
        """Rows that ended and are still stored, and how many undisturbed complete runs ago."""
        return self._pending


def plainly_removed(stored: Iterable[Row], answered: Mapping[str, Ids]) -> set[Row]:
    """What "not in a list that came with 200" would remove; ``answered`` by organization."""
    return {row for row in stored if row[0] in answered and row[1] not in answered[row[0]]}
