"""Every key's identity, the database's state, all problems and what is only to be noted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aggregator.terminal.console import new_console, new_table, safe


def print_check(document: Mapping[str, Any]) -> None:
    """Every key's identity, the database, all problems, and notes, which are no problems."""
    console = new_console()
    table = new_table("organization", "outcome", "speaks for", "key", "role", "problem")
    for row in document["organizations"]:
        table.add_row(
            safe(row["organization"]),
            row["outcome"],
            safe(row["organization_name"] or row["organization_id"] or ""),
            row["key_class"] or "",
            safe(row["role"] or ""),
            safe(row["problem"] or ""),
        )
    console.print(table)
    console.print(f"api: {safe(document['base_url'])}, version {document['api_version']}, no proxy")
    console.print(f"database: {safe(document['database'])}")
    for problem in document["problems"]:
        console.print(f"[red]problem:[/] {safe(problem)}")
    for note in document["notes"]:
        console.print(f"[yellow]note:[/] {safe(note)}")
    if not document["problems"]:
        console.print("[green]no problems[/]")
