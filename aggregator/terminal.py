"""What people see: a progress bar on a terminal, and tables; nothing of it with ``--json``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aggregator.scope import MOST_NAMED

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from aggregator.summary import Summary

MOST_ROWS = 40
LONGEST_VALUE = 200
_NAMED_KINDS = ("updated", "removed", "restored", "withheld")
_STYLES = {
    "complete": "green",
    "stale": "yellow",
    "failed": "red",
    "never": "yellow",
    "no_key": "yellow",
}


@contextmanager
def progress() -> Iterator[Callable[[Summary], None]]:
    """A bar on standard error while the block runs, if that is a terminal; else nothing."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 (only where it is shown)
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]} failed  {task.fields[rate]:.0f}/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("organizations", total=None, failed=0, rate=0.0)

        def show(summary: Summary) -> None:
            speed = bar.tasks[0].speed or 0.0
            bar.update(
                task,
                total=summary.scopes,
                completed=summary.done,
                failed=summary.failed,
                rate=speed,
            )

        yield show


def _console() -> Console:
    from rich.console import Console  # noqa: PLC0415 (only where it is shown)

    wide = None if sys.stdout.isatty() else 160
    return Console(width=wide, highlight=False, soft_wrap=False)


def _table(*columns: str, title: str | None = None) -> Table:
    """A table without lines: in 80 columns the words count."""
    from rich.table import Table  # noqa: PLC0415

    return Table(*columns, title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))


def _safe(text: object) -> str:
    """Text from outside as it may reach a terminal: no control characters, no markup."""
    from rich.markup import escape  # noqa: PLC0415

    plain = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))
    return escape(plain)


def print_summary(account: Mapping[str, Any], summary: Summary) -> None:
    """The result of a run: organizations, records by resource, and what went wrong, grouped."""
    console = _console()
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
        _print_plan(console, account["plan"])
    table = _table("records")
    fields = list(next(iter(account["resources"].values()), {}))
    for name in fields:
        table.add_column(name, justify="right")
    for name, numbers in account["resources"].items():
        table.add_row(name, *(str(numbers[field]) for field in fields))
    if fields:
        console.print(table)
    if summary.groups:
        troubles = _table("not complete", "organizations", "resources", "why", "such as")
        for group in summary.groups[:MOST_ROWS]:
            more = f" and {group.count - len(group.examples)} more"
            names = ", ".join(map(_safe, group.examples))
            if group.count > len(group.examples):
                names += more
            what = ", ".join(sorted(group.resources))
            troubles.add_row(str(group.outcome), str(group.count), what, _safe(group.error), names)
        console.print(troubles)
    _print_notices(console, summary)


def _print_notices(console: Console, summary: Summary) -> None:
    """What a person should know beyond the numbers, the most pressing last."""
    if summary.walk_races:
        console.print(
            f"{summary.walk_races} rows were missing from their list, though a read by id found"
            " them: they are kept, and counted as seen"
        )
    for headline in summary.headlines:
        console.print(f"[bold red]{_safe(headline)}[/]")
    if summary.withheld_by_complete:
        console.print(
            "[bold yellow]removals were withheld[/]: the rows are kept and marked"
            " (withheld_since and withheld_reason in reporting.connections); a later complete run"
            " that proves them, or sync --accept-removals, lets them go"
        )


def _print_plan(console: Console, planned: Sequence[Mapping[str, Any]]) -> None:
    """What a plan would change: organization by organization, and the rows that it names."""
    if not planned:
        console.print("nothing would change")
        return
    counted = [name for name, value in planned[0].items() if isinstance(value, int)]
    table = _table("would change", "resource")
    for name in counted:
        table.add_column(name, justify="right")
    table.add_column("changes by field")
    for row in planned[:MOST_ROWS]:
        fields = ", ".join(f"{name} {count}" for name, count in row["fields"].items())
        numbers = (str(row[name]) for name in counted)
        table.add_row(_safe(row["organization"]), row["resource"], *numbers, _safe(fields))
    console.print(table)
    named = [
        (row["organization"], change)
        for row in planned
        for change in row["changes"]
        if change["change"] != "created"
    ]
    if named:
        table = _table("organization", "would be", "id", "name", "why or what")
        for organization, change in named[:MOST_ROWS]:
            why = change.get("reason") or ", ".join(change.get("fields", ()))
            texts = (organization, change["change"], change["id"], change.get("name", ""), why)
            table.add_row(*map(_safe, texts))
        console.print(table)
    if len(planned) > MOST_ROWS or len(named) > MOST_ROWS:
        console.print("[dim]and more; --json has them[/]")
    unnamed = sum(row[kind] for row in planned for kind in _NAMED_KINDS) - len(named)
    if unnamed > 0:
        console.print(
            f"[bold]{unnamed} more rows[/] are counted and not named: a plan names {MOST_NAMED} of"
            " each kind in an organization"
        )


