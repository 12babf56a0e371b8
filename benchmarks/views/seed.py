"""Fills a migrated database with a fleet by COPY, without what a run does row by row."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice

import asyncpg

from aggregator.migrate import migrate
from benchmarks.views.fleet import Fleet
from benchmarks.views.sizes import Sizes

_LINES = 2_000
_OWN = "valid_from, first_seen_at, generation"
_KEY = "deployment, organization_id, id"

Table = tuple[str, str, Callable[[Fleet], Iterable[str]]]

TABLES: tuple[Table, ...] = (
    (
        "ledger.organizations",
        "organization, deployment, organization_id, organization_name, tags",
        Fleet.organizations,
    ),
    ("ledger.resources", "resource, per, is_enabled", Fleet.resources),
    (
        "ledger.scopes",
        ("organization, resource, generation, last_attempt_at, last_outcome, last_error,"
        " last_read_at, last_complete_at, records, withheld, observed_since, observed_until"),
        Fleet.scopes,
    ),
    ("ledger.scope_days", "organization, resource, day", Fleet.scope_days),
    ("ledger.drift", "organization, resource, kind, path, mark, first_seen_at, last_seen_at",
     Fleet.drift),
    (
        "ledger.runs",
        ("run_id, started_at, finished_at, status, exit_code, version, duration_seconds, requests,"
        " retries, resources"),
        Fleet.runs,
    ),
    (
        "ledger.run_organizations",
        ("run_id, organization, resource, organization_id, outcome, requests, started_at,"
        " finished_at, recorded_at"),
        Fleet.run_organizations,
    ),
    (
        "inventory.history",
        (f"resource, {_KEY}, valid_from, valid_to, change, changed_fields, first_seen_at,"
        " generation, record"),
        Fleet.history,
    ),
    (
        "inventory.connections",
        (f"{_KEY}, name, type_id, type_name, operations, status, status_error, endpoint, saved,"
        " configuration, policies, parent_connection_id, created_at, created_by_name, updated_at,"
        f" content_hash, change, changed_fields, {_OWN}"),
        Fleet.connections,
    ),
    (
        "inventory.connections_readings",
        f"{_KEY}, api_calls_last_24_hours, rate_limit_reported",
        Fleet.readings,
    ),
    ("inventory.api_usage_days", f"{_KEY}, day, last_value, max_value", Fleet.usage_days),
    (
        "inventory.bulk_syncs",
        (f"{_KEY}, name, active, source_connection_id, destination_connection_id, schedule,"
        f" content_hash, {_OWN}"),
        Fleet.bulk_syncs,
    ),
    ("inventory.models", f"{_KEY}, name, connection_id, fields, content_hash, {_OWN}",
     Fleet.models),
    (
        "inventory.model_syncs",
        f"{_KEY}, name, active, model_ids, target_connection_id, schedule, content_hash, {_OWN}",
        Fleet.model_syncs,
    ),
)  # fmt: skip


async def is_seeded(url: str) -> bool:
    connection = await asyncpg.connect(url)
    try:
        known = await connection.fetchval("select to_regclass('inventory.connections') is not null")
        return bool(known) and bool(
            await connection.fetchval("select exists (select from inventory.connections)")
        )
    finally:
        await connection.close()


async def seed(url: str, sizes: Sizes) -> None:
    """Migrates an empty database and fills it; a few minutes at full size."""
    await migrate(url)
    fleet = Fleet(sizes, datetime.now(UTC).replace(minute=0, second=0, microsecond=0))
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("set maintenance_work_mem = '512MB'")
        await connection.execute("set synchronous_commit = off")
        await connection.execute("set session_replication_role = replica")  # no trigger, no check
        for table, columns, rows in TABLES:
            await _fill(connection, table, columns, rows(fleet))
        await connection.execute("set session_replication_role = origin")
        await _timed("summaries", connection.execute("select inventory.recount_summaries()"))
        await _timed("vacuum analyze", connection.execute("vacuum analyze"))
        await connection.execute("checkpoint")
    finally:
        await connection.close()


async def _fill(
    connection: asyncpg.Connection, table: str, columns: str, lines: Iterable[str]
) -> None:
    schema, name = table.split(".")
    await _timed(
        table,
        connection.copy_to_table(
            name,
            schema_name=schema,
            columns=columns.split(", "),
            source=_blocks(iter(lines)),
        ),
    )


async def _blocks(lines: Iterator[str]) -> AsyncIterator[bytes]:
    while block := list(islice(lines, _LINES)):
        yield ("\n".join(block) + "\n").encode()


async def _timed(name: str, doing: object) -> None:
    began = time.monotonic()
    done = await doing  # type: ignore[misc]
    print(f"  {name}: {done} in {time.monotonic() - began:.0f} s", flush=True)
