"""``/api/connection_types``: every type of the host, three of its keys in camelCase (5.1)."""

from __future__ import annotations

from functools import cache
from random import Random
from typing import Any

from tests.simulator.answers import Reply
from tests.simulator.catalogue import MASK, TYPES, ConnectionType
from tests.simulator.generate import logo
from tests.simulator.routes.route import Call, Route

_JSON_NAMES = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}


def _property(value: object) -> dict[str, Any]:
    described: dict[str, Any] = {"type": _JSON_NAMES[type(value)]}
    if value == MASK:
        described["sensitive"] = True
    if isinstance(value, dict):
        described["properties"] = {name: _property(inner) for name, inner in value.items()}
    return described


def _shown(kind: ConnectionType) -> dict[str, Any]:
    example = kind.configuration(Random(kind.id), "example")  # noqa: S311 - repeatable
    operations = [name.lower() for name in kind.operations or ()]
    shown: dict[str, Any] = {
        "id": kind.id,
        "name": kind.name,
        "logo_url": logo(kind.id),
        "logo_dark_url": logo(f"{kind.id}-dark"),
        "use_oauth": kind.use_oauth,
        "capabilities": {
            "source": "bulksyncsource" in operations,
            "destination": "target" in operations,
            "enrichment": False,
            "orchestration": False,
            "logging": kind.id in ("s3", "gcs"),
        },
        "configurationForm": {
            "jsonschema": {
                "type": "object",
                "properties": {name: _property(value) for name, value in example.items()},
            },
            "uischema": {},
        },
        "initialConfiguration": {},
        "envConfig": {},
    }
    if kind.use_oauth:
        shown["oauth_prompt"] = {"key": "connect_mode", "value": "code", "when": "before"}
    return shown


@cache
def catalogue() -> list[dict[str, Any]]:
    """All types as the API shows them."""
    return [_shown(kind) for kind in TYPES]


def _list(call: Call) -> Reply:
    return call.listed(catalogue())


ROUTES = (Route("/api/connection_types", _list, access="anyone"),)
