"""Bulk syncs and what each of them is doing now (polytomic-api 5.4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from tests.simulator.catalogue import CANARY
from tests.simulator.generate import (
    Actor,
    Connection,
    Record,
    actors_of,
    authorship,
    identifier,
    moment,
    policy_for_everyone,
)
from tests.simulator.inventory.links import in_use, newest_first, pick, sources, targets
from tests.simulator.inventory.schedules import make_schedule

_TODAY = datetime(2026, 11, 22, tzinfo=UTC)
_DISCOVER = ("all", "onlyIncremental", "onlyNonIncremental", "none")
_TABLES = ("public.users", "public.orders", "public.invoices", "crm.accounts", "events")
_DONE = ("completed", "completed", "completed", "failed", "errors", "canceled")
_FAILURES = (
    f"dial postgres://loader:{CANARY}-message@db.example:5432/app: connection refused",
    "permission denied for table invoices",
    "",
)


def make_bulk_syncs(
    seed: int, organization_id: str, word: str, count: int, connections: Sequence[Connection]
) -> list[Record]:
    """``count`` bulk syncs, newest change first; none where there are no connections."""
    random = Random(f"{seed}:{organization_id}:bulk syncs")  # noqa: S311 - repeatable
    usable = in_use(connections)
    if not usable:
        return []
    actors = actors_of(organization_id)
    made = []
    for number in range(1, count + 1):
        source = pick(random, number, sources(usable))
        others = [each for each in targets(usable) if each is not source]
        made.append(
            {
                "id": identifier(seed, organization_id, "bulk sync", number),
                "organization_id": organization_id,
                # Names of bulk syncs are not unique.
                "name": random.choice(("Replicate", "Nightly load", f"Load {word}")),
                "active": random.random() < 0.85,
                "mode": random.choice(("replicate", "replicate", "snapshot", "append")),
                "source_connection_id": source["id"],
                "destination_connection_id": random.choice(others or [source])["id"],
                **_configurations(random, word),
                **_schedules(random, actors, f"{organization_id}:{number}"),
                **_choices(random),
                "policies": [policy_for_everyone(organization_id)][: random.randint(0, 1)],
                **authorship(random, actors),
            }
        )
    return newest_first(made)


def make_state(sync: Record) -> Record:
    """What ``/api/bulk/syncs/status`` says of it; times are null where it never ran."""
    random = Random(f"state of {sync.get('id')}")  # noqa: S311 - repeatable
    schedule = sync.get("default_schedule") or {}
    waits = sync.get("active") and schedule.get("frequency") not in (None, "manual")
    following = _TODAY + timedelta(minutes=random.randint(1, 1440))
    never_ran = random.random() < 0.15
    status = "created" if never_ran else random.choice((*_DONE, "running"))
    tables = random.sample(_TABLES, k=random.randint(1, len(_TABLES)))
    executed = [_schema_state(random, table, status) for table in tables]
    return {
        "sync_id": sync.get("id"),
        "status": status,
        "nextExecutionTime": moment(following) if waits else None,
        "schemas": None if never_ran else executed,
    }


def _schema_state(random: Random, table: str, status: str) -> Record:
    if status in ("failed", "errors") and random.random() < 0.5:
        status = "completed"
    started = _TODAY - timedelta(minutes=random.randint(10, 2000))
    ended = None if status == "running" else moment(started + timedelta(seconds=90))
    failed = status in ("failed", "errors")
    return {
        "schema": table,
        "status": "failed" if failed else status,
        "status_message": random.choice(_FAILURES) if failed else "",
        "execution_id": identifier(table, started),
        "record_count": random.randint(0, 5_000_000),
        "error_count": random.randint(1, 40) if failed else 0,
        "warning_count": random.choice((0, 0, 3)),
        "started_at": moment(started),
        "completed_at": ended,
    }


def _configurations(random: Random, word: str) -> Record:
    return {
        "source_configuration": random.choice(
            (
                None,
                {"replication_slot": f"{word}_slot", "lookback_minutes": 30},
                {"headers": [{"name": "Authorization", "value": f"{CANARY}-bulk-header"}]},
            )
        ),
        "destination_configuration": random.choice(
            (None, {"schema": f"raw_{word}", "mirror_schemas": False}, {"file_format": "parquet"})
        ),
    }


def _schedules(random: Random, actors: Sequence[Actor], word: str) -> Record:
    def dated(name: str) -> Record:
        schedule_id = identifier(word, "schedule", name)
        return {"id": schedule_id, **make_schedule(random), **authorship(random, actors)}

    additional = {
        "schemas": ["public.users"],
        "selective_mode": "incrementalFields",
        "resync_mode": "normal",
    }
    return {
        "default_schedule": dated("default"),
        "additional_schedules": random.choice((None, [], [{**dated("first"), **additional}])),
    }


def _choices(random: Random) -> Record:
    return {
        "automatically_add_new_fields": random.choice(_DISCOVER),
        "automatically_add_new_objects": random.choice(_DISCOVER),
        "normalize_names": random.choice(("enabled", "disabled", "legacy")),
        "concurrency_limit": random.choice((None, None, 4)),
        "resync_concurrency_limit": random.choice((None, None, 2)),
        "data_cutoff_timestamp": random.choice((None, None, "2024-01-01T00:00:00Z")),
        "disable_record_timestamps": random.random() < 0.1,
    }
