"""Every connection type, and the JSON Schema of its configuration (polytomic-api 4.5, 5.1)."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.simulator.answers import encode
from tests.simulator.catalogue import CANARY, TYPES, ConnectionType
from tests.simulator.generate import Record, logo

_SENSITIVE = {
    *("access_token", "admin_api_token", "api_key", "apikey", "aws_secret_access_key"),
    *("client_id", "client_key", "client_secret", "consumer_key", "consumer_secret"),
    *("oauth_access_token", "oauth_refresh_token", "passwd", "password", "private_apikey"),
    *("private_key", "private_key_passphrase", "secret", "service_account", "ssh_password"),
    *("ssh_private_key", "token", "token_secret"),
}
"""At the top level only: what is nested in ``auth`` and ``headers`` is not flagged (4.5)."""

_ALSO_PASSWORD = {"passwd", "ssh_password"}
_READ_ONLY = {"connected_user", "hub_user", "oauth_token_expiry", "user_email"}
_REQUIRED = {"account", "database", "domain", "hostname", "url"}
_UNLISTED = {"salesforce": {"instance_url"}}
"""What configurations hold although the schema does not list it (4.7)."""

_JSON_NAMES = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}

_ONCE = b'"default":"browser","api_field":true'
_TWICE = _ONCE + b',"default":"browser"'
"""The schemas of some types name this key twice in one object (4.5)."""


def make_connection_types() -> list[Record]:
    """All types as their list shows them, three keys in camelCase."""
    return [_shown(kind) for kind in TYPES]


def make_type_schemas() -> dict[str, bytes]:
    """Type → its schema as the bytes that are sent: the duplicated keys are no JSON value."""
    return {kind.id: encode(_schema(kind)).replace(_ONCE, _TWICE) for kind in TYPES}


def _shown(kind: ConnectionType) -> Record:
    operations = [name.lower() for name in kind.operations or ()]
    shown: Record = {
        "id": kind.id,
        "name": kind.name,
        "logo_url": logo(kind.id),
        "logo_dark_url": logo(f"{kind.id}-dark"),
        "use_oauth": kind.use_oauth,
        "capabilities": {
            "source": "bulksyncsource" in operations,
            "destination": "target" in operations,
            "enrichment": kind.id in ("api", "hubspot"),
            "orchestration": False,
            "logging": kind.id in ("s3", "gcs"),
        },
        "configurationForm": {"jsonschema": _schema(kind), "uischema": {}},
        "initialConfiguration": {},
        "envConfig": {"callback": f"https://svc:{CANARY}-env@app.example"},
    }
    if kind.use_oauth:
        shown["oauth_prompt"] = {"key": "connect_mode", "value": "code", "when": "before"}
    return shown


def _schema(kind: ConnectionType) -> Record:
    example = kind.configuration(Random(kind.id), "example")  # noqa: S311 - repeatable
    listed = {
        name: _top_level(name, value)
        for name, value in example.items()
        if name not in _UNLISTED.get(kind.id, ())
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://schemas.example/{kind.id}/connection",
        "type": "object",
        "properties": listed,
        "required": sorted(_REQUIRED & listed.keys()),
    }


def _top_level(name: str, value: object) -> Record:
    described = {**_described(value), "title": name.replace("_", " ").capitalize()}
    if name in _SENSITIVE:
        described |= {"sensitive": True, "examples": [f"{CANARY}-example"]}
    if name in _ALSO_PASSWORD:
        described["password"] = True
    if name in _READ_ONLY:
        described["readOnly"] = True
    if name == "secret":
        described["readonly"] = True
    if name == "connect_mode":
        described |= {"enum": ["browser", "code"], "default": "browser", "api_field": True}
    return described


def _described(value: object) -> dict[str, Any]:
    described: dict[str, Any] = {"type": _JSON_NAMES[type(value)]}
    if isinstance(value, dict):
        described["properties"] = {name: _described(inner) for name, inner in value.items()}
        described["additionalProperties"] = False
    if isinstance(value, list) and value:
        described["items"] = _described(value[0])
    return described
