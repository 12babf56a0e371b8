"""The schema cache of one connection, and what a bulk sync could read from it (5.3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from tests.simulator.generate import Connection, Record, moment
from tests.simulator.inventory.links import can

NEVER = "0001-01-01T00:00:00Z"
"""The zero time of the server's language, for what did not happen yet."""

_TODAY = datetime(2026, 11, 22, tzinfo=UTC)
_STATUSES = ("fresh", "fresh", "fresh", "cached", "")
_NAMES = ("users", "orders", "invoices", "events", "Länder")


def make_schema_state(connection: Connection) -> Record | None:
    """None for connections that have no schemas."""
    if not can(connection, "bulksyncsource"):
        return None
    random = Random(f"schemas of {connection.get('id')}")  # noqa: S311 - repeatable
    status = random.choice(_STATUSES)
    started = _TODAY - timedelta(minutes=random.randint(1, 5000))
    finished = started + timedelta(seconds=random.randint(1, 300))
    return {
        "cache_status": status,
        "last_refresh_started": moment(started) if status else NEVER,
        "last_refresh_finished": moment(finished) if status else NEVER,
    }


def make_source(connection: Connection) -> Record | None:
    """With the fields of every schema; the endpoint drops them unless they are asked for."""
    if not can(connection, "bulksyncsource"):
        return None
    random = Random(f"source of {connection.get('id')}")  # noqa: S311 - repeatable
    namespaced = random.random() < 0.6
    names = random.sample(_NAMES, k=random.randint(0, len(_NAMES)))
    schemas = [_schema(f"public.{name}" if namespaced else name, name) for name in names]
    return {
        "capabilities": {
            "supports_tracking_fields": random.random() < 0.5,
            "supports_namespaces": namespaced,
        },
        "configuration": random.choice((None, {"lookback_minutes": 30})),
        "schemas": schemas or None,
    }


def _schema(schema_id: str, name: str) -> Record:
    fields = [
        {"id": "id", "name": "id", "type": "number", "remote_type": "bigint"},
        {"id": "note", "name": "note", "type": "string", "remote_type": "text"},
    ]
    return {"id": schema_id, "name": name, "fields": fields}