def print_status(document: Mapping[str, Any]) -> None:
    """Coverage and every organization, the ones to look at first."""
    console = _console()
    coverage = ", ".join(f"{count} {status}" for status, count in document["coverage"].items())
    gone = sum(row["gone_upstream_since"] is not None for row in document["organizations"])
    of_these = f"; of these {gone} gone upstream" if gone else ""
    console.print(f"organizations: {coverage or 'none'}{of_these}")
    last = document["last_run"]
    if last:
        console.print(f"last run: {last['status']}, started {last['started_at']}")
        if last["headline"]:
            console.print(f"[bold red]{_safe(last['headline'])}[/]")
    withheld = any(row["withheld_connections"] for row in document["organizations"])
    numbers = ["connections", "unhealthy", *(["withheld"] if withheld else [])]
    table = _table("organization", "status", "age", *numbers, "outcome", "why")
    for row in sorted(document["organizations"], key=_looked_at):
        why = row["last_error"] or ""
        if row["gone_upstream_since"]:
            why = f"not on the partner's list since {row['gone_upstream_since'][:16]}"
        style = _STYLES.get(row["status"], "dim") if row["is_expected"] else "dim"
        table.add_row(
            _safe(row["organization"]),
            f"[{style}]{row['status']}[/]",
            _age(row["age_seconds"]),
            _number(row["connections"]),
            _number(row["unhealthy_connections"]),
            *([_number(row["withheld_connections"])] if withheld else []),
            row["last_outcome"] or "",
            _safe(why),
        )
    console.print(table)
    if withheld:
        console.print(
            "[bold yellow]withheld[/] rows are counted as connections, though the last answer"
            " lacked them: reporting.connections has withheld_since and withheld_reason"
        )


def print_explanation(document: Mapping[str, Any]) -> None:
    """Everything known of one connection, organization by organization."""
    console = _console()
    console.print(f"connection [bold]{_brief(document['connection_id'])}[/] (times are UTC)")
    for row in document["organizations"]:
        console.print(
            f"\n[bold]{_safe(row['organization'])}[/]: {_brief(row['organization_name'])},"
            f" {_brief(row['organization_id'])} on {_safe(row['deployment'])}"
        )
        console.print(f"{_brief(row['name'])}, {_brief(row['type_id'])}")
        console.print(_state(row, document["as_of"]))
        confirmed, runs = row["last_confirmed"], row["runs"]
        if confirmed:
            console.print(
                f"last confirmed {_time(confirmed['recorded_at'])} by request"
                f" {_brief(confirmed['request_id'])} of run {confirmed['run_id']}"
            )
            console.print(
                f"seen by {runs['saw_it']} runs, {_time(runs['first_saw_it_at'])}"
                f" to {_time(runs['last_saw_it_at'])}"
            )
        versions = _table("version from", "to", "change", "field", "old", "new")
        for version in row["versions"]:
            known = (_time(version["valid_from"]), _time(version["valid_to"]), version["change"])
            for field in version["fields"] or [dict.fromkeys(("field", "old_value", "new_value"))]:
                values = (_brief(field[name]) for name in ("field", "old_value", "new_value"))
                versions.add_row(*known, *(values if field["field"] else ()))
                known = ("", "", "")
        console.print(versions)
        latest = _table("latest runs", "outcome", "saw it", "request", "why")
        for attempt in runs["latest"]:
            latest.add_row(
                _time(attempt["recorded_at"]),
                attempt["outcome"],
                "yes" if attempt["saw_it"] else "no",
                _brief(attempt["request_id"]),
                _safe(attempt["error"] or ""),
            )
        console.print(latest)


def _state(row: Mapping[str, Any], as_of: str) -> str:
    """What there is to say of it now, and how far that can be trusted."""
    text = f"[bold]{row['state']}[/]"
    if row["state"] == "withheld":
        since = row["withheld_since"]
        text += (
            f" since {_time(since)}, for {_since(since, as_of)}: {_brief(row['withheld_reason'])}"
        )
    elif row["state"] == "removed":
        text += f" {_time(row['removed_at'])}"
    if not row["is_observed"]:
        text += "; [bold yellow]not looked at"
        if row["last_look_at"]:
            text += f" for {_since(row['last_look_at'], as_of)}"
        text += "[/]"
        attempt = row["last_attempt"]
        if attempt:
            text += f"; last attempt {_time(attempt['recorded_at'])}: {attempt['outcome']}"
            text += f", {_brief(attempt['error'])}" if attempt["error"] else ""
    return text


def _looked_at(row: Mapping[str, Any]) -> int:
    """Who is not as it should be comes first, who is not expected last."""
    if not row["is_expected"]:
        return 2
    return 1 if row["status"] == "complete" else 0


def print_check(document: Mapping[str, Any]) -> None:
    """Every key's identity, the database, and all problems."""
    console = _console()
    table = _table("organization", "outcome", "speaks for", "key", "role", "problem")
    for row in document["organizations"]:
        table.add_row(
            _safe(row["organization"]),
            row["outcome"],
            _safe(row["organization_name"] or row["organization_id"] or ""),
            row["key_class"] or "",
            _safe(row["role"] or ""),
            _safe(row["problem"] or ""),
        )
    console.print(table)
    console.print(
        f"api: {_safe(document['base_url'])}, version {document['api_version']}, no proxy"
    )
    console.print(f"database: {_safe(document['database'])}")
    for problem in document["problems"]:
        console.print(f"[red]problem:[/] {_safe(problem)}")
    if not document["problems"]:
        console.print("[green]no problems[/]")


def _number(value: object) -> str:
    return "-" if value is None else str(value)


def _age(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _time(text: str | None) -> str:
    return "-" if text is None else f"{datetime.fromisoformat(text).astimezone(UTC):%F %T}"


def _since(text: str, as_of: str) -> str:
    return _age((datetime.fromisoformat(as_of) - datetime.fromisoformat(text)).total_seconds())


def _brief(value: object) -> str:
    """Any JSON value of outside on one line, the longest cut; ``--json`` has it whole."""
    if value is None:
        return "-"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return _safe(text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…")


def print_query(title: str, rows: Sequence[dict[str, object]]) -> None:
    """The answer to a query as a table."""
    table = _table(title=title)
    for name in rows[0] if rows else ():
        table.add_column(name, justify="right" if isinstance(rows[0][name], int) else "left")
    for row in rows:
        table.add_row(*(_shown(value) for value in row.values()))
    _console().print(table if rows else f"{title}: none")


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return "-" if value is None else _safe(value)
