"""``python -m benchmarks.views``: how fast the views behind dashboards answer over a large fleet.

Seeds an embedded Postgres by COPY, asks every question as the role that BI tools use and as a
login restricted to one team, and says what each index and trigger costs whoever writes.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg

from benchmarks import database, report
from benchmarks.figures import Figure
from benchmarks.views.questions import GOAL_MILLISECONDS, QUESTIONS, Question, subjects
from benchmarks.views.seed import is_seeded, seed
from benchmarks.views.sizes import Sizes
from benchmarks.views.writes import measure_writes

TIMEOUT_SECONDS = 60
READER = "reporting_reader"
TEAM = "restricted"
"""Sees the organizations of one team: one in forty."""


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.views", description=__doc__)
    full = Sizes()
    parser.add_argument("--organizations", type=int, default=full.organizations)
    parser.add_argument("--connections", type=int, default=full.connections, help="in all")
    parser.add_argument("--days", type=int, default=full.days)
    parser.add_argument("--changed", type=float, default=full.changed, help="a day, as a share")
    parser.add_argument("--seed", type=int, default=full.seed)
    parser.add_argument("--times", type=int, default=7, help="how often each question is asked")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="questions with it in their name"
    )
    parser.add_argument("--plans", type=Path, metavar="FOLDER", help="writes a plan of each there")
    parser.add_argument("--writes", action="store_true", help="measures what writing costs, too")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="seeds there once, and uses it from then on"
    )
    return parser.parse_args()


def main() -> int:
    arguments = parse_arguments()
    with ExitStack() as stack:
        folder = arguments.keep or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-views-"))
        )
        url = stack.enter_context(database.database(folder))
        if arguments.plans:
            arguments.plans.mkdir(parents=True, exist_ok=True)
        return asyncio.run(measure(url, arguments))


async def measure(url: str, arguments: argparse.Namespace) -> int:
    sizes = Sizes(
        arguments.organizations,
        arguments.connections,
        arguments.days,
        arguments.changed,
        arguments.seed,
    )
    if not await is_seeded(url):
        print(f"seeding {sizes}", flush=True)
        await seed(url, sizes)
    medians = await ask(url, arguments, READER) | await ask(url, arguments, TEAM)
    figures = [
        Figure(
            name,
            f"≤ {GOAL_MILLISECONDS:g} ms",
            f"{milliseconds:.0f} ms" if milliseconds is not None else f"> {TIMEOUT_SECONDS} s",
            milliseconds is not None and milliseconds <= GOAL_MILLISECONDS,
        )
        for name, milliseconds in medians.items()
    ]
    report.print_figures(figures)
    writes = await measure_writes(url) if arguments.writes else []
    saved = report.save({"sizes": repr(sizes), "figures": figures, "writes": writes})
    print(f"\nraw figures: {saved}")
    return 0 if all(figure.reached for figure in figures) else 1


async def ask(url: str, arguments: argparse.Namespace, role: str) -> dict[str, float | None]:
    """Median milliseconds of each question, rows fetched; None: it took too long."""
    connection = await asyncpg.connect(url)
    medians = {}
    try:
        values = await subjects(connection)
        if role == TEAM:
            await _grant(connection, values["organization"])
        await connection.execute(f"set role {role}")
        await connection.execute(f"set statement_timeout = '{TIMEOUT_SECONDS}s'")
        for question in QUESTIONS:
            if arguments.only in question.name:
                given = [values[name] for name in question.names]
                name = question.name if role == READER else f"{question.name} ({role})"
                medians[name] = await _ask_times(connection, question, given, arguments.times)
                if arguments.plans:
                    await _explain(connection, question.sql, given, arguments.plans, name)
    finally:
        await connection.close()
    return medians


async def _grant(connection: asyncpg.Connection, organization: str) -> None:
    """Lets ``TEAM`` see the organizations that have the tags of this one, as a grant does."""
    if await connection.fetchval("select to_regrole($1) is null", TEAM):
        await connection.execute(f"create role {TEAM} in role reporting_restricted")
    await connection.execute(
        "insert into ledger.grants (login, tag)"
        " select $1, tags from ledger.organizations where organization = $2 on conflict do nothing",
        TEAM,
        organization,
    )


async def _ask_times(
    connection: asyncpg.Connection, question: Question, given: Sequence[Any], times: int
) -> float | None:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        try:
            await connection.fetch(question.sql, *given)
        except asyncpg.QueryCanceledError:
            return None
        taken.append((time.perf_counter() - began) * 1e3)
    return median(taken)


async def _explain(
    connection: asyncpg.Connection, sql: str, given: Sequence[Any], folder: Path, name: str
) -> None:
    try:
        rows = await connection.fetch(f"explain (analyze, buffers) {sql}", *given)
    except asyncpg.QueryCanceledError:
        rows = await connection.fetch(f"explain {sql}", *given)
    plan = "\n".join(row[0] for row in rows)
    file = re.sub(r"\W+", "-", name).strip("-")
    (folder / f"{file}.txt").write_text(f"{sql}\n\n{plan}\n")


if __name__ == "__main__":
    sys.exit(main())
