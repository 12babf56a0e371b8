"""Makes the connections of one organization out of a seed: same seed, same bytes, anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any
from uuid import UUID

from tests.simulator.catalogue import TYPES, ConnectionType

Record = dict[str, Any]
"""One object as the API shows it; tests may put anything in it."""

Connection = Record
"""One connection (polytomic-api 4.1)."""

Actor = dict[str, str]

SHARED_FRACTION = 0.08
"""Of the connections outside the owner organization, how many are copies of the owner's."""

_EPOCH = datetime(2023, 1, 1, tzinfo=UTC)
_LIMITED_SINCE = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
_PURPOSES = (
    "production",
    "staging",
    "reporting",
    "finance",
    "marketing",
    "legacy",
    "EU",
    "Vertrieb Süd",
)
_ACTORS = (("Ada Example", "user"), ("Grace Sample", "user"), ("CI robot", "organization"))
_ERRORS = (
    "dial tcp: lookup {host}: no such host",
    'pq: password authentication failed for user "reader"',
    "oauth2: token expired and refresh token is not set",
    "403 Forbidden: the API key lacks the scope read:objects",
    "context deadline exceeded while connecting to {host}:443",
)


def identifier(*parts: object) -> str:
    """A UUID (version 4 form) that depends on nothing but the parts."""
    digest = sha256(":".join(map(str, parts)).encode()).digest()
    return str(UUID(bytes=digest[:16], version=4))


def logo(type_id: str) -> str:
    return f"https://connect-assets.polytomic.com/logos/{type_id}.svg"


def actors_of(organization_id: str) -> list[Actor]:
    """Who creates and changes things in this organization."""
    return [
        {"id": identifier(organization_id, name), "name": name, "type": kind}
        for name, kind in _ACTORS
    ]


def policy_for_everyone(organization_id: str) -> str:
    """The id of the one policy of its own that every organization has."""
    return identifier(organization_id, "policy", "everyone")


def authorship(random: Random, actors: Sequence[Actor]) -> Record:
    created = _EPOCH + timedelta(seconds=random.randint(0, 80_000_000))
    updated = created + timedelta(seconds=random.randint(0, 30_000_000))
    fraction = f".{random.randint(1, 999_999):06d}" if random.random() < 0.5 else ""
    return {
        "created_at": moment(created),
        "created_by": dict(random.choice(actors)),
        "updated_at": moment(updated, fraction),
        "updated_by": dict(random.choice(actors)),
    }


def moment(at: datetime, fraction: str = "") -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def make_connections(
    seed: int,
    organization_id: str,
    word: str,
    count: int,
    parents: Sequence[Connection] = (),
) -> list[Connection]:
    """``count`` new connections; some are copies of ``parents``, which live elsewhere."""
    random = Random(f"{seed}:{organization_id}")  # noqa: S311 - repeatable, not secret
    actors = actors_of(organization_id)
    everyone = policy_for_everyone(organization_id)
    made = []
    for number in range(1, count + 1):
        shared = bool(parents) and random.random() < SHARED_FRACTION
        parent = random.choice(parents) if shared else None
        made.append(
            {
                "id": identifier(seed, organization_id, number),
                "organization_id": organization_id,
                **(_copied(parent) if parent else _made(random, word)),
                "name": f"{random.choice(_PURPOSES)} {number}",
                "saved": random.random() < 0.97,
                "policies": [everyone][: random.randint(0, 1)],
                **_health(random, word),
                **_limiting(random),
                **authorship(random, actors),
            }
        )
    return made


def shared_copy(parent: Connection, organization_id: str) -> Connection:
    """A copy as ``organization_id`` sees it; the parent stays in another organization (4.6)."""
    own_id = identifier(organization_id, "copy of", parent["id"])
    return deepcopy(parent) | {
        "id": own_id,
        "organization_id": organization_id,
        "parent_connection_id": parent["id"],
        "name": f"{parent['name']} (shared)",
    }


def _made(random: Random, word: str) -> Connection:
    kind = random.choice(TYPES)
    calls = random.randint(0, 250_000) if kind.counts_api_calls else None
    return {
        "type": _type(kind),
        "configuration": kind.configuration(random, word),
        "api_calls_last_24_hours": calls,
    }


def _copied(parent: Connection) -> Connection:
    """A shared copy has an id and an organization of its own and names its parent (4.6)."""
    kept = ("type", "configuration", "api_calls_last_24_hours")
    return {"parent_connection_id": parent["id"], **deepcopy({key: parent[key] for key in kept})}


def _type(kind: ConnectionType) -> dict[str, Any]:
    operations = None if kind.operations is None else list(kind.operations)
    return {"id": kind.id, "name": kind.name, "logo_url": logo(kind.id), "operations": operations}


def _health(random: Random, word: str) -> Connection:
    """The values of ``status`` are an open vocabulary; only ``healthy`` is documented (4.4)."""
    draw = random.random()
    if draw < 0.84:
        return {"status": "healthy"}
    if draw < 0.95:
        error = random.choice(_ERRORS).format(host=f"db.{word}.example")
        return {"status": "unhealthy", "status_error": error}
    return {"status": ""} if draw < 0.97 else {}


def _limiting(random: Random) -> Connection:
    """The four states of ``rate_limit``: absent, null, false and true (4.3)."""
    draw = random.random()
    if draw < 0.1:
        return {}
    if draw < 0.15:
        return {"rate_limit": None}
    if draw < 0.92:
        quiet = {"currently_limited": False, "limited_since": None, "expires_at": None}
        return {"rate_limit": quiet}
    since = _LIMITED_SINCE + timedelta(minutes=random.randint(0, 600))
    return {
        "rate_limit": {
            "currently_limited": True,
            "limited_since": moment(since),
            "expires_at": moment(since + timedelta(minutes=random.randint(1, 60))),
        }
    }
