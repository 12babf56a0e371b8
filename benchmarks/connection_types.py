"""The connection types of the generated fleets: what a real answer holds, with obvious fakes.

Property names are those of the type schemas; ``%(slug)s`` and ``%(number)d`` differ from one
connection to the next.
"""

from __future__ import annotations

from typing import Any

MASK = "********"
_HOST = "%(slug)s.internal.example.com"

CONNECTION_TYPES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "postgresql",
        "PostgreSQL",
        {
            "hostname": _HOST,
            "port": 5432,
            "database": "analytics_%(number)d",
            "username": "polytomic",
            "password": MASK,
            "ssl": True,
            "ssh": False,
            "client_certs": False,
            "client_certificate": "",
            "change_detection": True,
            "publication": "polytomic_%(number)d",
        },
    ),
    (
        "snowflake",
        "Snowflake",
        {
            "account": "%(slug)s.us-east-1",
            "dbname": "ANALYTICS",
            "warehouse": "LOADING_%(number)d",
            "username": "POLYTOMIC",
            "password": MASK,
            "params": "role=LOADER",
            "key_pair_auth": False,
            "private_key": "",
            "use_bulk_sync_staging_schema": False,
        },
    ),
    (
        "salesforce",
        "Salesforce",
        {
            "connect_mode": "browser",
            "domain": "%(slug)s.my.salesforce.example.com",
            "username": "integration@%(slug)s.example.com",
            "oauth_refresh_token": MASK,
            "daily_api_calls": 50000,
            "enforce_api_limits": True,
            "enable_tooling": False,
        },
    ),
    (
        "hubspot",
        "HubSpot",
        {
            "hub_domain": "%(slug)s.example.com",
            "hub_user": "growth@%(slug)s.example.com",
            "oauth_refresh_token": MASK,
            "include_static_list_support": True,
            "use_search_api": False,
        },
    ),
    (
        "s3",
        "S3",
        {
            "auth_mode": "access_key_and_secret",
            "aws_access_key_id": MASK,
            "aws_secret_access_key": MASK,
            "s3_bucket_name": "%(slug)s-exports",
            "s3_bucket_region": "eu-west-1",
            "csv_has_headers": True,
            "single_table_file_formats": ["csv", "parquet"],
            "skip_lines": 0,
        },
    ),
    (
        "bigquery",
        "BigQuery",
        {
            "auth_method": "service_account",
            "project_id": "%(slug)s-%(number)d",
            "client_email": "polytomic@%(slug)s.example.com",
            "service_account": MASK,
            "location": "EU",
            "structured_values_as_json": True,
            "bucket": "%(slug)s-staging",
        },
    ),
    (
        "mysql",
        "MySQL",
        {
            "hostname": _HOST,
            "port": 3306,
            "dbname": "shop_%(number)d",
            "account": "polytomic",
            "passwd": MASK,
            "ssl": True,
            "ssh": True,
            "ssh_host": "bastion.%(slug)s.example.com",
            "ssh_port": 22,
            "ssh_user": "tunnel",
            "ssh_private_key": MASK,
        },
    ),
    (
        "redshift",
        "Redshift",
        {
            "hostname": _HOST,
            "port": 5439,
            "database": "warehouse_%(number)d",
            "username": "polytomic",
            "password": MASK,
            "s3_bucket_name": "%(slug)s-unload",
            "s3_bucket_region": "us-west-2",
            "ssh": False,
        },
    ),
    (
        "gsheets",
        "Google Sheets",
        {
            "connect_mode": "browser",
            "user_email": "ops@%(slug)s.example.com",
            "oauth_refresh_token": MASK,
            "oauth_token_expiry": "2026-12-01T08:00:00Z",
            "spreadsheet_id": {"label": "Plan %(number)d", "value": "sheet-%(slug)s"},
            "has_headers": True,
        },
    ),
    ("stripe", "Stripe", {"api_key": MASK}),
)
"""(id, name, configuration template)."""
