"""The connection types that fleets are made of: real ids, and what a configuration looks like.

Ids and property names are the vendor's (polytomic-api 4.2, 4.5, 5.1); every value is made up. A
value that must never be stored anywhere contains ``CANARY``, so that a test may search for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.simulator.catalogue import services, stores
from tests.simulator.catalogue.common import CANARY, MASK, Configuration

__all__ = ["CANARY", "MASK", "TYPES", "ConnectionType"]

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


_BOTH = ("bulksyncsource", "target", "targetcreator")
_SOURCE = ("bulksyncsource",)
_TARGET = ("target", "Filters", "IdentityFunctions")

TYPES: tuple[ConnectionType, ...] = (
    ConnectionType("airtable", "Airtable", _BOTH, services.airtable, use_oauth=True),
    ConnectionType("api", "HTTP API", ("FIELDSETQUERY", "BulkSyncSource"), services.api),
    ConnectionType("bigquery", "Google BigQuery", _BOTH, stores.bigquery),
    ConnectionType("databricks", "Databricks", _BOTH, stores.databricks),
    ConnectionType("gcs", "Google Cloud Storage", _BOTH, stores.gcs),
    ConnectionType("github", "GitHub", _SOURCE, services.github, use_oauth=True),
    ConnectionType("googleads", "Google Ads", _TARGET, services.google_ads, use_oauth=True),
    ConnectionType("gsheets", "Google Sheets", _BOTH, services.google_sheets, use_oauth=True),
    ConnectionType(
        "hubspot", "HubSpot", _BOTH, services.hubspot, use_oauth=True, counts_api_calls=True
    ),
    ConnectionType("intercom", "Intercom", None, services.intercom, use_oauth=True),
    ConnectionType("klaviyo", "Klaviyo", _BOTH, services.klaviyo, counts_api_calls=True),
    ConnectionType("marketo", "Marketo", _TARGET, services.marketo, counts_api_calls=True),
    ConnectionType("mongodb", "MongoDB", _SOURCE, stores.mongodb),
    ConnectionType("mssql", "Microsoft SQL Server", _BOTH, stores.mssql),
    ConnectionType("mysql", "MySQL", _BOTH, stores.mysql),
    ConnectionType("netsuite", "NetSuite", _BOTH, services.netsuite, counts_api_calls=True),
    ConnectionType("postgresql", "PostgreSQL", _BOTH, stores.postgresql),
    ConnectionType("redshift", "Amazon Redshift", _BOTH, stores.redshift),
    ConnectionType("s3", "Amazon S3", _BOTH, stores.s3),
    ConnectionType(
        "salesforce",
        "Salesforce",
        _BOTH,
        services.salesforce,
        use_oauth=True,
        counts_api_calls=True,
    ),
    ConnectionType("sftp", "SFTP", _BOTH, stores.sftp),
    ConnectionType("shopify", "Shopify", _SOURCE, services.shopify, counts_api_calls=True),
    ConnectionType("snowflake", "Snowflake", _BOTH, stores.snowflake),
    ConnectionType("stripe", "Stripe", _SOURCE, services.api_key),
    ConnectionType("webhook", "Webhook", _TARGET, services.webhook),
)
