"""Schema ``reporting`` is what the contract promises to BI tools, and all that they can reach."""

from __future__ import annotations

import asyncpg
import pytest

from tests.acceptance.world import Row, World

CONNECTION_KEYS = "organization deployment organization_id organization_name connection_id"
TRACKED = """
    name type_id type_name operations status is_healthy status_error endpoint saved configuration
    policies parent_connection_id created_at created_by_id created_by_name created_by_type
    updated_at updated_by_id updated_by_name updated_by_type extra
"""
COMPLETENESS = "organizations_expected organizations_complete oldest_observed_at is_complete"
NUMBERS = "connections distinct_connections healthy_connections unhealthy_connections"
CONTRACT = {
    "organizations": """
        organization deployment organization_id organization_name tags status last_attempt_at
        last_complete_at last_outcome last_error connections healthy_connections
        unhealthy_connections listed_upstream_at gone_upstream_since is_expected
    """,
    "connections": f"""
        {CONNECTION_KEYS} name type_id type_name operations status is_healthy status_error endpoint
        saved configuration policies parent_connection_id is_shared api_calls_last_24_hours
        rate_limit_reported rate_limited rate_limited_since rate_limit_expires_at created_at
        created_by_id created_by_name created_by_type updated_at updated_by_id updated_by_name
        updated_by_type extra first_seen_at last_changed_at last_seen_at
    """,
    "connection_history": f"""
        {CONNECTION_KEYS} valid_from valid_to change changed_fields {TRACKED} withheld_since
    """,
    "connection_changes": """
        changed_at organization connection_id name change field old_value new_value
    """,
    "api_usage_daily": """
        day organization connection_id name type_id api_calls_last_24_hours
        max_api_calls_last_24_hours
    """,
    "runs": """
        run_id started_at finished_at status exit_code version duration_seconds requests retries
        organizations_total organizations_complete organizations_partial organizations_failed
        organizations_deferred outcomes resources
    """,
    "run_organizations": """
        run_id organization organization_id resource outcome error http_status requests retries
        waited_seconds seen created updated removed restored withheld rejected started_at
        finished_at request_id recorded_at
    """,
    "observations": "organization resource observed_from observed_to is_open",
    "rejected_records": """
        run_id organization resource record_id reason record rejected_at
    """,
    "fleet_summary": f"{COMPLETENESS} {NUMBERS}",
    "connection_types_in_use": f"type_id type_name {COMPLETENESS} {NUMBERS}",
    "organization_health": f"""
        organization deployment organization_id organization_name tags status {COMPLETENESS}
        age_seconds {NUMBERS} unhealthy_since
    """,
    "api_drift": """
        resource kind path value_digest organizations organizations_ever first_seen_at last_seen_at
        is_current example_organization
    """,
}
TYPES = {
    "tags": "jsonb",
    "configuration": "jsonb",
    "extra": "jsonb",
    "old_value": "jsonb",
    "new_value": "jsonb",
    "record": "jsonb",
    "operations": "text[]",
    "policies": "text[]",
    "changed_fields": "text[]",
    "is_healthy": "boolean",
    "is_complete": "boolean",
    "connections": "bigint",
    "strict_connections": "bigint",
    "is_shared": "boolean",
    "is_open": "boolean",
    "request_id": "text",
    "rate_limited": "boolean",
    "rate_limit_reported": "boolean",
    "day": "date",
    "run_id": "uuid",
}

COLUMNS = """
select c.relname as view, a.attname as column, format_type(a.atttypid, null) as type,
    col_description(c.oid, a.attnum) as comment, obj_description(c.oid) as view_comment, c.relkind
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = 'reporting'::regnamespace
order by c.relname, a.attnum
"""


@pytest.fixture
async def columns(world: World) -> list[Row]:
    return await world.query(COLUMNS)


def test_the_views_are_those_of_the_contract_and_nothing_but_views(columns: list[Row]) -> None:
    assert {row["view"] for row in columns} == set(CONTRACT)
    assert {bytes(row["relkind"]) for row in columns} == {b"v"}


@pytest.mark.parametrize("view", CONTRACT)
def test_a_view_begins_with_its_columns_of_the_contract_in_their_order(
    columns: list[Row], view: str
) -> None:
    promised = CONTRACT[view].split()
    there = [row["column"] for row in columns if row["view"] == view]
    assert set(promised) <= set(there)
    assert [name for name in there if name in promised] == promised


