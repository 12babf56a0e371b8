"""Schema ``reporting`` is what the contract promises to BI tools, and all that they can reach."""

from __future__ import annotations

import asyncpg
import pytest

from tests.acceptance.world import Row, World

TRACKED = """
    name type_id type_name operations status is_healthy status_error endpoint saved configuration
    policies parent_connection_id created_at created_by_id created_by_name created_by_type
    updated_at updated_by_id updated_by_name updated_by_type extra
"""
COMPLETENESS = "organizations_expected organizations_complete oldest_observed_at is_complete"
NUMBERS = "connections distinct_connections healthy_connections unhealthy_connections"
ORGANIZATION = "organization deployment organization_id organization_name"
ACTORS = """
    created_at created_by_id created_by_name created_by_type
    updated_at updated_by_id updated_by_name updated_by_type
"""
SEEN = """
    extra sanitized first_seen_at last_changed_at last_seen_at withheld_since withheld_reason
"""
VERSION = "valid_from valid_to change changed_fields"
CHANGE = "change field old_value new_value"
CONTRACT = {
    "organizations": """
        organization deployment organization_id organization_name tags status last_attempt_at
        last_complete_at last_outcome last_error connections healthy_connections
        unhealthy_connections listed_upstream_at gone_upstream_since is_expected
    """,
    "connections": f"""
        {ORGANIZATION} connection_id name type_id type_name operations status is_healthy
        status_error endpoint saved configuration policies parent_connection_id is_shared
        api_calls_last_24_hours rate_limit_reported rate_limited rate_limited_since
        rate_limit_expires_at {ACTORS} extra first_seen_at last_changed_at last_seen_at
    """,
    "connection_history": f"""
        {ORGANIZATION} connection_id {VERSION} {TRACKED} withheld_since
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
    "retention": "kind kept_since",
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
    "connection_types": f"""
        deployment type_id name logo_url logo_dark_url use_oauth capabilities
        configuration_fields connections organizations is_certain {SEEN}
    """,
    "organization_history": f"""
        {ORGANIZATION} {VERSION} name sso_domain sso_org_id issuer extra withheld_since
    """,
    "organization_changes": f"changed_at organization name {CHANGE} deployment organization_id",
    "connection_type_history": f"""
        deployment type_id {VERSION} name logo_url logo_dark_url use_oauth capabilities
        configuration_fields extra withheld_since
    """,
    "connection_type_changes": f"changed_at type_id name {CHANGE} deployment",
    "bulk_syncs": f"""
        {ORGANIZATION} bulk_sync_id name active mode source_connection_id
        destination_connection_id schedule schedules source_configuration
        destination_configuration automatically_add_new_fields automatically_add_new_objects
        normalize_names concurrency_limit resync_concurrency_limit data_cutoff_timestamp
        disable_record_timestamps policies {ACTORS} current_status next_execution_at
        last_started_at last_completed_at schemas_total schemas_failed records errors warnings
        status_message status_read_at {SEEN}
    """,
    "bulk_sync_history": f"""
        {ORGANIZATION} bulk_sync_id {VERSION} name active mode source_connection_id
        destination_connection_id schedule schedules source_configuration
        destination_configuration automatically_add_new_fields automatically_add_new_objects
        normalize_names concurrency_limit resync_concurrency_limit data_cutoff_timestamp
        disable_record_timestamps policies {ACTORS} extra withheld_since
    """,
    "bulk_sync_changes": f"""
        changed_at organization bulk_sync_id name {CHANGE} deployment organization_id
    """,
    "model_syncs": f"""
        {ORGANIZATION} model_sync_id name active mode model_ids target_connection_id
        target_object schedule schedules schedule_connection_id runs_after_sync_ids
        runs_after_bulk_sync_ids runs_after_success_only sync_all_records skip_initial_backfill
        only_enrich_updates {ACTORS} {SEEN}
    """,
    "model_sync_history": f"""
        {ORGANIZATION} model_sync_id {VERSION} name active mode model_ids target_connection_id
        target_object schedule schedules schedule_connection_id runs_after_sync_ids
        runs_after_bulk_sync_ids runs_after_success_only sync_all_records skip_initial_backfill
        only_enrich_updates {ACTORS} extra withheld_since
    """,
    "model_sync_changes": f"""
        changed_at organization model_sync_id name {CHANGE} deployment organization_id
    """,
    "models": f"""
        {ORGANIZATION} model_id name connection_id enricher_connection_id enricher_id type
        model_version identifier tracking_columns labels policies related_model_ids fields
        {ACTORS} {SEEN}
    """,
    "model_history": f"""
        {ORGANIZATION} model_id {VERSION} name connection_id enricher_connection_id enricher_id
        type model_version identifier tracking_columns labels policies related_model_ids fields
        {ACTORS} extra withheld_since
    """,
    "model_changes": f"changed_at organization model_id name {CHANGE} deployment organization_id",
    "policies": f"{ORGANIZATION} policy_id name is_system policy_actions {SEEN}",
    "policy_history": f"""
        {ORGANIZATION} policy_id {VERSION} name is_system policy_actions extra withheld_since
    """,
    "policy_changes": f"""
        changed_at organization policy_id name {CHANGE} deployment organization_id
    """,
    "roles": f"{ORGANIZATION} role_id name is_system {SEEN}",
    "role_history": f"{ORGANIZATION} role_id {VERSION} name is_system extra withheld_since",
    "role_changes": f"changed_at organization role_id name {CHANGE} deployment organization_id",
    "connection_usage_history": f"""
        {ORGANIZATION} usage_id {VERSION} connection_id sync_id sync_name sync_type
        reports_sync_stats extra withheld_since
    """,
    "connection_usage_changes": f"""
        changed_at organization connection_id sync_id sync_name {CHANGE} deployment
        organization_id
    """,
    "connection_schemas": f"""
        {ORGANIZATION} connection_id connection_name is_available cache_status
        last_refresh_started_at last_refresh_finished_at status_read_at {SEEN}
    """,
    "connection_schema_history": f"""
        {ORGANIZATION} connection_id {VERSION} is_available extra withheld_since
    """,
    "connection_schema_changes": f"""
        changed_at organization connection_id {CHANGE} deployment organization_id
    """,
    "connection_sources": f"""
        {ORGANIZATION} connection_id connection_name is_available supports_tracking_fields
        supports_namespaces schema_count schemas {SEEN}
    """,
    "connection_source_history": f"""
        {ORGANIZATION} connection_id {VERSION} is_available supports_tracking_fields
        supports_namespaces schema_count schemas extra withheld_since
    """,
    "connection_source_changes": f"""
        changed_at organization connection_id {CHANGE} deployment organization_id
    """,
    "connection_proxy": f"""
        {ORGANIZATION} connection_id connection_name is_available backend_type apis
        allowed_methods rate_limit_per_minute timeout_ms max_request_body_bytes
        max_response_body_bytes calls_last_24_hours proxy_calls_last_24_hours
        proxy_2xx_last_24_hours proxy_4xx_last_24_hours proxy_5xx_last_24_hours
        last_proxy_call_at status_read_at {SEEN}
    """,
    "connection_proxy_history": f"""
        {ORGANIZATION} connection_id {VERSION} is_available backend_type apis allowed_methods
        rate_limit_per_minute timeout_ms max_request_body_bytes max_response_body_bytes extra
        withheld_since
    """,
    "connection_proxy_changes": f"""
        changed_at organization connection_id {CHANGE} deployment organization_id
    """,
    "shared_connection_history": f"""
        {ORGANIZATION} shared_connection_id {VERSION} parent_connection_id child_organization_id
        name type_id type_name status status_error saved created_at updated_at extra
        withheld_since
    """,
    "shared_connection_changes": f"""
        changed_at organization shared_connection_id name {CHANGE} deployment organization_id
    """,
    "shared_connections": f"""
        {ORGANIZATION} shared_connection_id name type_id type_name parent_connection_id
        parent_name parent_status parent_is_healthy child_organization child_organization_id
        child_organization_name child_has_key status is_healthy status_error saved created_at
        updated_at source first_seen_at last_changed_at last_seen_at withheld_since
        withheld_reason
    """,
    "connection_dependents": f"""
        {ORGANIZATION} connection_id connection_name dependent_kind dependent_id dependent_name
        dependent_organization dependent_organization_id via path is_direct
        through_connection_id active schedule
    """,
    "blast_radius": f"""
        {ORGANIZATION} connection_id connection_name type_id status status_error status_since
        is_shared root_connection_id copies copy_organizations affected_organizations
        organizations affected_bulk_syncs affected_active_bulk_syncs affected_model_syncs
        affected_active_model_syncs affected_models affected_downstream_syncs
        affected_active_downstream_syncs schedules next_execution_at is_certain not_looked
    """,
    "unused_connections": f"""
        {ORGANIZATION} connection_id connection_name type_id type_name status is_healthy
        is_shared copies api_calls_last_24_hours created_at updated_at is_certain not_looked
        first_seen_at last_seen_at withheld_since
    """,
    "orphan_syncs": f"""
        {ORGANIZATION} sync_kind sync_id sync_name active schedule missing_kind missing_id
        missing_name via model_id reason removed_at
    """,
    "same_endpoint": """
        deployment endpoint type_ids organizations connections distinct_connections
    """,
    "api_usage_by_sync": f"""
        {ORGANIZATION} connection_id connection_name type_id sync_id sync_name sync_type
        category category_label calls sync_calls connection_calls last_run_at read_at
        last_seen_at
    """,
    "coverage": f"""
        {ORGANIZATION} resource status last_attempt_at last_complete_at last_outcome last_error
        records withheld
    """,
    "unhealthy_connections": f"""
        {ORGANIZATION} connection_id name type_id type_name status status_error endpoint
        unhealthy_since is_since_exact is_shared parent_connection_id last_seen_at
    """,
    "changes": f"""
        changed_at organization deployment organization_id resource id name {CHANGE} is_first_load
    """,
    "changes_daily": """
        day organization deployment organization_id resource change is_first_load changes
    """,
    "organization_api_usage_daily": f"day {ORGANIZATION} api_calls connections",
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
    assert {row["schema"] for row in relations} == {"ledger", "inventory", "people", "reporting"}
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
