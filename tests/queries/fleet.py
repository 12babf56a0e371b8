"""The fleet that the worked questions are asked of: small enough to know every answer by reading.

Times are days before now. ``acme`` and ``globex`` were first read 60 days ago, ``initech`` 10; but
``globex`` refuses its key since 2 days. ``umbrella`` was never let in, ``hooli`` has no key,
``wayne`` has left the partner's list, ``vandelay`` is disabled.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.stored import DEPLOYMENT, READ, Row, Stored

HOUR = 1 / 24
SALESFORCE = {"type_id": "salesforce", "type_name": "Salesforce"}
POSTGRES = {"type_id": "postgresql", "type_name": "PostgreSQL"}
HUBSPOT = {"type_id": "hubspot", "type_name": "HubSpot"}
NOTION = {"type_id": "notion", "type_name": "Notion"}
HEALTHY: Row = {"status": "healthy", "status_error": None}


@dataclass(frozen=True, slots=True)
class Version:
    """From so many days ago on; of the fields those that differ from before."""

    days: float
    fields: Row = field(default_factory=dict)
    is_gone: bool = False


def unhealthy(days: float, error: str) -> Version:
    return Version(days, {"status": "unhealthy", "status_error": error})


def healthy(days: float) -> Version:
    return Version(days, HEALTHY)


def without_status(days: float) -> Version:
    return Version(days, {"status": None, "status_error": None})


def gone(days: float) -> Version:
    return Version(days, is_gone=True)


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells the past of a resource to the tables, as runs would have."""

    stored: Stored
    now: datetime

    def ago(self, days: float) -> datetime:
        return self.now - timedelta(days=days)

    async def tell(self, resource: str, organization: str, key: str, *versions: Version) -> None:
        """All versions in order; the last one is open, or the row is gone."""
        first_seen_at = self.ago(versions[0].days)
        fields: Row = {"name": key}
        change, changed = "created", None
        for version, following in zip(versions, [*versions[1:], None], strict=True):
            valid_from = self.ago(version.days)
            valid_to = self.ago(following.days) if following else None
            if version.is_gone:
                change, changed, valid_to = "removed", None, valid_from
            elif version is not versions[0] and change == "removed":
                change = "restored"
            elif version is not versions[0]:
                change = "updated"
                changed = sorted(
                    name for name, value in version.fields.items() if fields.get(name) != value
                )
            fields = fields | version.fields
            times = {"valid_from": valid_from, "first_seen_at": first_seen_at}
            happened = {"change": change, "changed_fields": changed}
            if valid_to is None:
                await self.stored.add(resource, organization, key, **fields, **times, **happened)
            else:
                await self.stored.connection.execute(
                    "insert into inventory.history (resource, deployment, organization_id, id,"
                    " valid_from, valid_to, change, changed_fields, first_seen_at, generation,"
                    " record) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10)",
                    resource,
                    DEPLOYMENT,
                    organization,
                    key,
                    valid_from,
                    valid_to,
                    change,
                    changed,
                    first_seen_at,
                    json.dumps(fields, default=str),
                )

    async def look(
        self,
        name: str,
        since: float,
        until: float,
        *,
        outcome: str = "complete",
        error: str | None = None,
        tried: float | None = None,
    ) -> None:
        """All its resources were read again and again; how the last attempt went, and when."""
        for resource in READ:
            await self.stored.connection.execute(
                "insert into ledger.scopes (organization, resource, last_outcome, last_error,"
                " last_attempt_at, last_read_at, last_complete_at, observed_since, observed_until)"
                " values ($1, $2, $3, $4, $5, $6, $6, $7, $6)",
                name,
                resource,
                outcome,
                error,
                self.ago(until if tried is None else tried),
                self.ago(until),
                self.ago(since),
            )

    async def settle(self) -> None:
        """Counts what was told: it was not written in the order in which it came about."""
        await self.stored.connection.execute("select inventory.recount_summaries()")

    async def run(self, days: float, **columns: object) -> str:
        run_id: str = await self.stored.connection.fetchval(
            "insert into ledger.runs (run_id, started_at, finished_at, version)"
            " values (gen_random_uuid(), $1, $1, '1') returning run_id",
            self.ago(days),
        )
        for name, value in columns.items():
            await self.stored.connection.execute(
                f"update ledger.runs set {name} = $2 where run_id = $1",  # noqa: S608 - names of ours
                run_id,
                value,
            )
        return run_id


async def tell_fleet(stored: Stored) -> Teller:
    """Stores the fleet; more can be told of it."""
    teller = Teller(stored, await stored.connection.fetchval("select now()"))
    await _organizations(teller)
    await _connections(teller)
    await _syncs(teller)
    await teller.settle()
    return teller


