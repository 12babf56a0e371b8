"""Adds to a fleet on disk what the other resources of the inventory answer.

Each answer is the file named as its path below ``/api``: of an organization in the folder of its
key, of the deployment in the folder ``everyone``.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from benchmarks.connection_types import CONNECTION_TYPES, MASK
from benchmarks.fleet import Fleet, organization_id, seeded, uuid

BULK_SYNCS = MODEL_SYNCS = MODELS = 20
"""Per organization."""
TABLES = 5
"""Of each bulk sync, as the states list them."""
FIELDS = 12
"""Of each model."""
UNHEALTHY_SHARE = 0.08
ACTIVE_SHARE = 0.9
RECORDS = 1 + BULK_SYNCS + MODEL_SYNCS + MODELS
"""Of an organization beside its connections; the organization itself is one."""


def add(fleet: Fleet) -> None:
    """Writes the answers beside those of the fleet; the same sizes give the same bytes."""
    for kind, _, configuration in CONNECTION_TYPES:
        path = f"everyone/connection_types/{kind}"
        _write(fleet.answers / path, {"type": "object", "properties": _schema(configuration)})
    _write_list(
        fleet.answers / "everyone/connection_types",
        [_connection_type(each) for each in CONNECTION_TYPES],
    )
    for index in range(fleet.organizations):
        key = (fleet.keys / f"org-{index:05d}").read_text()
        _write_organization(fleet.answers / key, index)


def _write_organization(folder: Path, index: int) -> None:
    source = seeded(index, "inventory")
    connections = _ids(orjson.loads((folder / "connections.json").read_bytes())["data"])
    common = {"organization_id": organization_id(index), **_authorship(source)}
    models = [_model(source, common, connections) for _ in range(MODELS)]
    bulk_syncs = [_bulk_sync(source, common, connections) for _ in range(BULK_SYNCS)]
    model_syncs = [
        _model_sync(source, common, connections, _ids(models)) for _ in range(MODEL_SYNCS)
    ]
    organization = {
        "id": organization_id(index),
        "name": f"Organization {index:05d}",
        "sso_domain": f"org-{index:05d}.example.com",
        "sso_org_id": "",
        "issuer": "",
    }
    _write(folder / "organization", {"data": organization})
    _write_list(folder / "models", models)
    _write_list(folder / "syncs", model_syncs)
    _write_list(folder / "bulk/syncs", bulk_syncs)
    _write_list(folder / "bulk/syncs/status", [_state(source, each["id"]) for each in bulk_syncs])


def _bulk_sync(
    source: random.Random, common: dict[str, Any], connections: Sequence[str]
) -> dict[str, Any]:
    number = source.randrange(10_000)
    schedule = {"id": uuid(source), **_schedule(source), **_authorship(source)}
    return {
        **common,
        "id": uuid(source),
        "name": f"Orders {number} to warehouse",
        "active": source.random() < ACTIVE_SHARE,
        "mode": source.choice(("replicate", "snapshot", "append")),
        "source_connection_id": source.choice(connections),
        "destination_connection_id": source.choice(connections),
        "source_configuration": {"database": f"shop_{number}", "replication_slot_name": "orders"},
        "destination_configuration": {"schema": f"raw_{number}", "mirror_schemas": False},
        "default_schedule": schedule,
        "additional_schedules": None,
        "automatically_add_new_fields": "all",
        "automatically_add_new_objects": "onlyIncremental",
        "normalize_names": "enabled",
        "concurrency_limit": None,
        "resync_concurrency_limit": None,
        "data_cutoff_timestamp": None,
        "disable_record_timestamps": False,
        "policies": [],
    }


def _state(source: random.Random, sync_id: str) -> dict[str, Any]:
    execution = uuid(source)
    tables = [_table(source, number, execution) for number in range(TABLES)]
    failed = any(table["status"] == "failed" for table in tables)
    return {
        "sync_id": sync_id,
        "status": "failed" if failed else "completed",
        "nextExecutionTime": "2026-11-24T12:30:00Z",
        "schemas": tables,
    }


def _table(source: random.Random, number: int, execution: str) -> dict[str, Any]:
    failed = source.random() < UNHEALTHY_SHARE / TABLES
    return {
        "schema": f"public.table_{number}",
        "status": "failed" if failed else "completed",
        "status_message": "dial tcp 10.0.0.7:5432: connection refused" if failed else "",
        "execution_id": execution,
        "record_count": source.randrange(1_000_000),
        "error_count": 3 if failed else 0,
        "warning_count": 0,
        "started_at": f"2026-11-23T12:30:{source.randrange(60):02d}Z",
        "completed_at": f"2026-11-23T12:34:{source.randrange(60):02d}.123456Z",
    }


def _model_sync(
    source: random.Random,
    common: dict[str, Any],
    connections: Sequence[str],
    models: Sequence[str],
) -> dict[str, Any]:
    return {
        **common,
        "id": uuid(source),
        "name": f"Contacts {source.randrange(10_000)}",
        "active": source.random() < ACTIVE_SHARE,
        "mode": source.choice(("create", "update", "updateOrCreate")),
        "model_ids": [source.choice(models)],
        "target_connection_id": source.choice(connections),
        "target_object": "Contact",
        "schedule": {
            **_schedule(source),
            "connection_id": None,
            "job_id": None,
            "run_after": {"sync_ids": [], "bulk_sync_ids": []},
            "run_after_success_only": False,
        },
        "sync_all_records": False,
        "skip_initial_backfill": True,
        "only_enrich_updates": False,
    }


def _model(
    source: random.Random, common: dict[str, Any], connections: Sequence[str]
) -> dict[str, Any]:
    number = source.randrange(10_000)
    return {
        **common,
        "id": uuid(source),
        "name": f"Customers {number}",
        "connection_id": source.choice(connections),
        "type": "SQL",
        "version": source.randrange(1, 50),
        "identifier": "field_0",
        "configuration": {"table": f"customers_{number}"},
        "tracking_columns": ["updated_at"],
        "labels": [{"id": uuid(source), "name": "core"}],
        "policies": [],
        "relations": [],
        "fields": [_field(source, number) for number in range(FIELDS)],
        "enricher": None,
    }


def _field(source: random.Random, number: int) -> dict[str, Any]:
    return {
        "id": uuid(source),
        "name": f"field_{number}",
        "label": f"Field {number}",
        "type": "string",
        "example": "example",
        "description": "",
        "unique": False,
        "user_added": False,
    }


def _schedule(source: random.Random) -> dict[str, Any]:
    return {
        "frequency": source.choice(("hourly", "daily", "weekly")),
        "hour": str(source.randrange(24)),
        "minute": str(source.randrange(60)),
        "day_of_week": "",
        "day_of_month": "",
        "month": "",
    }


def _authorship(source: random.Random) -> dict[str, Any]:
    day = source.randrange(1, 29)
    return {
        "created_at": f"2024-03-{day:02d}T09:00:00Z",
        "created_by": {"id": uuid(source), "name": "Jo Example", "type": "user"},
        "updated_at": f"2026-10-{day:02d}T17:00:30.123456Z",
        "updated_by": {"id": uuid(source), "name": "Sam Example", "type": "user"},
    }


def _connection_type(connection_type: tuple[str, str, dict[str, Any]]) -> dict[str, Any]:
    kind, name, _ = connection_type
    return {
        "id": kind,
        "name": name,
        "logo_url": f"https://logos.example.com/{kind}.svg",
        "logo_dark_url": f"https://logos.example.com/{kind}-dark.svg",
        "use_oauth": False,
        "capabilities": {"source": True, "destination": True, "enrichment": False},
    }


def _schema(configuration: dict[str, Any]) -> dict[str, Any]:
    """What a type's schema says of its properties: those that answers mask are sensitive."""
    return {
        name: {"type": "string", "title": name, "sensitive": value == MASK}
        for name, value in configuration.items()
    }


def _ids(records: Sequence[dict[str, Any]]) -> list[str]:
    return [record["id"] for record in records]


def _write_list(path: Path, data: Sequence[dict[str, Any]]) -> None:
    _write(path, {"data": data})


def _write(path: Path, document: dict[str, Any]) -> None:
    file = path.with_name(path.name + ".json")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(orjson.dumps(document))
