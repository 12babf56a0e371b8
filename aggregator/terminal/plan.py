"""What a plan would change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aggregator.scope import MOST_NAMED
from aggregator.terminal.console import MOST_ROWS, new_table, safe

if TYPE_CHECKING:
    from rich.console import Console

_NAMED_KINDS = ("updated", "removed", "restored", "withheld")


def print_plan(console: Console, planned: Sequence[Mapping[str, Any]]) -> None:
    """Organization by organization, and the rows that it names."""
    if not planned:
        console.print("nothing would change")
        return
    counted = [name for name, value in planned[0].items() if isinstance(value, int)]
    table = new_table("would change", "resource")
    for name in counted:
        table.add_column(name, justify="right")
    table.add_column("changes by field")
    for row in planned[:MOST_ROWS]:
        fields = ", ".join(f"{name} {count}" for name, count in row["fields"].items())
        numbers = (str(row[name]) for name in counted)
        table.add_row(safe(row["organization"]), row["resource"], *numbers, safe(fields))
    console.print(table)
    named = [
        (row["organization"], change)
        for row in planned
        for change in row["changes"]
        if change["change"] != "created"
    ]
    if named:
        table = new_table("organization", "would be", "id", "name", "why or what")
        for organization, change in named[:MOST_ROWS]:
            why = change.get("reason") or ", ".join(change.get("fields", ()))
            texts = (organization, change["change"], change["id"], change.get("name", ""), why)
            table.add_row(*map(safe, texts))
        console.print(table)
    if len(planned) > MOST_ROWS or len(named) > MOST_ROWS:
        console.print("[dim]and more; --json has them[/]")
    unnamed = sum(row[kind] for row in planned for kind in _NAMED_KINDS) - len(named)
    if unnamed > 0:
        console.print(
            f"[bold]{unnamed} more rows[/] are counted and not named: a plan names {MOST_NAMED} of"
            " each kind in an organization"
        )