async def _organizations(teller: Teller) -> None:
    stored, ago = teller.stored, teller.ago
    await stored.connection.execute(
        "insert into ledger.resources (resource, per, is_enabled)"
        " select unnest($1::text[]), 'organization', true",
        list(READ),
    )
    growth, data = ('{"team": "growth"}', '{"team": "data"}')
    await stored.organization("acme", tags=growth, key_class="organization")
    await stored.organization("globex", tags=growth, key_class="organization")
    await stored.organization("initech", tags=data, key_class="organization")
    await stored.organization("umbrella", tags=data, organization_id=None)
    await stored.organization(
        "hooli", configured=False, is_listed=True, organization_id=None, upstream_id="hooli-id"
    )
    await stored.organization("wayne", gone_upstream_since=ago(12), last_listed_at=ago(13))
    await stored.organization("vandelay", enabled=False)
    await teller.look("acme", since=60, until=HOUR)
    await teller.look("initech", since=10, until=HOUR)
    await teller.look(
        "globex", since=60, until=2, outcome="unauthorized", error="the key is dead", tried=HOUR
    )
    await teller.look("wayne", since=60, until=13)
    await stored.connection.execute(
        "insert into ledger.scopes (organization, resource, last_outcome, last_error,"
        " last_attempt_at)"
        " select 'umbrella', unnest($1::text[]), 'forbidden', 'too few rights', $2",
        list(READ),
        ago(HOUR),
    )


async def _connections(teller: Teller) -> None:
    tell = teller.tell
    await tell(
        "connections",
        "acme",
        "crm",
        Version(60, SALESFORCE | HEALTHY),
        unhealthy(6, "session expired"),
        unhealthy(4, "password expired"),
    )
    await tell(
        "connections",
        "acme",
        "billing",
        Version(60, SALESFORCE | HEALTHY),
        unhealthy(5, "timeout"),
        healthy(3),
    )
    await tell(
        "connections",
        "acme",
        "lake",
        Version(60, {"type_id": "snowflake", "type_name": "Snowflake"} | HEALTHY),
        unhealthy(20, "suspended"),
        healthy(19),
        unhealthy(9, "suspended"),
        healthy(8),
    )
    await tell(
        "connections",
        "acme",
        "warehouse",
        Version(60, POSTGRES | HEALTHY | {"endpoint": "old.example", "updated_by_name": "Joe"}),
        Version(3, {"endpoint": "pg.example", "updated_by_name": "Jane"}),
        Version(1, {"name": "main warehouse"}),
    )
    hub = HUBSPOT | HEALTHY
    await tell("connections", "acme", "events", Version(60, hub), gone(4), Version(1))
    await tell("connections", "acme", "legacy", Version(60, hub), gone(2))
    await tell("connections", "acme", "ghost", Version(60, hub))
    await teller.stored.connection.execute(
        "insert into ledger.withheld (resource, deployment, organization_id, id, reason, since,"
        " last_seen_at) values ('connections', $1, 'acme', 'ghost', 'rights', $2, $3)",
        DEPLOYMENT,
        teller.ago(1),
        teller.ago(1 + HOUR),
    )
    await tell(
        "connections",
        "globex",
        "sales",
        Version(60, SALESFORCE | HEALTHY),
        unhealthy(3, "invalid grant"),
    )
    mart = POSTGRES | HEALTHY | {"endpoint": "PG.example"}
    await tell("connections", "globex", "mart", Version(60, mart))
    copied = POSTGRES | HEALTHY | {"endpoint": "pg.example", "parent_connection_id": "warehouse"}
    await tell("connections", "globex", "copy", Version(60, copied))
    broken = NOTION | {"status": "unhealthy", "status_error": "no access"}
    await tell("connections", "initech", "notes", Version(10, broken))
    copied = broken | SALESFORCE | {"parent_connection_id": "crm"}
    await tell("connections", "initech", "crm_copy", Version(10, copied))
    await tell("connections", "initech", "wiki", Version(1, NOTION | HEALTHY))


async def _syncs(teller: Teller) -> None:
    tell = teller.tell
    for organization, key, source, destination in (
        ("acme", "nightly", "crm", "warehouse"),
        ("acme", "loads", "lake", "warehouse"),
        ("acme", "old", "legacy", "warehouse"),
        ("globex", "feed", "mart", "copy"),
    ):
        ends = {"source_connection_id": source, "destination_connection_id": destination}
        await tell(
            "bulk_syncs",
            organization,
            key,
            Version(60, ends | {"active": True, "schedule": "daily"}),
        )
    await teller.stored.reading(
        "bulk_syncs", "acme", "loads", schemas_failed=2, status_message="no such table"
    )
    await tell("models", "acme", "leads", Version(60, {"connection_id": "warehouse"}))
    await tell("models", "acme", "spare", Version(60, {"connection_id": "warehouse"}))
    pushed = {"model_ids": ["leads"], "target_connection_id": "crm", "active": True}
    await tell("model_syncs", "acme", "push", Version(60, pushed | {"schedule": "hourly"}))
    paused = {"model_ids": ["leads"], "target_connection_id": "billing", "active": False}
    await tell("model_syncs", "acme", "paused", Version(60, paused | {"schedule": "manual"}))
