"""Models: queries and tables that model syncs read, with texts nobody may store (5.6)."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from tests.simulator.catalogue import CANARY
from tests.simulator.generate import (
    Connection,
    Record,
    actors_of,
    authorship,
    identifier,
    policy_for_everyone,
)
from tests.simulator.inventory.links import in_use, newest_first, pick, sources

_SUBJECTS = ("Customers", "Orders", "Contacts", "Accounts", "Churn risk", "Umsätze")
_COLUMNS = ("id", "email", "created_at", "plan", "country", "amount")


def make_models(
    seed: int, organization_id: str, count: int, connections: Sequence[Connection]
) -> list[Record]:
    """``count`` models, newest change first; none where there are no connections."""
    random = Random(f"{seed}:{organization_id}:models")  # noqa: S311 - repeatable
    usable = in_use(connections)
    if not usable:
        return []
    actors = actors_of(organization_id)
    made: list[Record] = []
    for number in range(1, count + 1):
        connection = pick(random, number, sources(usable))
        columns = _COLUMNS[: random.randint(2, len(_COLUMNS))]
        table = f"public.model_{number}"
        made.append(
            {
                "id": identifier(seed, organization_id, "model", number),
                "organization_id": organization_id,
                "name": f"{random.choice(_SUBJECTS)} {number}",
                "connection_id": connection["id"],
                "type": (connection.get("type") or {}).get("id"),
                "version": random.randint(1, 40),
                "identifier": columns[0],
                "tracking_columns": random.choice((None, [], ["created_at"])),
                "labels": random.choice((None, [], [{"name": "core"}, {"name": "finance"}])),
                "policies": [policy_for_everyone(organization_id)][: random.randint(0, 1)],
                "relations": _relations(random, made),
                "fields": [_field(random, name, f"{organization_id}:{number}") for name in columns],
                "enricher": _enricher(random, number, usable, connection),
                "configuration": {
                    "query": f"table {table} -- {CANARY}-sql",
                    "table": table,
                },
                **authorship(random, actors),
            }
        )
    return newest_first(made)


def _relations(random: Random, earlier: Sequence[Record]) -> list[Record] | None:
    if not earlier or random.random() < 0.5:
        return random.choice((None, []))
    return [{"from": "id", "to": {"model_id": random.choice(earlier)["id"], "field": "id"}}]


def _field(random: Random, name: str, word: str) -> Record:
    return {
        "id": identifier(word, "field", name),
        "name": name,
        "label": name.replace("_", " "),
        "type": random.choice(("string", "number", "datetime")),
        "remote_type": random.choice(("text", "bigint", "timestamptz")),
        "example": f"{CANARY} {name} of a real customer",
        "unique": name == "id",
        "user_added": False,
    }


def _enricher(
    random: Random, number: int, usable: Sequence[Connection], own: Connection
) -> Record | None:
    """Every fourth model asks a second connection for more fields."""
    others = [each for each in usable if each is not own]
    if number % 4 != 2 or not others:
        return None
    connection = random.choice(others)
    return {
        "enricher_id": identifier(own["id"], "enricher", number),
        "connection_id": connection["id"],
        "configuration": {"object": "people", "note": f"{CANARY}-enricher"},
        "mappings": {"email": "email"},
        "fields": [_field(random, "company", f"{own['id']}:{number}")],
    }
