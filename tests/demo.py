"""``make demo``: the real job over a simulated fleet into the embedded Postgres, and its page."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import asyncpg

from aggregator import embedded
from aggregator.terminal.console import new_console, new_table, safe
from tests.simulator import Simulator, demo_fleet

ROOT = Path(__file__).parent.parent
DATA_DIR = Path(".aggregator") / "demo"
PAGE = DATA_DIR / "fleet.html"
PARTLY_COMPLETE = 3

QUESTIONS = (
    (
        "Connections by type, over all organizations",
        """
        select type_name as type, count(*) as connections,
               count(*) filter (where is_healthy) as healthy,
               count(*) filter (where not is_healthy) as unhealthy,
               count(*) filter (where is_healthy is null) as unknown,
               count(distinct organization) as organizations
        from reporting.connections
        group by type_name order by connections desc, type limit 10
        """,
    ),
    (
        "Organizations that were not read, and why",
        """
        select organization, status, last_outcome, last_error
        from reporting.organizations
        where status <> 'complete' order by organization
        """,
    ),
    (
        "The five connections whose failure reaches furthest: their blast radius (- is not known)",
        """
        select connection_name as connection, organization as owner, type_id as type,
               copies, array_to_string(organizations, ', ') as reaches,
               affected_bulk_syncs as bulk_syncs, affected_model_syncs as model_syncs,
               affected_models as models, is_certain
        from reporting.blast_radius b
        where root_connection_id is null
        order by b.affected_organizations desc nulls last,
                 coalesce(affected_bulk_syncs, 0) + coalesce(affected_model_syncs, 0) desc
        limit 5
        """,
    ),
    (
        "How far these numbers can be trusted",
        """
        select organizations_expected as organizations, organizations_complete as complete,
               is_complete, connections, healthy_connections as healthy,
               unhealthy_connections as unhealthy, connections_without_status as unknown,
               strict_connections as connections_if_complete
        from reporting.fleet_summary
        """,
    ),
    (
        "The last runs: an unchanged fleet changes nothing",
        """
        select started_at, exit_code, requests, seen, created, updated, unchanged, removed
        from reporting.runs order by started_at desc limit 3
        """,
    ),
)


async def main() -> int:
    """0 when the run did what this fleet makes it do: some organizations fail, the rest is read."""
    server = await asyncio.to_thread(embedded.start, DATA_DIR)
    async with Simulator(demo_fleet()) as simulator:
        print(
            f"simulator: {simulator.base_url}, {len(simulator.fleet)} organizations\n", flush=True
        )
        keys = {f"API_KEYS__{name}": key for name, key in simulator.fleet.api_keys.items()}
        exit_code = await _run("sync", BASE_URL=simulator.base_url, **keys)
    connection = await asyncpg.connect(server.dsn)
    try:
        for title, query in QUESTIONS:
            _print_answer(title, [dict(row) for row in await connection.fetch(query)])
    finally:
        await connection.close()
    written = await _run("report", "--output", PAGE.name)
    print(
        "ask it yourself:\n"
        f"  .venv/bin/python -m aggregator.embedded psql {DATA_DIR}\n"
        f"  any BI tool on this machine: {server.tcp_url}\n"
        f"  stop the database: .venv/bin/python -m aggregator.embedded stop {DATA_DIR}\n"
        f"the whole fleet on one page, for a browser: {PAGE}"
    )
    return 0 if (exit_code, written) == (PARTLY_COMPLETE, 0) else 1


async def _run(*arguments: str, **settings: str) -> int:
    """The command's exit code."""
    settings["DATA_DIR"] = str(DATA_DIR.resolve())
    chosen = {f"AGGREGATOR_{name}": value for name, value in settings.items()}
    own = {name: value for name, value in os.environ.items() if not name.startswith("AGGREGATOR_")}
    # Elsewhere than here, so that it never sees the .env of whoever tries it.
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "aggregator", *arguments),
        cwd=DATA_DIR,
        env={**own, **chosen, "PYTHONPATH": str(ROOT)},
    )
    return await process.wait()


def _print_answer(title: str, rows: Sequence[Mapping[str, object]]) -> None:
    table = new_table(title=title)
    for name in rows[0] if rows else ():
        table.add_column(name, justify="right" if isinstance(rows[0][name], int) else "left")
    for row in rows:
        table.add_row(*(_shown(value) for value in row.values()))
    new_console().print(table if rows else f"{title}: none")


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return "-" if value is None else safe(value)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
