"""What comments do not say of a view: in which group it is, what tells its rows apart, and which
columns are never NULL. Tests hold it against data.
"""

from __future__ import annotations

_ORGANIZATION = "deployment, organization_id"
_CONNECTION = f"{_ORGANIZATION}, connection_id"

# Group → view → what tells its rows apart. Other histories and changes follow by their names.
GROUPS: dict[str, dict[str, str]] = {
    "What exists": {
        "connections": _CONNECTION,
        "connection_types_in_use": "type_id",
        "connection_types": "deployment, type_id",
        "bulk_syncs": f"{_ORGANIZATION}, bulk_sync_id",
        "model_syncs": f"{_ORGANIZATION}, model_sync_id",
        "models": f"{_ORGANIZATION}, model_id",
        "connection_dependents": (
            f"{_CONNECTION}, dependent_kind, dependent_organization_id, dependent_id"
        ),
        "unused_connections": _CONNECTION,
        "orphan_syncs": (
            f"{_ORGANIZATION}, sync_kind, sync_id, missing_kind, missing_id, via, model_id"
        ),
        "shared_connections": (
            "deployment, parent_connection_id, child_organization_id, shared_connection_id"
        ),
        "same_endpoint": "deployment, endpoint, type_ids",
        "connection_schemas": _CONNECTION,
        "connection_sources": _CONNECTION,
        "connection_proxy": _CONNECTION,
    },
    "How healthy it is": {
        "unhealthy_connections": _CONNECTION,
        "fleet_summary": "",
        "organization_health": "organization",
        "blast_radius": _CONNECTION,
    },
    "What changed": {
        "changes": f"{_ORGANIZATION}, resource, id, changed_at, change, field",
        "changes_daily": f"day, {_ORGANIZATION}, resource, change, is_first_load",
        "connection_history": f"{_CONNECTION}, valid_from, change",
        "connection_changes": f"{_CONNECTION}, changed_at, change, field",
        "connections_as_of": _CONNECTION,
    },
    "How much it is used": {
        "organization_api_usage_daily": "day, organization",
        "api_usage_daily": f"day, {_CONNECTION}",
        "api_usage_by_sync": f"{_CONNECTION}, sync_id, category",
    },
    "Who may do what": {
        "policies": f"{_ORGANIZATION}, policy_id",
        "roles": f"{_ORGANIZATION}, role_id",
        "people.users": f"{_ORGANIZATION}, user_id",
    },
    "How far it can be trusted": {
        "coverage": "organization, resource",
        "organizations": "organization",
        "observations": "organization, resource, observed_from",
        "runs": "run_id",
        "run_organizations": "run_id, organization, resource",
        "rejected_records": "",
        "retention": "kind",
        "api_drift": "resource, kind, path, value_digest, found_type",
    },
}

NEVER_NULL = frozenset(
    {
        "change",
        "changed_at",
        "child_has_key",
        "copies",
        "copy_organizations",
        "day",
        "deployment",
        "first_seen_at",
        "is_certain",
        "is_complete",
        "is_current",
        "is_direct",
        "is_expected",
        "is_open",
        "is_shared",
        "kept_since",
        "kind",
        "last_changed_at",
        "observed_from",
        "observed_to",
        "organization",
        "organizations_complete",
        "organizations_ever",
        "organizations_expected",
        "outcome",
        "path",
        "rate_limit_reported",
        "reason",
        "recorded_at",
        "rejected_at",
        "resource",
        "run_id",
        "sanitized",
        "started_at",
        "valid_from",
        "version",
    }
)
"""In all views, but for ``MAY_BE_NULL``; and so is whatever tells rows apart."""

MAY_BE_NULL = frozenset(
    {
        "api_drift.found_type",
        "api_drift.value_digest",
        "api_usage_by_sync.category",
        "api_usage_by_sync.connection_id",
        "api_usage_by_sync.sync_id",
        "changes.organization",
        "changes_daily.organization",
        "connection_types_in_use.type_id",
        "connection_usage_changes.connection_id",
        "connection_usage_changes.sync_id",
        "connection_usage_history.connection_id",
        "connections_as_of.valid_from",
        "orphan_syncs.model_id",
        "run_organizations.started_at",
        "runs.organizations_complete",
        "shared_connections.child_organization_id",
        "shared_connections.organization",
    }
)
