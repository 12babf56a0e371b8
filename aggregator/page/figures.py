"""What a page computes from a document's rows: series over days, and sums."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

from aggregator.page import words
from aggregator.page.document import Document, Row, Rows

CHANGE_DAYS = 30
USAGE_DAYS = 60
WEEK = 7


@dataclass(frozen=True, slots=True)
class Series:
    """Numbers of successive days, the last one today; None: not known."""

    name: str
    values: list[int | None]

    @property
    def week(self) -> int:
        return sum(value or 0 for value in self.values[-WEEK:])

    @property
    def total(self) -> int:
        return sum(value or 0 for value in self.values)

    @property
    def most(self) -> int:
        return max((value or 0 for value in self.values), default=0)


@dataclass(frozen=True, slots=True)
class Figures:
    """All that templates show and no row says."""

    expected: int
    complete: int
    """Organizations, of the expected ones, all of whose resources are complete."""
    statuses: list[tuple[str, int, str]]
    """Words, how many organizations, and how that stands."""
    change_days: list[date]
    days_with_runs: int
    changes: list[Series]
    changes_of_resources: list[Series]
    first_loads: Series
    usage_days: list[date]
    calls: Series
    reporters: Series


def figures(document: Document) -> Figures:
    today = document.moment[0]["as_of"].date()
    change_days, usage_days = _days(today, CHANGE_DAYS), _days(today, USAGE_DAYS)
    looked = {row["day"] for row in document.days}
    real = [row for row in document.changes_daily if not row["is_first_load"]]
    first = [row for row in document.changes_daily if row["is_first_load"]]

    def changes(name: str, rows: Rows) -> Series:
        found: dict[date, int] = defaultdict(int)
        for row in rows:
            found[row["day"]] += row["changes"]
        known = looked | found.keys()
        return Series(name, [found[day] if day in known else None for day in change_days])

    usage = {row["day"]: row for row in document.usage_daily}
    statuses = {row["status"]: row["organizations"] for row in document.statuses}
    return Figures(
        expected=sum(statuses.values()),
        complete=statuses.get("complete", 0),
        statuses=[(words.term(word), count, words.state(word)) for word, count in statuses.items()],
        change_days=change_days,
        days_with_runs=len(looked.intersection(change_days)),
        changes=[changes(name, rows) for name, rows in _groups(real, "change")],
        changes_of_resources=[changes(name, rows) for name, rows in _groups(real, "resource")],
        first_loads=changes("first loads", first),
        usage_days=usage_days,
        calls=_column("API calls", usage, "api_calls", usage_days),
        reporters=_column("connections", usage, "connections", usage_days),
    )


def _column(name: str, rows: dict[date, Row], column: str, days: list[date]) -> Series:
    return Series(name, [rows[day][column] if day in rows else None for day in days])


def _days(today: date, count: int) -> list[date]:
    return [today - timedelta(days=back) for back in range(count - 1, -1, -1)]


def _groups(rows: Rows, column: str) -> list[tuple[str, Rows]]:
    """Rows by the value of a column, the most changes first."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[column]].append(row)
    return sorted(groups.items(), key=lambda each: -sum(row["changes"] for row in each[1]))
