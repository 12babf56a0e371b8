"""What a page shows, as it was read at one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Row: TypeAlias = Mapping[str, Any]
Rows: TypeAlias = Sequence[Row]


@dataclass(frozen=True, slots=True)
class Document:
    """Each field holds the rows of the statement ``page_<field>``, whose header says what they are.

    Lists that are cut carry in each row, as ``total``, how many there are in all.
    """

    moment: Rows
    summary: Rows
    statuses: Rows
    ages: Rows
    resources: Rows
    not_complete: Rows
    organizations: Rows
    unhealthy_ages: Rows
    unhealthy: Rows
    days: Rows
    changes_daily: Rows
    changes: Rows
    usage_daily: Rows
    usage_top: Rows
    types: Rows
    blast_radius: Rows
    drift: Rows
    runs: Rows
