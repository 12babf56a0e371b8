"""Everything known of one connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aggregator.terminal.console import brief, elapsed, moment, new_console, new_table, safe

if TYPE_CHECKING:
    from rich.table import Table


def print_explanation(document: Mapping[str, Any]) -> None:
    """Everything known of one connection, organization by organization."""
    console = new_console()
    console.print(f"connection [bold]{brief(document['connection_id'])}[/] (times are UTC)")
    for row in document["organizations"]:
        console.print(
            f"\n[bold]{safe(row['organization'])}[/]: {brief(row['organization_name'])},"
            f" {brief(row['organization_id'])} on {safe(row['deployment'])}"
        )
        where = f" at {brief(row['endpoint'])}" if row["endpoint"] else ""
        console.print(f"{brief(row['name'])}, {brief(row['type_id'])}{where}")
        console.print(_state(row, document["as_of"]))
        if row["state"] != "removed":
            console.print(_health(row, document["as_of"]))
        confirmed, runs = row["last_confirmed"], row["runs"]
        if confirmed:
            console.print(
                f"last confirmed {moment(confirmed['recorded_at'])} by request"
                f" {brief(confirmed['request_id'])} of run {confirmed['run_id']}"
            )
            console.print(
                f"seen by {runs['saw_it']} runs, {moment(runs['first_saw_it_at'])}"
                f" to {moment(runs['last_saw_it_at'])}"
            )
        console.print(_versions(row["versions"]))
        console.print(_latest(runs["latest"]))


def _state(row: Mapping[str, Any], as_of: str) -> str:
    """What there is to say of it now, and how far that can be trusted."""
    text = f"[bold]{row['state']}[/]"
    if row["state"] == "withheld":
        since = row["withheld_since"]
        text += (
            f" since {moment(since)}, for {elapsed(since, as_of)}: {brief(row['withheld_reason'])}"
        )
    elif row["state"] == "removed":
        text += f" {moment(row['removed_at'])}"
    if not row["is_observed"]:
        text += "; [bold yellow]not looked at"
        if row["last_look_at"]:
            text += f" for {elapsed(row['last_look_at'], as_of)}"
        text += "[/]"
        attempt = row["last_attempt"]
        if attempt:
            text += f"; last attempt {moment(attempt['recorded_at'])}: {attempt['outcome']}"
            text += f", {brief(attempt['error'])}" if attempt["error"] else ""
    return text


def _health(row: Mapping[str, Any], as_of: str) -> str:
    """Its status when it was read last, and why it is not healthy."""
    if not row["status"]:
        return "the server gives no status"
    style = "green" if row["is_healthy"] else "red"
    text = f"[{style}]{brief(row['status'])}[/]"
    if row["status_since"]:
        since = row["status_since"]
        text += f" since {moment(since)}, for {elapsed(since, as_of)}"
    return text + (f": {brief(row['status_error'])}" if row["status_error"] else "")


def _versions(versions: Sequence[Mapping[str, Any]]) -> Table:
    """Every version, a line for each field that it changed."""
    table = new_table("version from", "to", "change", "field", "old", "new")
    for version in versions:
        known = (moment(version["valid_from"]), moment(version["valid_to"]), version["change"])
        for field in version["fields"] or [dict.fromkeys(("field", "old_value", "new_value"))]:
            values = (brief(field[name]) for name in ("field", "old_value", "new_value"))
            table.add_row(*known, *(values if field["field"] else ()))
            known = ("", "", "")
    return table


def _latest(attempts: Sequence[Mapping[str, Any]]) -> Table:
    table = new_table("latest runs", "outcome", "saw it", "request", "why")
    for attempt in attempts:
        table.add_row(
            moment(attempt["recorded_at"]),
            attempt["outcome"],
            "yes" if attempt["saw_it"] else "no",
            brief(attempt["request_id"]),
            safe(attempt["error"] or ""),
        )
    return table
