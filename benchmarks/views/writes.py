"""What each index and trigger of the dashboards costs whoever writes, beside what it weighs.

Both paths are the writer's own statements over the seeded fleet, rolled back in the end: a first
load by COPY of organizations that are moved out first, and a day's changes through the staging
table. Each is measured as it is, and once more without one index or the triggers of one table.
"""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import asyncpg

from aggregator.resources import RESOURCES
from aggregator.sql import resource_statement
from benchmarks import report

ROWS = 20_000
ROUNDS = 5
_CONNECTIONS = RESOURCES["connections"]


@dataclass(frozen=True, slots=True)
class Part:
    """Something that can be left out, and the question that it is for."""

    name: str
    leave_out: str
    relation: str
    """In ``inventory``: its size is the weight."""
    serves: str


def _index(name: str, serves: str) -> Part:
    return Part(name, f"drop index inventory.{name}", name, serves)


def _triggers(name: str, table: str, serves: str) -> Part:
    drops = "; ".join(
        f"drop trigger {name}_{event} on inventory.connections" for event in ("insert", "update")
    )
    return Part(f"triggers {name}", drops, table, serves)


PARTS = (
    _triggers(
        "keep_connection_counts",
        "connection_counts",
        "fleet_summary, organizations, connection_types_in_use",
    ),
    _triggers(
        "keep_unhealthy_connections",
        "unhealthy_connections",
        "unhealthy_connections, organization_health",
    ),
    _triggers("keep_change_days", "change_days", "changes_daily"),
    _index("connections_valid_from", "changes"),
    _index("connections_endpoint", "same_endpoint"),
    _index("connections_id", "fleet_summary, connection_types_in_use, same_endpoint"),
    _index("history_valid_from", "changes"),
    _index("history_id", "connection_history"),
)


async def measure_writes(url: str) -> list[dict[str, Any]]:
    """Microseconds a row of both paths, with everything and without each part; prints a table."""
    connection = await asyncpg.connect(url)
    try:
        rows = await _copied(connection)
        variants: list[tuple[str, str]] = [("with everything", "select 1")]
        variants += [(part.name, part.leave_out) for part in PARTS]
        everything = "; ".join(part.leave_out for part in PARTS)
        variants.append(("all of them", everything))
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name, _ in variants}
        for _ in range(ROUNDS):  # in turn, so that a busy moment meets all
            for name, leave_out in variants:
                first = await _first_load(connection, leave_out, rows)
                changed = await _changes(connection, leave_out)
                taken[name].append((first, changed))
        return await _told(connection, taken)
    finally:
        await connection.close()


async def _copied(connection: asyncpg.Connection) -> bytes:
    """Whole organizations, as a first load copies them."""
    out = io.BytesIO()
    await connection.copy_from_query(
        f"select {_columns()} from inventory.connections"  # noqa: S608 - names of ours
        " order by deployment, organization_id limit $1",
        ROWS,
        output=out,
    )
    return out.getvalue()


def _columns() -> str:
    return ", ".join(
        ("deployment", "organization_id", "id", *_CONNECTIONS.columns, "content_hash", "rights",
         "generation")
    )  # fmt: skip


async def _first_load(connection: asyncpg.Connection, leave_out: str, rows: bytes) -> float:
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(
            "create temporary table moved on commit drop as select deployment, organization_id, id"  # noqa: S608 - a number of ours
            f" from inventory.connections order by deployment, organization_id limit {ROWS}"
        )
        await connection.execute("set local session_replication_role = replica")
        for table in ("connections", "unhealthy_connections"):
            await connection.execute(
                f"delete from inventory.{table} c using moved m"  # noqa: S608 - names of ours
                " where (c.deployment, c.organization_id, c.id)"
                " = (m.deployment, m.organization_id, m.id)"
            )
        await connection.execute("set local session_replication_role = origin")
        await connection.execute(leave_out)
        began = time.perf_counter()
        await connection.copy_to_table(
            "connections",
            schema_name="inventory",
            columns=_columns().split(", "),
            source=io.BytesIO(rows),
        )
        return (time.perf_counter() - began) / ROWS * 1e6
    finally:
        await transaction.rollback()


async def _changes(connection: asyncpg.Connection, leave_out: str) -> float:
    """One row in a hundred with another name and status."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(leave_out)
        await connection.execute(resource_statement("stage", _CONNECTIONS))
        values = ", ".join(
            {
                "name": "name || ' again'",
                "status": "case status when 'healthy' then 'unhealthy' else 'healthy' end",
            }.get(column, column)
            for column in _CONNECTIONS.columns
        )
        done = await connection.execute(
            "insert into pg_temp.stage_connections"  # noqa: S608 - names of ours
            f" select deployment, organization_id, id, {values}, md5(id)::bytea, rights"
            " from inventory.connections where hashtext(id) % 100 = 0"
        )
        rows = int(done.split()[-1])
        began = time.perf_counter()
        generation = 1 << 40
        await connection.execute(
            resource_statement("close_versions", _CONNECTIONS), "connections", generation
        )
        await connection.fetch(
            resource_statement("upsert", _CONNECTIONS), "connections", generation
        )
        return (time.perf_counter() - began) / max(rows, 1) * 1e6
    finally:
        await transaction.rollback()


async def _told(
    connection: asyncpg.Connection, taken: dict[str, list[tuple[float, float]]]
) -> list[dict[str, Any]]:
    medians = {
        name: tuple(median(column) for column in zip(*each, strict=True))
        for name, each in taken.items()
    }
    whole = medians["with everything"]
    table: list[Sequence[str]] = [("part", "size", "first load", "change", "serves")]
    table.append(("with everything", "", f"{whole[0]:.1f} µs", f"{whole[1]:.0f} µs", ""))
    told = [{"part": "with everything", "first_load": whole[0], "change": whole[1], "bytes": None}]
    for part in PARTS:
        without = medians[part.name]
        size = await connection.fetchval(
            "select pg_total_relation_size(('inventory.' || $1)::regclass)", part.relation
        )
        costs = [one - other for one, other in zip(whole, without, strict=True)]
        told.append({"part": part.name, "first_load": costs[0], "change": costs[1], "bytes": size})
        table.append(
            (part.name, f"{size / 1e6:,.0f} MB", f"{costs[0]:+.1f} µs", f"{costs[1]:+.0f} µs",
             part.serves)
        )  # fmt: skip
    none = medians["all of them"]
    table.append(
        ("all of them", "", f"{whole[0] - none[0]:+.1f} µs", f"{whole[1] - none[1]:+.0f} µs", "")
    )
    report.print_table(table)
    return told
