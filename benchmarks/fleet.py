"""Writes the answers and keys of a whole fleet as files, for a server that only hands out files."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from benchmarks.connection_types import CONNECTION_TYPES

SEED = 20250918
API_CALLS_SHARE = 0.30
RATE_LIMIT_SHARE = 0.10
SHARED_SHARE = 0.05
UNHEALTHY_SHARE = 0.08
_RATE_LIMITS = (
    "null",
    '{"currently_limited":false,"limited_since":null,"expires_at":null}',
    '{"currently_limited":true,"limited_since":"2026-11-20T10:00:00Z","expires_at":null}',
)


@dataclass(frozen=True, slots=True)
class Fleet:
    """A fleet on disk: ``answers/<key>/{me,connections}.json`` and ``keys/<organization>``."""

    organizations: int
    connections: int
    """Per organization."""
    answers: Path
    keys: Path

    @property
    def rows(self) -> int:
        return self.organizations * self.connections


def write(folder: Path, organizations: int, connections: int) -> Fleet:
    """The fleet, written below ``folder``; the same sizes give the same bytes.

    An organization's answer does not depend on how many others there are.
    """
    fleet = Fleet(organizations, connections, folder / "answers", folder / "keys")
    fleet.keys.mkdir(parents=True)
    for index in range(organizations):
        key = uuid(seeded(index, "key"))
        (fleet.keys / f"org-{index:05d}").write_text(key)
        _write_answers(fleet.answers / key, index, _list_answer(index, connections, frozenset()))
    return fleet


def write_changed(fleet: Fleet, folder: Path, fraction: float) -> tuple[Fleet, int]:
    """A copy of the fleet in which that fraction of the connections has another name and status,
    spread over all organizations, and how many they are. The keys are the same.
    """
    answers = folder / "answers"
    chosen: dict[int, set[int]] = {}
    count = round(fleet.rows * fraction)
    for position in seeded(0, "changed").sample(range(fleet.rows), count):
        organization, connection = divmod(position, fleet.connections)
        chosen.setdefault(organization, set()).add(connection)
    for index in range(fleet.organizations):
        key = (fleet.keys / f"org-{index:05d}").read_text()
        changed = frozenset(chosen.get(index, ()))
        _write_answers(answers / key, index, _list_answer(index, fleet.connections, changed))
    return Fleet(fleet.organizations, fleet.connections, answers, fleet.keys), count


def _write_answers(folder: Path, index: int, connections: str) -> None:
    folder.mkdir(parents=True)
    (folder / "me.json").write_bytes(_identity_answer(index))
    (folder / "connections.json").write_text(connections)


def _identity_answer(index: int) -> bytes:
    source = seeded(index, "identity")
    identity = {
        "id": uuid(source),
        "email": f"inventory@org-{index:05d}.example.com",
        "is_organization": False,
        "is_partner": False,
        "is_system": False,
        "is_user": True,
        "organization_id": organization_id(index),
        "organization_name": f"Organization {index:05d}",
        "role": "admin",
    }
    return orjson.dumps({"data": identity})


def _list_answer(index: int, connections: int, changed: frozenset[int]) -> str:
    """The ``/api/connections`` answer (polytomic-api 4.1) of one organization."""
    source = seeded(index, "connections")
    shared: dict[str, Any] = {
        "organization_id": organization_id(index),
        "creator_id": uuid(source),
        "updater_id": uuid(source),
        "policy_id": uuid(source),
    }
    records = [_record(source, shared, number, number in changed) for number in range(connections)]
    return '{"data":[' + ",".join(records) + "]}"


def _record(source: random.Random, shared: dict[str, Any], number: int, changed: bool) -> str:  # noqa: FBT001 - one caller, just above
    healthy = (source.random() >= UNHEALTHY_SHARE) != changed
    day, minute = source.randrange(1, 29), source.randrange(60)
    template = source.choice(_TEMPLATES)
    volatile = ""
    if source.random() < API_CALLS_SHARE:
        volatile = f'"api_calls_last_24_hours":{source.randrange(100_000)},'
    if source.random() < RATE_LIMIT_SHARE:
        volatile += f'"rate_limit":{source.choice(_RATE_LIMITS)},'
    parent = ""
    if source.random() < SHARED_SHARE:
        parent = f'"parent_connection_id":"{uuid(source)}",'
    return template % {
        **shared,
        "id": uuid(source),
        "number": number,
        "slug": f"acme-{source.randrange(10_000)}",
        "suffix": " (renamed)" if changed else "",
        "status": "healthy" if healthy else "unhealthy",
        "status_error": "" if healthy else f"dial tcp 10.0.0.{day}:5432: connection refused",
        "volatile": volatile,
        "parent": parent,
        "created_at": f"2024-03-{day:02d}T09:{minute:02d}:00Z",
        "updated_at": f"2026-10-{day:02d}T17:{minute:02d}:30.123456Z",
    }


def _template(type_id: str, type_name: str, configuration: dict[str, Any]) -> str:
    record = {
        "configuration": configuration,
        "created_at": "%(created_at)s",
        "created_by": {"id": "%(creator_id)s", "name": "Jo Example", "type": "user"},
        "id": "%(id)s",
        "name": f"{type_name} %(number)d%(suffix)s",
        "organization_id": "%(organization_id)s",
        "policies": ["%(policy_id)s"],
        "saved": True,
        "status": "%(status)s",
        "status_error": "%(status_error)s",
        "type": {
            "id": type_id,
            "name": type_name,
            "logo_url": f"https://logos.example.com/{type_id}.svg",
            "logo_dark_url": f"https://logos.example.com/{type_id}-dark.svg",
            "operations": ["bulksyncsource", "target"],
        },
        "updated_at": "%(updated_at)s",
        "updated_by": {"id": "%(updater_id)s", "name": "Sam Example", "type": "user"},
    }
    return "{%(volatile)s%(parent)s" + orjson.dumps(record).decode()[1:]


_TEMPLATES = tuple(_template(*connection_type) for connection_type in CONNECTION_TYPES)


def seeded(index: int, purpose: str) -> random.Random:
    return random.Random(f"{SEED}:{index}:{purpose}")  # noqa: S311 - repeatable on purpose


def organization_id(index: int) -> str:
    return uuid(seeded(index, "organization"))


def uuid(source: random.Random) -> str:
    """A version 4 UUID as text; three times as fast as the class in ``uuid``."""
    digits = f"{source.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
