"""API calls of one connection in the last 24 hours, by sync and category, in camelCase (5.2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from tests.simulator.generate import Connection, Record, moment

_NOW = datetime(2026, 11, 22, tzinfo=UTC)
_CATEGORIES = {"salesforce": (("rest", "REST API"), ("bulk", "Bulk API"))}
_OTHERWISE = (("api", "API calls"),)


def make_usage(
    connection: Connection,
    bulk_syncs: Sequence[Record],
    model_syncs: Sequence[Record],
    models: Sequence[Record],
) -> Record:
    """The connection's own number, and how much of it each sync that uses it spent."""
    random = Random(f"usage of {connection.get('id')}")  # noqa: S311 - repeatable
    calls = connection.get("api_calls_last_24_hours")
    kind = (connection.get("type") or {}).get("id")
    reports = isinstance(calls, int) and random.random() < 0.8
    users = _users(connection, bulk_syncs, model_syncs, models) if reports else []
    left = calls if isinstance(calls, int) else 0
    by_sync = []
    for sync_type, sync in users:
        spent = random.randint(0, left)
        left -= spent
        by_sync.append(_spent(random, sync_type, sync, spent, str(kind)))
    return {
        "connectionId": connection.get("id"),
        "callsLast24h": calls,
        "reportsSyncStats": reports,
        "bySync": sorted(by_sync, key=lambda each: each["totalCalls"], reverse=True),
    }


def _users(
    connection: Connection,
    bulk_syncs: Sequence[Record],
    model_syncs: Sequence[Record],
    models: Sequence[Record],
) -> list[tuple[str, Record]]:
    own = connection.get("id")
    read = {model.get("id") for model in models if model.get("connection_id") == own}
    bulk = [
        ("bulk", sync)
        for sync in bulk_syncs
        if own in (sync.get("source_connection_id"), sync.get("destination_connection_id"))
    ]
    model = [
        ("model", sync)
        for sync in model_syncs
        if sync.get("target_connection_id") == own or read & set(sync.get("model_ids") or ())
    ]
    return bulk + model


def _spent(random: Random, sync_type: str, sync: Record, calls: int, kind: str) -> Record:
    categories, left = [], calls
    named = _CATEGORIES.get(kind, _OTHERWISE)
    for number, (key, label) in enumerate(named, 1):
        part = left if number == len(named) else random.randint(0, left)
        left -= part
        categories.append({"key": key, "label": label, "calls": part})
    ran = _NOW - timedelta(minutes=random.randint(1, 1440))
    return {
        "syncId": sync.get("id"),
        "syncName": sync.get("name") if random.random() < 0.9 else "",
        "syncType": sync_type,
        "totalCalls": calls,
        "lastRunAt": moment(ran) if random.random() < 0.9 else None,
        "categories": sorted(categories, key=lambda each: each["calls"], reverse=True),
    }