def test_every_view_and_every_column_has_a_comment(columns: list[Row]) -> None:
    assert not [row["view"] for row in columns if not row["view_comment"]]
    assert not [(row["view"], row["column"]) for row in columns if not row["comment"]]


def test_all_times_are_with_time_zone(columns: list[Row]) -> None:
    times = {
        (row["column"], row["type"])
        for row in columns
        if row["column"].endswith(("_at", "_since", "_from", "_to")) or "time" in row["type"]
    }
    assert {kind for _, kind in times} == {"timestamp with time zone"}
    assert len(times) > 10


def test_the_types_are_those_of_the_contract_and_ids_of_the_api_are_text(
    columns: list[Row],
) -> None:
    for row in columns:
        name = row["column"]
        if name in TYPES:
            assert row["type"] == TYPES[name], row
        elif name.endswith("_id"):
            assert row["type"] == "text", row


async def test_the_reader_reads_every_view_and_nothing_else(world: World) -> None:
    await world.sync()
    relations = await world.query(
        "select n.nspname as schema, format('%I.%I', n.nspname, c.relname) as name"
        " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.relkind in ('r', 'v', 'S') and n.nspname not in"
        " ('pg_catalog', 'information_schema', 'pg_toast')"
    )
    functions = await world.query(
        "select format('%I.%I', n.nspname, p.proname) as name, n.nspname as schema from pg_proc p"
        " join pg_namespace n on n.oid = p.pronamespace"
        " where n.nspname not in ('pg_catalog', 'information_schema')"
    )
    assert {row["schema"] for row in relations} == {"ledger", "inventory", "reporting"}
    assert {row["schema"] for row in functions} <= {"ledger", "inventory", "reporting"}
    meant_for_the_reader = {row["name"] for row in functions if row["schema"] == "reporting"}
    assert meant_for_the_reader == {"reporting.connections_as_of"}
    async with world.connection() as connection:
        await connection.execute("set role reporting_reader")
        for row in relations:
            if row["schema"] == "reporting":
                await connection.fetch(f"select * from {row['name']}")  # noqa: S608 (a name of ours)
                continue
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch(f"select * from {row['name']}")  # noqa: S608 (as above)
        for statement in (
            "delete from reporting.rejected_records",
            "create table reporting.mine (n int)",
            "create table ledger.mine (n int)",
            "create table public.mine (n int)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)


async def test_a_change_is_history_and_a_reading_is_not(world: World) -> None:
    """Fault D13."""
    acme = world.fleet["acme-01"]
    connection = acme.connections[0]
    connection |= {"api_calls_last_24_hours": 5}
    await world.sync()
    old_name = connection["name"]
    connection |= {"name": "renamed", "api_calls_last_24_hours": 7}
    acme.connections[1] |= {"api_calls_last_24_hours": 9}
    await world.sync()
    changes = await world.query(
        "select * from reporting.connection_changes where change <> 'created'"
    )
    assert [(row["field"], row["old_value"], row["new_value"]) for row in changes] == [
        ("name", f'"{old_name}"', '"renamed"')
    ]
    versions = await world.query(
        "select * from reporting.connection_history where connection_id = $1 order by valid_from",
        connection["id"],
    )
    assert [(row["name"], row["change"]) for row in versions] == [
        (old_name, "created"),
        ("renamed", "updated"),
    ]
    assert versions[0]["valid_to"] == versions[1]["valid_from"]
    assert versions[1]["valid_to"] is None
    assert versions[1]["changed_fields"] == ["name"]
    usage = await world.query(
        "select * from reporting.api_usage_daily where connection_id = $1", connection["id"]
    )
    assert [
        (row["api_calls_last_24_hours"], row["max_api_calls_last_24_hours"]) for row in usage
    ] == [(7, 7)]


@pytest.mark.parametrize(
    "view", ["fleet_summary", "connection_types_in_use", "organization_health"]
)
def test_every_number_of_an_aggregate_has_a_strict_variant(columns: list[Row], view: str) -> None:
    types = {row["column"]: row["type"] for row in columns if row["view"] == view}
    numbers = {
        name
        for name, kind in types.items()
        if kind == "bigint" and not name.startswith("organizations_")
    } - {"age_seconds"}
    strict = {name for name in numbers if name.startswith("strict_")}
    assert strict == {f"strict_{name}" for name in numbers - strict}
    assert len(strict) >= 7
