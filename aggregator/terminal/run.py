"""The result of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aggregator.terminal.console import MOST_ROWS, new_console, new_table, safe
from aggregator.terminal.plan import print_plan

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from aggregator.summary import Group, Summary


def print_summary(account: Mapping[str, Any], summary: Summary) -> None:
    """The result of a run: organizations, records by resource, and what went wrong, grouped."""
    console = new_console()
    counts = account["organizations"]
    console.print(
        f"run {account['run_id']}: [bold]{account['status']}[/], exit code"
        f" {account['exit_code']}, {account['duration_seconds']:.1f} s,"
        f" {account['requests']} requests, {account['retries']} retries"
    )
    console.print(
        f"organizations: {counts['total']} total, {counts['complete']} complete,"
        f" {counts['partial']} partial, {counts['failed']} failed, {counts['deferred']} deferred"
    )
    if "plan" in account:
        console.print("[bold]plan only: nothing was committed[/]")
        print_plan(console, account["plan"])
    table = new_table("records")
    fields = list(next(iter(account["resources"].values()), {}))
    for name in fields:
        table.add_column(name, justify="right")
    for name, numbers in account["resources"].items():
        table.add_row(name, *(str(numbers[field]) for field in fields))
    if fields:
        console.print(table)
    if summary.groups:
        console.print(_troubles(summary.groups))
    _print_notices(console, summary)


def _troubles(groups: Sequence[Group]) -> Table:
    table = new_table("not complete", "organizations", "resources", "why", "such as")
    for group in groups[:MOST_ROWS]:
        names = ", ".join(map(safe, group.examples))
        if group.count > len(group.examples):
            names += f" and {group.count - len(group.examples)} more"
        what = ", ".join(sorted(group.resources))
        table.add_row(str(group.outcome), str(group.count), what, safe(group.error), names)
    return table


def _print_notices(console: Console, summary: Summary) -> None:
    """What a person should know beyond the numbers, the most pressing last."""
    if summary.walk_races:
        console.print(
            f"{summary.walk_races} rows were missing from their list, though a read by id found"
            " them: they are kept, and counted as seen"
        )
    for note in summary.notes:
        console.print(f"[yellow]{safe(note)}[/]")
    for headline in summary.headlines:
        console.print(f"[bold red]{safe(headline)}[/]")
    if summary.withheld_by_complete:
        names = (name for name, counts in sorted(summary.resources.items()) if counts.withheld)
        where = ", ".join("people.users" if n == "users" else f"reporting.{n}" for n in names)
        console.print(
            "[bold yellow]removals were withheld[/]: the rows are kept and marked"
            f" (withheld_since and withheld_reason in {where}); a later complete run"
            " that proves them, or sync --accept-removals, lets them go"
        )
