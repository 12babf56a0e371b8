"""Who was granted what."""

from __future__ import annotations

import json
from collections.abc import Sequence

from aggregator.access import Grant
from aggregator.terminal.console import new_console, new_table, safe


def print_grants(grants: Sequence[Grant]) -> None:
    """A row for each grant."""
    console = new_console()
    if not grants:
        console.print("nothing is granted to anybody")
        return
    table = new_table("login", "sees", "organizations", "note")
    for each in grants:
        table.add_row(
            safe(each.login),
            safe(_shown(each)),
            str(each.organizations),
            "" if each.role_exists else "there is no such login",
        )
    console.print(table)


def _shown(grant: Grant) -> str:
    if grant.tag is None:
        return f"organization {grant.organization}"
    return "tag " + ", ".join(f"{key}={value}" for key, value in json.loads(grant.tag).items())
