"""The connection types that fleets are made of: real ids, and what a configuration looks like.

Ids and property names are the vendor's (polytomic-api 4.2, 4.5, 5.1); every value is made up. A
value that must never be stored anywhere contains ``CANARY``, so that a test may search for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

CANARY = "canary"
"""Marks the secrets that the API shows in clear because no schema calls them sensitive (4.5)."""

MASK = "********"
"""What the API puts in the place of a sensitive value that is set; an unset one is ``""``."""

Configuration = dict[str, Any]
Build = Callable[[Random, str], Configuration]


@dataclass(frozen=True, slots=True)
class ConnectionType:
    """One kind of remote system.

    ``configuration`` takes a random source and a word for host names, and returns a new object.
    """

    id: str
    name: str
    operations: tuple[str, ...] | None
    configuration: Build
    use_oauth: bool = False
    counts_api_calls: bool = False


_BOTH = ("bulksyncsource", "bulksyncdestination", "target")
_SOURCE = ("bulksyncsource",)
_TARGET = ("target", "Filters", "IdentityFunctions")


def _secret(random: Random) -> str:
    return MASK if random.random() < 0.9 else ""


def _region(random: Random) -> str:
    return random.choice(("us-east-1", "us-west-2", "eu-central-1", "eu-west-1"))


def _ssh(random: Random, word: str) -> Configuration:
    if random.random() < 0.7:
        return {"ssh": False}
    return {
        "ssh": True,
        "ssh_host": f"bastion.{word}.example",
        "ssh_port": 22,
        "ssh_user": "tunnel",
        "ssh_private_key": MASK,
    }


def _postgresql(random: Random, word: str) -> Configuration:
    return {
        "ca_cert": "",
        "change_detection": random.random() < 0.3,
        "client_certificate": "",
        "client_certs": False,
        "client_key": "",
        "database": random.choice(("app", "analytics", "billing")),
        "hostname": f"pg{random.randint(1, 9)}.{word}.example",
        "password": _secret(random),
        "port": random.choice((5432, 6432)),
        "publication": "",
        "ssl": True,
        "username": random.choice(("reader", "polytomic", "etl")),
    } | _ssh(random, word)


def _mysql(random: Random, word: str) -> Configuration:
    return {
        "account": "reader",
        "change_detection": False,
        "dbname": "shop",
        "hostname": f"mysql.{word}.example",
        "passwd": _secret(random),
        "port": 3306,
        "ssl": random.random() < 0.8,
    } | _ssh(random, word)


def _mssql(random: Random, word: str) -> Configuration:
    return {
        "database": "erp",
        "hostname": f"mssql.{word}.example",
        "password": _secret(random),
        "port": 1433,
        "ssl": True,
        "username": "sa_reader",
    } | _ssh(random, word)


def _redshift(random: Random, word: str) -> Configuration:
    region = _region(random)
    return {
        "auth_mode": "access_key_and_secret",
        "aws_access_key_id": "AKIAFAKEFAKEFAKEFAKE",
        "aws_secret_access_key": _secret(random),
        "database": "dw",
        "hostname": f"{word}.abc123.{region}.redshift.example",
        "password": MASK,
        "port": 5439,
        "s3_bucket_name": f"{word}-staging",
        "s3_bucket_region": region,
        "use_bulk_sync_staging_schema": False,
        "username": "loader",
    } | _ssh(random, word)


def _snowflake(random: Random, word: str) -> Configuration:
    key_pair = random.random() < 0.4
    return {
        "account": f"{word}-{random.randint(10000, 99999)}",
        "dbname": "ANALYTICS",
        "key_pair_auth": key_pair,
        "params": f"role=LOADER&token={CANARY}-snowflake" if random.random() < 0.2 else "",
        "password": "" if key_pair else MASK,
        "private_key": MASK if key_pair else "",
        "private_key_passphrase": "",
        "username": "POLYTOMIC",
        "warehouse": random.choice(("LOAD_WH", "ETL_WH")),
    }


def _bigquery(random: Random, word: str) -> Configuration:
    return {
        "auth_method": "service_account",
        "bucket": f"{word}-exports",
        "client_email": f"polytomic@{word}-prod.iam.example",
        "location": random.choice(("US", "EU")),
        "project_id": f"{word}-prod",
        "service_account": _secret(random),
        "structured_values_as_json": False,
        "use_extract": random.random() < 0.5,
    }


def _databricks(random: Random, word: str) -> Configuration:
    return {
        "access_token": _secret(random),
        "cloud_provider": "aws",
        "concurrent_queries": random.randint(2, 16),
        "enforce_query_limit": True,
        "http_path": f"/sql/1.0/warehouses/{random.randrange(16**8):08x}",
        "port": 443,
        "server_hostname": f"{word}.cloud.databricks.example",
        "unity_catalog_enabled": True,
    }


def _mongodb(random: Random, word: str) -> Configuration:
    return {
        "database": "events",
        "hosts": f"m1.{word}.example:27017,m2.{word}.example:27017",
        "params": "replicaSet=rs0&authSource=admin",
        "password": _secret(random),
        "srv": False,
        "ssl": True,
        "username": "reader",
    }


def _s3(random: Random, word: str) -> Configuration:
    return {
        "auth_mode": "iam_role",
        "aws_access_key_id": "",
        "aws_secret_access_key": "",
        "external_id": f"{random.randrange(16**12):012x}",
        "iam_role_arn": f"arn:aws:iam::000000000000:role/{word}",
        "is_single_table": False,
        "s3_bucket_name": f"{word}-lake",
        "s3_bucket_region": _region(random),
        "single_table_file_formats": ["csv", "parquet"],
        "skip_lines": 0,
    }


def _gcs(random: Random, word: str) -> Configuration:
    return {
        "bucket": f"{word}-landing",
        "client_email": f"polytomic@{word}-prod.iam.example",
        "csv_has_headers": True,
        "project_id": f"{word}-prod",
        "service_account": _secret(random),
    }


def _sftp(random: Random, word: str) -> Configuration:
    return {
        "auth_mode": "password",
        "path": "/outgoing",
        "skip_lines": random.randint(0, 2),
        "ssh_host": f"sftp.{word}.example",
        "ssh_password": _secret(random),
        "ssh_port": 22,
        "ssh_private_key": "",
        "ssh_user": word,
    }


def _salesforce(random: Random, word: str) -> Configuration:
    return {
        "client_id": "",
        "client_secret": "",
        "connect_mode": "code",
        "daily_api_calls": random.choice((15000, 100000, 3750000)),
        "domain": f"{word}.my.salesforce.example",
        "enforce_api_limits": random.random() < 0.5,
        "instance_url": f"https://{word}.my.salesforce.example",
        "oauth_refresh_token": MASK,
        "oauth_token_expiry": "2026-11-02T17:22:48Z",
        "username": f"integration@{word}.example",
    }


def _hubspot(random: Random, word: str) -> Configuration:
    return {
        "client_id": "",
        "client_secret": "",
        "hub_domain": f"{word}.example",
        "hub_user": f"ops@{word}.example",
        "include_static_list_support": random.random() < 0.5,
        "oauth_refresh_token": MASK,
    }


def _marketo(random: Random, word: str) -> Configuration:
    return {
        "client_id": f"{random.randrange(16**8):08x}",
        "client_secret": _secret(random),
        "concurrent_imports": random.randint(1, 8),
        "daily_api_calls": 50000,
        "enforce_api_limits": True,
        "rest_endpoint": f"https://{word}.mktorest.example/rest",
    }


def _netsuite(random: Random, word: str) -> Configuration:
    return {
        "account_id": f"{word}_{random.randint(1000000, 9999999)}",
        "consumer_key": MASK,
        "consumer_secret": MASK,
        "token": MASK,
        "token_secret": _secret(random),
    }


def _google_sheets(random: Random, word: str) -> Configuration:
    return {
        "connect_mode": "code",
        "has_headers": True,
        "oauth_refresh_token": MASK,
        "service_account": "",
        "spreadsheet_id": {"label": "Targets", "value": f"1{random.randrange(16**10):010x}"},
        "user_email": f"sheets@{word}.example",
    }


def _google_ads(random: Random, word: str) -> Configuration:
    return {
        "accounts": [
            {"label": f"{word} account {number}", "value": str(random.randint(10**9, 10**10 - 1))}
            for number in range(random.randint(0, 3))
        ],
        "connected_user": f"ads@{word}.example",
        "custom_reports": "",
        "oauth_refresh_token": MASK,
    }


def _github(random: Random, word: str) -> Configuration:
    return {
        "authenticated": True,
        "oauth_access_token": MASK,
        "repositories": [
            {"label": f"{word}/{name}", "value": f"{word}/{name}"}
            for name in random.sample(("api", "web", "infra", "docs"), k=2)
        ],
    }


def _airtable(random: Random, word: str) -> Configuration:
    return {
        "api_key": _secret(random),
        "connected_user": f"base@{word}.example",
        "oauth_access_token": "",
        "oauth_refresh_token": MASK,
        "oauth_token_expiry": "0001-01-01T00:00:00Z",
    }


def _api_key(random: Random, _word: str) -> Configuration:
    return {"api_key": _secret(random)}


def _klaviyo(random: Random, _word: str) -> Configuration:
    return {"apikey": _secret(random), "private_apikey": MASK}


def _shopify(random: Random, word: str) -> Configuration:
    return {"admin_api_token": _secret(random), "store": f"{word}.myshopify.example"}


def _intercom(_random: Random, _word: str) -> Configuration:
    return {}


def _api(random: Random, word: str) -> Configuration:
    return {
        "auth": {
            "basic": {"password": f"{CANARY}-basic", "username": "svc"},
            "header": {"name": "X-Token", "value": f"{CANARY}-header"},
            "query": [{"name": "key", "value": f"{CANARY}-query"}],
        },
        "body": "",
        "headers": [{"name": "Accept", "value": "application/json"}],
        "healthcheck": random.choice(("", "/ping")),
        "parameters": [],
        "url": f"https://svc:{CANARY}-url@api.{word}.example/v{random.randint(1, 3)}",
    }


def _webhook(random: Random, word: str) -> Configuration:
    return {
        "auth_method": "header",
        "header": {"name": "X-Signature", "value": f"{CANARY}-webhook"},
        "headers": [],
        "secret": f"{CANARY}-secret" if random.random() < 0.3 else MASK,
        "url": f"https://hooks.{word}.example/in",
    }


TYPES: tuple[ConnectionType, ...] = (
    ConnectionType("airtable", "Airtable", _BOTH, _airtable, use_oauth=True),
    ConnectionType("api", "HTTP API", ("FIELDSETQUERY", "BulkSyncSource"), _api),
    ConnectionType("bigquery", "Google BigQuery", _BOTH, _bigquery),
    ConnectionType("databricks", "Databricks", _BOTH, _databricks),
    ConnectionType("gcs", "Google Cloud Storage", _BOTH, _gcs),
    ConnectionType("github", "GitHub", _SOURCE, _github, use_oauth=True),
    ConnectionType("googleads", "Google Ads", _TARGET, _google_ads, use_oauth=True),
    ConnectionType("gsheets", "Google Sheets", _BOTH, _google_sheets, use_oauth=True),
    ConnectionType("hubspot", "HubSpot", _BOTH, _hubspot, use_oauth=True, counts_api_calls=True),
    ConnectionType("intercom", "Intercom", None, _intercom, use_oauth=True),
    ConnectionType("klaviyo", "Klaviyo", _BOTH, _klaviyo, counts_api_calls=True),
    ConnectionType("marketo", "Marketo", _TARGET, _marketo, counts_api_calls=True),
    ConnectionType("mongodb", "MongoDB", _SOURCE, _mongodb),
    ConnectionType("mssql", "Microsoft SQL Server", _BOTH, _mssql),
    ConnectionType("mysql", "MySQL", _BOTH, _mysql),
    ConnectionType("netsuite", "NetSuite", _BOTH, _netsuite, counts_api_calls=True),
    ConnectionType("postgresql", "PostgreSQL", _BOTH, _postgresql),
    ConnectionType("redshift", "Amazon Redshift", _BOTH, _redshift),
    ConnectionType("s3", "Amazon S3", _BOTH, _s3),
    ConnectionType(
        "salesforce", "Salesforce", _BOTH, _salesforce, use_oauth=True, counts_api_calls=True
    ),
    ConnectionType("sftp", "SFTP", _BOTH, _sftp),
    ConnectionType("shopify", "Shopify", _SOURCE, _shopify, counts_api_calls=True),
    ConnectionType("snowflake", "Snowflake", _BOTH, _snowflake),
    ConnectionType("stripe", "Stripe", _SOURCE, _api_key),
    ConnectionType("webhook", "Webhook", _TARGET, _webhook),
)
