"""The first run: from the bytes of an answer to what BI tools read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from tests.simulator import Fault
from tests.stored import stored
from tests.syncing import DEPLOYMENT, Syncing

SAMPLES = Path(__file__).parent.parent / "samples" / "connections"
SAMPLE_ID = "248df4b7-aa70-47b8-a036-33ac447e668d"
JOHN = "12345678-1234-1234-1234-123456789012"
JANUARY_15 = datetime(2024, 1, 15, 9, 30, tzinfo=UTC)


async def test_the_vendors_example_answer_arrives_field_by_field(world: Syncing) -> None:
    body = (SAMPLES / "list_connections.json").read_bytes()
    acme = world.fleet["acme-01"]
    acme.identity = {"organization_id": SAMPLE_ID, "organization_name": "Acme"}
    acme.faults = [Fault(path="/api/connections", body=body)]
    before = datetime.now(UTC)

    account = await world.sync("acme-01")

    assert account["exit_code"] == 0
    [row] = (await world.connections("acme-01")).values()
    seen = {row.pop(name) for name in ("first_seen_at", "last_changed_at", "status_since")}
    assert len(seen) == 1
    assert before <= seen.pop() <= datetime.now(UTC)
    assert before <= row.pop("last_seen_at") <= datetime.now(UTC)
    assert row == {
        "organization": "acme-01",
        "deployment": DEPLOYMENT,
        "organization_id": SAMPLE_ID,
        "organization_name": "Acme",
        "connection_id": SAMPLE_ID,
        "name": "My Postgres Connection",
        "type_id": "postgresql",
        "type_name": "PostgreSQL",
        "operations": ["bulksyncsource"],
        "status": "healthy",
        "is_healthy": True,
        "status_error": "error message",
        "endpoint": "postgres.example.com",
        "saved": True,
        "configuration": {
            "database": "example",
            "hostname": "postgres.example.com",
            "password": "(masked)",
            "port": 5432,
            "username": "user",
        },
        "policies": [SAMPLE_ID],
        "parent_connection_id": SAMPLE_ID,
        "is_shared": True,
        "api_calls_last_24_hours": 2021,
        "rate_limit_reported": False,
        "rate_limited": None,
        "rate_limited_since": None,
        "rate_limit_expires_at": None,
        "created_at": JANUARY_15,
        "created_by_id": JOHN,
        "created_by_name": "John Doe",
        "created_by_type": "user",
        "updated_at": JANUARY_15,
        "updated_by_id": JOHN,
        "updated_by_name": "John Doe",
        "updated_by_type": "user",
        "extra": None,
        "withheld_since": None,
        "withheld_reason": None,
        "is_expected": True,
        "type_logo_url": "https://connect-assets.polytomic.com/logos/postgresql.svg",
        "type_logo_dark_url": None,
        "sanitized": False,
    }


async def test_a_host_under_a_name_of_the_types_own_arrives_in_the_view(world: Syncing) -> None:
    bodies = json.loads((SAMPLES / "hosts_by_type.json").read_bytes())
    acme = world.fleet["acme-01"]
    acme.identity = {"organization_id": SAMPLE_ID, "organization_name": "Acme"}
    acme.faults = [Fault(path="/api/connections", body=bodies)]

    await world.sync("acme-01")

    assert {
        row["type_id"]: row["endpoint"] for row in (await world.connections("acme-01")).values()
    } == {
        "sftp": "sftp.example.com",
        "marketo": "123-abc-999.mktorest.example.com",
        "shopify": "acme",
        "hubspot": "acme.example.com",
        "postgresql": "pg.example.com",
    }


async def test_a_first_load_writes_no_history(world: Syncing) -> None:
    account = await world.sync()

    assert (
        account["resources"]["connections"] | {"seen": 12, "created": 12, "removed": 0}
        == (account["resources"]["connections"])
    )
    assert await world.value("select count(*) from inventory.history") == 0
    rows = await world.query("select * from reporting.connection_history")
    assert len(rows) == 12
    assert {(row["change"], row["valid_to"], row["changed_fields"]) for row in rows} == {
        ("created", None, None)
    }


async def test_every_connection_of_the_fleet_is_there_under_its_organization(
    world: Syncing,
) -> None:
    await world.sync()

    for organization in world.fleet:
        stored = await world.connections(organization.name)
        assert {row["name"] for row in stored.values()} == {
            connection["name"] for connection in organization.connections
        }
        assert stored.keys() == {connection["id"] for connection in organization.connections}


async def test_a_plan_says_what_a_run_would_do_and_leaves_no_trace(world: Syncing) -> None:
    tables = await world.column(
        "select table_schema || '.' || table_name from information_schema.tables"
        " where table_schema in ('ledger', 'inventory') and table_type = 'BASE TABLE'"
    )
    before = [await world.value(f"select count(*) from {table}") for table in tables]  # noqa: S608 - names of ours

    planned = await world.sync(plan=True)

    after = [await world.value(f"select count(*) from {table}") for table in tables]  # noqa: S608 - names of ours
    assert after == before
    assert planned["plan"]
    real = await world.sync()
    assert planned["resources"] == real["resources"]


async def test_an_answer_in_pages_is_read_to_its_end(world: Syncing) -> None:
    world.fleet.page_sizes["/api/connections"] = 4
    await world.sync()
    assert len(await world.connections("acme-01")) == 6
    account = await world.sync()
    assert account["resources"]["connections"]["unchanged"] == 12
    assert json.loads(
        await world.value(
            "select outcomes::text from reporting.runs order by started_at desc limit 1"
        )
    ) == {"complete": 2}


async def test_what_a_first_load_looks_up_does_not_grow_with_what_was_loaded(
    database_url: str,
) -> None:
    """Planners know nothing of tables that were empty a moment ago."""
    looked_up = []
    async with stored(database_url) as ready:
        await ready.connection.execute(
            "insert into ledger.organizations (organization, deployment, organization_id)"
            " select n, 'app.example', n from generate_series(0, 1999) as g, cast(g as text) as n"
        )
        for batch in range(8):
            async with ready.connection.transaction():
                await ready.connection.execute(
                    "insert into inventory.connections_readings (deployment, organization_id, id,"
                    " api_calls_last_24_hours, rate_limit_reported)"
                    " select 'app.example', o.organization_id, n::text, 1, false"
                    " from ledger.organizations o cross join generate_series(1, 50) n"
                    " where o.organization::int / 25 = $1",
                    batch,
                )
                looked_up += await ready.column(
                    "select sum(idx_scan + seq_tup_read)::int from pg_stat_xact_user_tables"
                    " where schemaname = 'ledger' and relname in ('organizations', 'scope_days')"
                )
                await ready.connection.execute(
                    "insert into ledger.scope_days (organization, resource, day)"
                    " select organization, 'connections', (now() at time zone 'UTC')::date"
                    " from ledger.organizations where organization::int / 25 = $1",
                    batch,
                )
    # Counted since the test began; the first batch is planned for nothing at all.
    second, last = looked_up[2] - looked_up[1], looked_up[-1] - looked_up[-2]
    assert last < 2 * second, looked_up
