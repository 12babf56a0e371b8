"""The least that anyone could do: fetch every list and throw it away, then COPY ready-made rows.

``python -m benchmarks.floor KEYS_DIR BASE_URL DATABASE_URL ANSWERS_DIR``. The rows are made before
the clock starts: ``preparation_seconds`` is no part of the figure.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from benchmarks.fetch import CONNECTIONS, fetch_and_discard, read_keys
from benchmarks.loop import run


def rows_of(answers: Path) -> Iterator[tuple[Any, ...]]:
    for file in sorted(answers.glob("*/connections.json")):
        for record in orjson.loads(file.read_bytes())["data"]:
            yield _row(record)


def _row(record: dict[str, Any]) -> tuple[Any, ...]:
    kind, limit = record["type"], record.get("rate_limit") or {}
    created_by, updated_by = record["created_by"], record["updated_by"]
    return (
        "127.0.0.1",
        record["organization_id"],
        record["id"],
        record["name"],
        kind["id"],
        kind["name"],
        kind["operations"],
        record["status"],
        record["status_error"],
        record["saved"],
        orjson.dumps(record["configuration"]).decode(),
        record["policies"],
        record.get("parent_connection_id"),
        record.get("api_calls_last_24_hours"),
        limit.get("currently_limited"),
        _time(limit.get("limited_since")),
        _time(limit.get("expires_at")),
        _time(record["created_at"]),
        created_by["id"],
        created_by["name"],
        created_by["type"],
        _time(record["updated_at"]),
        updated_by["id"],
        updated_by["name"],
        updated_by["type"],
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


async def copy(rows: list[tuple[Any, ...]], database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.copy_records_to_table("connections", records=rows)
    finally:
        await connection.close()


async def main(keys_dir: str, base_url: str, database_url: str, answers: str) -> None:
    opened, opened_cpu = time.monotonic(), time.process_time()
    rows = list(rows_of(Path(answers)))
    gc.freeze()
    started, started_cpu = time.monotonic(), time.process_time()
    await fetch_and_discard(read_keys(Path(keys_dir)), base_url, (CONNECTIONS,))
    fetched = time.monotonic()
    await copy(rows, database_url)
    ended = time.monotonic()
    figures = {
        "preparation_seconds": started - opened,
        "preparation_cpu_seconds": started_cpu - opened_cpu,
        "duration_seconds": ended - started,
        "fetch_seconds": fetched - started,
        "copy_seconds": ended - fetched,
        "rows": len(rows),
    }
    print(orjson.dumps(figures).decode())


if __name__ == "__main__":
    run(main(*sys.argv[1:5]))
