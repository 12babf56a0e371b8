"""Model syncs: as the list shows them, and the other fields of one read by id (5.5)."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from tests.simulator.catalogue import CANARY
from tests.simulator.generate import Connection, Record, actors_of, authorship, identifier
from tests.simulator.inventory.links import in_use, newest_first, pick, targets
from tests.simulator.inventory.schedules import make_schedule

_MODES = ("create", "update", "updateOrCreate", "updateOrCreate", "replace", "append", "enrich")
_OBJECTS = ("Contact", "Account", "public.scores", "audiences")
_ONLY_LISTED = ("target_connection_id", "target_object")


def make_model_syncs(
    seed: int,
    organization_id: str,
    count: int,
    *,
    connections: Sequence[Connection],
    models: Sequence[Record],
    bulk_syncs: Sequence[Record],
) -> list[Record]:
    """``count`` model syncs, newest change first; none where there are no connections."""
    random = Random(f"{seed}:{organization_id}:model syncs")  # noqa: S311 - repeatable
    usable = in_use(connections)
    if not usable:
        return []
    actors = actors_of(organization_id)
    made: list[Record] = []
    for number in range(1, count + 1):
        used = random.sample(models, k=min(len(models), random.choice((1, 1, 2))))
        made.append(
            {
                "id": identifier(seed, organization_id, "model sync", number),
                "organization_id": organization_id,
                "name": f"Push {number}",
                "active": random.random() < 0.85,
                "mode": random.choice(_MODES),
                "model_ids": [model["id"] for model in used],
                "target_connection_id": pick(random, number, targets(usable))["id"],
                "target_object": random.choice(_OBJECTS),
                "schedule": _schedule(random, number, usable, made, bulk_syncs),
                "sync_all_records": random.random() < 0.2,
                "skip_initial_backfill": random.random() < 0.2,
                "only_enrich_updates": False,
                **authorship(random, actors),
            }
        )
    return newest_first(made)


def detailed(sync: Record) -> Record:
    """The same sync read by id: ``target`` instead of the flat names, fields and filters."""
    model_ids = sync.get("model_ids") or [""]
    source = {"field": "email", "model_id": model_ids[0]}
    identity = {"function": "Equality", "source": source, "target": "Email"}
    return {key: value for key, value in sync.items() if key not in _ONLY_LISTED} | {
        "target": {
            "connection_id": sync.get("target_connection_id") or "",
            "object": sync.get("target_object"),
            "configuration": {"note": f"{CANARY}-target"},
        },
        "fields": [{"source": source, "target": "Email", "override_value": f"{CANARY}-override"}],
        "filters": [{"field": source, "function": "Equality", "value": f"{CANARY}-filter"}],
        "identity": identity,
        "identities": {"mappings": [identity], "strategy": "priority"},
        "encryption_passphrase": f"{CANARY}-passphrase",
        "policies": [],
    }


def _schedule(
    random: Random,
    number: int,
    usable: Sequence[Connection],
    earlier: Sequence[Record],
    bulk_syncs: Sequence[Record],
) -> Record:
    """Every third runs after others, every eleventh when a job of a connection is done."""
    schedule = make_schedule(random)
    if number % 11 == 0:
        job = {"connection_id": random.choice(usable)["id"], "job_id": random.randint(1, 9999)}
        return schedule | {"frequency": "dbtcloud", **job}
    if number % 3 == 0:
        after = {
            "sync_ids": [random.choice(earlier)["id"]],
            "bulk_sync_ids": [
                each["id"] for each in random.sample(bulk_syncs, min(1, len(bulk_syncs)))
            ],
        }
        blank = dict.fromkeys(schedule, "")
        return blank | {
            "frequency": "runafter",
            "run_after": after,
            "run_after_success_only": random.random() < 0.5,
        }
    return schedule
