"""What a proxy through one connection would allow, in camelCase; nobody ever calls it (5)."""

from __future__ import annotations

from random import Random

from tests.simulator.catalogue import CANARY
from tests.simulator.generate import Connection, Record

_PROXIED = {"api", "github", "hubspot", "intercom", "netsuite", "salesforce", "shopify", "stripe"}
REDACTED = "[REDACTED]"


def has_proxy(connection: Connection) -> bool:
    """Only what speaks HTTP can have one."""
    return (connection.get("type") or {}).get("id") in _PROXIED


def make_proxy(connection: Connection) -> Record | None:
    """None where there is no proxy, and where the organization has not switched it on."""
    random = Random(f"proxy of {connection.get('id')}")  # noqa: S311 - repeatable
    if not has_proxy(connection) or random.random() < 0.3:
        return None
    kind = connection["type"]["id"]
    base = {
        "baseUrl": f"https://svc:{CANARY}-proxy@{kind}.example",
        "lockedHeaders": [
            {"name": "Authorization", "redacted": True, "value": REDACTED},
            {"name": "X-Account", "redacted": False, "value": f"{CANARY}-locked-header"},
        ],
        "lockedQuery": {"key": REDACTED},
    }
    info: Record = {
        "connectionId": connection.get("id"),
        "backendType": kind,
        "inheritedBase": base,
        "mergeRules": {"headers": "inherited headers win", "query": "inherited keys win"},
        "requestContract": _contract(random),
        "stats": {
            "callsLast24h": connection.get("api_calls_last_24_hours"),
            "lastProxyCallAt": None,
            "proxyCallsLast24h": 0,
            "proxy2xxLast24h": 0,
            "proxy4xxLast24h": 0,
            "proxy5xxLast24h": 0,
        },
    }
    if kind == "salesforce":
        api = {"description": "Records", "inheritedBase": base}
        info["apis"] = [
            {"name": "rest", "default": True, **api},
            {"name": "tooling", "default": False, **api},
        ]
    return info


def _contract(random: Random) -> Record:
    return {
        "allowedMethods": ["GET", "POST", "PUT", "PATCH", "DELETE"][: random.randint(1, 5)],
        "blockedRequestHeaders": ["Cookie", "Host"],
        "blockedResponseHeaders": ["Set-Cookie"],
        "bodyTypes": ["object", "array", "string", "null"],
        "maxRequestBodyBytes": 1 << 20,
        "maxResponseBodyBytes": 10 << 20,
        "pathRule": "relative, without a query",
        "queryModes": ["query", "rawQuery"],
        "queryValueTypes": ["string", "number", "boolean"],
        "rateLimitPerMinute": random.choice((30, 60, 120)),
        "rawQueryRule": "appended as it is",
        "timeoutMs": 30_000,
    }
