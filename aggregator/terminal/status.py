"""Coverage, and the state of every organization."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aggregator.terminal.console import age, new_console, new_table, number, safe

_STYLES = {
    "complete": "green",
    "stale": "yellow",
    "failed": "red",
    "never": "yellow",
    "no_key": "yellow",
}


def print_status(document: Mapping[str, Any]) -> None:
    """Coverage and every organization, the ones to look at first."""
    console = new_console()
    coverage = ", ".join(f"{count} {status}" for status, count in document["coverage"].items())
    gone = sum(row["gone_upstream_since"] is not None for row in document["organizations"])
    of_these = f"; of these {gone} gone upstream" if gone else ""
    console.print(f"organizations: {coverage or 'none'}{of_these}")
    last = document["last_run"]
    if last:
        console.print(f"last run: {last['status']}, started {last['started_at']}")
        if last["headline"]:
            console.print(f"[bold red]{safe(last['headline'])}[/]")
    withheld = any(row["withheld_connections"] for row in document["organizations"])
    numbers = ["connections", "unhealthy", *(["withheld"] if withheld else [])]
    table = new_table("organization", "status", "age", *numbers, "outcome", "behind", "why")
    for row in sorted(document["organizations"], key=_looked_at):
        why = row["last_error"] or ""
        if row["gone_upstream_since"]:
            why = f"not on the partner's list since {row['gone_upstream_since'][:16]}"
        style = _STYLES.get(row["status"], "dim") if row["is_expected"] else "dim"
        table.add_row(
            safe(row["organization"]),
            f"[{style}]{row['status']}[/]",
            age(row["age_seconds"]),
            number(row["connections"]),
            number(row["unhealthy_connections"]),
            *([number(row["withheld_connections"])] if withheld else []),
            row["last_outcome"] or "",
            _behind(row),
            safe(why),
        )
    console.print(table)
    if withheld:
        console.print(
            "[bold yellow]withheld[/] rows are counted as connections, though the last answer"
            " lacked them: reporting.connections has withheld_since and withheld_reason"
        )


def _behind(row: Mapping[str, Any]) -> str:
    """The resources whose last attempt was not complete."""
    behind = row["resources_not_complete"]
    return "all" if behind and not row["resources_complete"] else ", ".join(behind)


def _looked_at(row: Mapping[str, Any]) -> int:
    """Who is not as it should be comes first, who is not expected last."""
    if not row["is_expected"]:
        return 2
    return 1 if row["status"] == "complete" else 0
