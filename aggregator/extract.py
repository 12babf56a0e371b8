"""Reads a view from its first row to its last, as it was at one moment, a few rows at a time."""

from __future__ import annotations

import difflib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aggregator.database import Database
from aggregator.errors import ConfigurationError
from aggregator.export.column import Column
from aggregator.sql import statement

if TYPE_CHECKING:
    from aggregator.database import Connection

ROWS_AT_ONCE = 500
FETCH_TIMEOUT_SECONDS = 3600.0
"""A view that sorts or counts gives its first row when it has read everything."""
MOST_SIMILAR = 3


@dataclass(frozen=True, slots=True)
class Extract:
    """A view that is being read; only for as long as the block of ``open_view`` runs."""

    view: str
    columns: Sequence[Column]
    _connection: Connection

    async def rows(self) -> AsyncIterator[Sequence[Sequence[Any]]]:
        """Up to ``ROWS_AT_ONCE`` rows at a time, in no particular order."""
        await self._connection.execute(statement("declare_rows").replace("{view}", self.view))
        while rows := await self._connection.fetch(
            f"fetch {ROWS_AT_ONCE} from exported", timeout=FETCH_TIMEOUT_SECONDS
        ):
            yield [tuple(row) for row in rows]


@asynccontextmanager
async def open_view(database: Database, name: str) -> AsyncIterator[Extract]:
    """The view of that name, with its schema where that is not ``reporting``.

    Raises ``ConfigurationError`` for one that does not exist, or that this login may not read.
    """
    async with database.snapshot() as connection:
        rows = await connection.fetch(statement("readable_views"))
        view = _find(name, {row["view"]: row["is_readable"] for row in rows})
        columns = await connection.fetch(statement("view_columns"), view)
        yield Extract(view, [Column(**column) for column in columns], connection)


def _find(name: str, views: dict[str, bool]) -> str:
    view = name if "." in name else f"reporting.{name}"
    if views.get(view):
        return view
    if view in views:
        raise ConfigurationError([f"this login of the database may not read {view}"])
    if not views:
        raise ConfigurationError(["the database has no views yet; run: aggregator migrate"])
    near = _near(view, views)
    hint = f"; did you mean {' or '.join(each.removeprefix('reporting.') for each in near)}?"
    raise ConfigurationError([f"no such view: {name!a}" + (hint if near else "")])


def _near(view: str, views: dict[str, bool]) -> list[str]:
    """Views whose names are like this one, the nearest first.

    Those of people are told of in any case: whoever may not read them learns it, and not that
    there are no users.
    """
    told = {
        _bare(each): each
        for each, may in sorted(views.items())
        if may or each.startswith("people.")
    }
    return [told[each] for each in difflib.get_close_matches(_bare(view), told, MOST_SIMILAR)]


def _bare(view: str) -> str:
    """Compared with its schema, every name of that schema would be near."""
    return view.rpartition(".")[2]
