"""What pruning deletes, table by table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aggregator.terminal.console import new_console, new_table


def print_pruning(document: Mapping[str, Any]) -> None:
    console = new_console()
    kept = ", ".join(f"{kind} {since[:10]}" for kind, since in document["kept_since"].items())
    console.print(f"kept since: {kept}")
    applied = document["applied"]
    table = new_table("table", "deleted" if applied else "rows", "oldest", "newest")
    for row in document["tables"]:
        table.add_row(row["table"], f"{row['rows']:,}", row["oldest"] or "-", row["newest"] or "-")
    console.print(table)
    if applied:
        console.print(f"deleted: {sum(row['rows'] for row in document['tables']):,} rows")
    else:
        console.print("nothing was deleted: --apply does it")
