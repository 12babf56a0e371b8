"""Microseconds that normalizing one connection takes: ``python benchmarks/normalize.py``.

Ten connection types in turn, about 900 bytes a record. Prints median and best of many rounds, by
names alone and by the schemas of the types, and what the drift radar takes on top.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import orjson

from aggregator.drift import Radar
from aggregator.model import Record
from aggregator.resources import RESOURCES
from aggregator.resources.connections import normalize
from aggregator.rules import Rules, compiled

RECORDS = 50
"""As many as an organization typically has: normalizing happens organization by organization."""
ROUNDS = 1_000

MASK = "********"
CONFIGURATIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "postgresql",
        {
            "hostname": "orders.us-east-1.rds.example.com",
            "port": 5432,
            "database": "orders",
            "username": "polytomic",
            "password": MASK,
            "ssl": True,
            "ssh": False,
            "ca_cert": "",
            "client_key": "",
            "change_detection": False,
            "publication": "polytomic",
        },
    ),
    (
        "salesforce",
        {
            "api_version": 56,
            "domain": "acme.my.example.com",
            "instance_url": "https://acme.my.example.com",
            "daily_api_calls": 3750000,
            "oauth_access_token": MASK,
            "oauth_refresh_token": MASK,
            "oauth_token_expiry": "2024-01-15T09:30:00Z",
            "username": "ops@example.com",
        },
    ),
    (
        "snowflake",
        {
            "account": "ACME-PROD1",
            "username": "LOADER",
            "password": MASK,
            "dbname": "ANALYTICS",
            "warehouse": "LOAD_WH",
            "params": "",
            "key_pair_auth": False,
        },
    ),
    (
        "bigquery",
        {
            "project_id": "acme-analytics",
            "location": "EU",
            "service_account": MASK,
            "staging": True,
        },
    ),
    (
        "s3",
        {
            "s3_bucket_name": "acme-exports",
            "s3_bucket_region": "eu-west-1",
            "auth_mode": "iam_role",
            "iam_role_arn": "arn:aws:iam::123456789012:role/exports",
            "external_id": "acme",
            "is_single_table": False,
        },
    ),
    ("hubspot", {"hub_domain": "acme.example.com", "hub_user": "ops@example.com", "api_key": MASK}),
    (
        "googleads",
        {
            "connected_user": "ads@example.com",
            "accounts": [{"value": "123-456-7890", "label": "Acme EMEA"}],
            "client_id": "",
            "client_secret": "",
            "oauth_refresh_token": MASK,
        },
    ),
    (
        "mysql",
        {
            "hostname": "crm.example.com",
            "account": "reader",
            "passwd": MASK,
            "dbname": "crm",
            "port": 3306,
        },
    ),
    (
        "api",
        {
            "url": "https://api.example.com/v2",
            "headers": [{"name": "Accept", "value": "application/json"}],
            "auth": {"basic": {"username": "acme", "password": MASK}},
            "healthcheck": "/health",
        },
    ),
    (
        "webhook",
        {"url": "https://hooks.example.com/in", "auth_method": "polytomic_secret", "secret": MASK},
    ),
)


def rules() -> dict[str, Rules]:
    """By type: everything is listed, and what comes masked is sensitive."""
    fields = {
        kind: {name: {"sensitive": value == MASK} for name, value in configuration.items()}
        for kind, configuration in CONFIGURATIONS
    }
    return {kind: found for kind, listed in fields.items() if (found := compiled(listed))}


def connection(number: int) -> dict[str, Any]:
    kind, configuration = CONFIGURATIONS[number % len(CONFIGURATIONS)]
    actor = {"id": f"12345678-1234-1234-1234-{number % 50:012d}", "name": "Jo Doe", "type": "user"}
    return {
        "id": f"248df4b7-aa70-47b8-a036-{number:012d}",
        "organization_id": "248df4b7-aa70-47b8-a036-33ac447e668d",
        "name": f"{kind.title()} {number}",
        "type": {
            "id": kind,
            "name": kind.title(),
            "logo_url": f"https://connect-assets.example.com/logos/{kind}.svg",
            "operations": ["bulksyncsource", "target", "filters"],
        },
        "configuration": {**configuration, "name": f"c{number}"},
        "status": "healthy",
        "status_error": "" if number % 10 else "dial tcp: lookup orders.example.com: no such host",
        "saved": True,
        "policies": ["00000000-0000-0000-0001-000000000001"],
        "api_calls_last_24_hours": number,
        "rate_limit": {"currently_limited": False, "limited_since": None, "expires_at": None},
        "created_at": "2024-01-15T09:30:00Z",
        "created_by": actor,
        "updated_at": "2024-06-15T09:30:00Z",
        "updated_by": actor,
    }


def main() -> None:
    body = orjson.dumps([connection(number) for number in range(RECORDS)])
    resource = RESOURCES["connections"]
    by_type = rules()
    seconds: list[float] = []
    seconds_by_schemas: list[float] = []
    seconds_of_radar = []
    for _ in range(ROUNDS):
        for known, taken in (({}, seconds), (by_type, seconds_by_schemas)):
            records = orjson.loads(body)
            started = time.perf_counter()
            rejected = sum(
                type(normalize(record, False, known)) is not Record for record in records
            )
            taken.append(time.perf_counter() - started)
            if rejected:
                raise SystemExit(f"{rejected} records were rejected")
        started = time.perf_counter()
        radar = Radar(resource, b"pepper")
        radar.look(records, [])
        radar.shape()
        seconds_of_radar.append(time.perf_counter() - started)
    print(f"{len(body) / RECORDS:.0f} bytes a record, {ROUNDS:,} rounds of {RECORDS}")
    print(f"normalize, by names: {_per_record(seconds)}")
    print(f"normalize, by schemas: {_per_record(seconds_by_schemas)}")
    print(f"drift radar: {_per_record(seconds_of_radar)}")


def _per_record(seconds: list[float]) -> str:
    median, best = (value / RECORDS * 1e6 for value in (statistics.median(seconds), min(seconds)))
    return f"{median:.1f} µs a record, at best {best:.1f}"


if __name__ == "__main__":
    main()
