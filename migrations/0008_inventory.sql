-- What else exists: tables as inventory.connections, one for each further resource. No index but the
-- keys: the views read whole tables or ask by key, and each index would cost every write.

create table inventory.organizations (
    deployment text not null,
    organization_id text not null,
    id text not null,
    name text,
    sso_domain text,
    sso_org_id text,
    issuer text,
    extra jsonb,
    sanitized boolean not null default false,
    content_hash bytea not null,
    change text not null default 'created',
    changed_fields text[],
    valid_from timestamptz not null default now(),
    first_seen_at timestamptz not null default now(),
    generation bigint not null,
    rights text,
    primary key (deployment, organization_id, id)
);
comment on table inventory.organizations is
    'The open version of what every organization says of itself; one row each.';

create table inventory.connection_types (
    deployment text not null,
    organization_id text not null,
    id text not null,
    name text,
    logo_url text,
    logo_dark_url text,
    use_oauth boolean,
    capabilities text[],
    configuration_fields jsonb,
    extra jsonb,
    sanitized boolean not null default false,
    content_hash bytea not null,
    change text not null default 'created',
    changed_fields text[],
    valid_from timestamptz not null default now(),
    first_seen_at timestamptz not null default now(),
    generation bigint not null,
    rights text,
    primary key (deployment, organization_id, id)
);
comment on table inventory.connection_types is
    'The open version of every connection type; of a deployment, so organization_id is empty.';

create table inventory.bulk_syncs (
    deployment text not null,
    organization_id text not null,
    id text not null,
    name text,
    active boolean,
    mode text,
    source_connection_id text,
    destination_connection_id text,
    schedule text,
    schedules jsonb,
    source_configuration jsonb,
    destination_configuration jsonb,
    automatically_add_new_fields text,
    automatically_add_new_objects text,
    normalize_names text,
    concurrency_limit integer,
    resync_concurrency_limit integer,
    data_cutoff_timestamp timestamptz,
    disable_record_timestamps boolean,
    policies text[],
    created_at timestamptz,
    created_by_id text,
    created_by_name text,
    created_by_type text,
    updated_at timestamptz,
    updated_by_id text,
    updated_by_name text,
    updated_by_type text,
    extra jsonb,
    sanitized boolean not null default false,
    content_hash bytea not null,
    change text not null default 'created',
    changed_fields text[],
    valid_from timestamptz not null default now(),
    first_seen_at timestamptz not null default now(),
    generation bigint not null,
    rights text,
    primary key (deployment, organization_id, id)
);
comment on table inventory.bulk_syncs is
    'The open version of every bulk sync.';

create table inventory.bulk_syncs_readings (
    deployment text not null,
    organization_id text not null,
    id text not null,
    current_status text,
    next_execution_at timestamptz,
    last_started_at timestamptz,
    last_completed_at timestamptz,
    schemas_total integer,
    schemas_failed integer,
    records bigint,
    errors bigint,
    warnings bigint,
    status_message text,
    read_at timestamptz not null default now(),
    primary key (deployment, organization_id, id)
);
comment on table inventory.bulk_syncs_readings is
    'Volatile values of bulk syncs; apart, so that a reading never rewrites a row.';

create table inventory.model_syncs (
    deployment text not null,
    organization_id text not null,
    id text not null,
    name text,
    active boolean,
    mode text,
    model_ids text[],
    target_connection_id text,
    target_object text,
    schedule text,
    schedules jsonb,
    schedule_connection_id text,
    runs_after_sync_ids text[],
    runs_after_bulk_sync_ids text[],
    runs_after_success_only boolean,
    sync_all_records boolean,
    skip_initial_backfill boolean,
    only_enrich_updates boolean,
    created_at timestamptz,
    created_by_id text,
    created_by_name text,
    created_by_type text,
    updated_at timestamptz,
    updated_by_id text,
    updated_by_name text,
    updated_by_type text,
    extra jsonb,
    sanitized boolean not null default false,
    content_hash bytea not null,
    change text not null default 'created',
    changed_fields text[],
    valid_from timestamptz not null default now(),
    first_seen_at timestamptz not null default now(),
    generation bigint not null,
    rights text,
    primary key (deployment, organization_id, id)
);
comment on table inventory.model_syncs is
    'The open version of every model sync.';

create table inventory.models (
    deployment text not null,
    organization_id text not null,
    id text not null,
    name text,
    connection_id text,
    enricher_connection_id text,
    enricher_id text,
    type text,
    model_version bigint,
    identifier text,
    tracking_columns text[],
    labels text[],
    policies text[],
    related_model_ids text[],
    fields text[],
    created_at timestamptz,
    created_by_id text,
    created_by_name text,
    created_by_type text,
    updated_at timestamptz,
    updated_by_id text,
    updated_by_name text,
    updated_by_type text,
    extra jsonb,
    sanitized boolean not null default false,
    content_hash bytea not null,
    change text not null default 'created',
    changed_fields text[],
    valid_from timestamptz not null default now(),
    first_seen_at timestamptz not null default now(),
    generation bigint not null,
    rights text,
    primary key (deployment, organization_id, id)
);
comment on table inventory.models is
    'The open version of every model: no SQL text, and of its fields the names only.';

create table inventory.users (
    deployment text not null,
    organization_id text not null,
    id text not null,
    email text,
    role text,
    role_ids text[],
    harbor_only boolean,
    harbor_ids text[],
    extra jsonb,
    sanitized boolean not null default false,
    content_hash bytea not null,
    change text not null default 'created',
    changed_fields text[],
    valid_from timestamptz not null default now(),
    first_seen_at timestamptz not null default now(),
    generation bigint not null,
    rights text,
    primary key (deployment, organization_id, id)
);
comment on table inventory.users is
    'The open version of every user of an organization: personal data.';

create table inventory.policies (
    deployment text not null,
    organization_id text not null,
    id text not null,
    name text,
    is_system boolean,
    policy_actions jsonb,
    extra jsonb,
    sanitized boolean not null default false,
    content_hash bytea not null,
    change text not null default 'created',
    changed_fields text[],
    valid_from timestamptz not null default now(),
    first_seen_at timestamptz not null default now(),
    generation bigint not null,
    rights text,
    primary key (deployment, organization_id, id)
);
comment on table inventory.policies is
    'The open version of every permission policy; those of the system repeat in each organization.';

create table inventory.roles (
    deployment text not null,
    organization_id text not null,
    id text not null,
    name text,
    is_system boolean,
    extra jsonb,
    sanitized boolean not null default false,
    content_hash bytea not null,
    change text not null default 'created',
    changed_fields text[],
    valid_from timestamptz not null default now(),
    first_seen_at timestamptz not null default now(),
    generation bigint not null,
    rights text,
    primary key (deployment, organization_id, id)
);
comment on table inventory.roles is
    'The open version of every role; those of the system repeat in each organization.';

create table inventory.connection_usage (
    deployment text not null,
    organization_id text not null,
    id text not null,
    connection_id text,
    sync_id text,
    sync_name text,
    sync_type text,
    reports_sync_stats boolean,
    extra jsonb,
    sanitized boolean not null default false,
    content_hash bytea not null,
    change text not null default 'created',
    changed_fields text[],
    valid_from timestamptz not null default now(),
    first_seen_at timestamptz not null default now(),
    generation bigint not null,
    rights text,
    primary key (deployment, organization_id, id)
);
comment on table inventory.connection_usage is
    'Of which connection which sync reports API calls, and a row without a sync for its total.';

create table inventory.connection_usage_readings (
    deployment text not null,
    organization_id text not null,
    id text not null,
    calls bigint,
    last_run_at timestamptz,
    categories jsonb,
    read_at timestamptz not null default now(),
    primary key (deployment, organization_id, id)
);
comment on table inventory.connection_usage_readings is
    'Volatile values of connection usage; apart, so that a reading never rewrites a row.';

create table inventory.connection_schemas (
    deployment text not null,
    organization_id text not null,
    id text not null,
    connection_id text,
    is_available boolean,
    extra jsonb,
    sanitized boolean not null default false,
    content_hash bytea not null,
    change text not null default 'created',
    changed_fields text[],
    valid_from timestamptz not null default now(),
    first_seen_at timestamptz not null default now(),
    generation bigint not null,
    rights text,
    primary key (deployment, organization_id, id)
);
comment on table inventory.connection_schemas is
    'Whether a connection has a cache of schemas.';

create table inventory.connection_schemas_readings (
    deployment text not null,
    organization_id text not null,
    id text not null,
    cache_status text,
    last_refresh_started_at timestamptz,
    last_refresh_finished_at timestamptz,
    read_at timestamptz not null default now(),
    primary key (deployment, organization_id, id)
);
comment on table inventory.connection_schemas_readings is
    'Volatile values of connection schemas; apart, so that a reading never rewrites a row.';

create table inventory.connection_sources (
    deployment text not null,
    organization_id text not null,
    id text not null,
    connection_id text,
    is_available boolean,
    supports_tracking_fields boolean,
    supports_namespaces boolean,
    schema_count integer,
    schemas text[],
    extra jsonb,
    sanitized boolean not null default false,
    content_hash bytea not null,
    change text not null default 'created',
    changed_fields text[],
    valid_from timestamptz not null default now(),
    first_seen_at timestamptz not null default now(),
    generation bigint not null,
    rights text,
    primary key (deployment, organization_id, id)
);
comment on table inventory.connection_sources is
    'What a connection offers as the source of a bulk sync.';

create table inventory.connection_proxy (
    deployment text not null,
    organization_id text not null,
    id text not null,
    connection_id text,
    is_available boolean,
    backend_type text,
    apis text[],
    allowed_methods text[],
    rate_limit_per_minute integer,
    timeout_ms integer,
    max_request_body_bytes bigint,
    max_response_body_bytes bigint,
    extra jsonb,
    sanitized boolean not null default false,
    content_hash bytea not null,
    change text not null default 'created',
    changed_fields text[],
    valid_from timestamptz not null default now(),
    first_seen_at timestamptz not null default now(),
    generation bigint not null,
    rights text,
    primary key (deployment, organization_id, id)
);
comment on table inventory.connection_proxy is
    'Whether a connection may be used through the proxy, and within which limits.';

create table inventory.connection_proxy_readings (
    deployment text not null,
    organization_id text not null,
    id text not null,
    calls_last_24_hours bigint,
    proxy_calls_last_24_hours bigint,
    proxy_2xx_last_24_hours bigint,
    proxy_4xx_last_24_hours bigint,
    proxy_5xx_last_24_hours bigint,
    last_proxy_call_at timestamptz,
    read_at timestamptz not null default now(),
    primary key (deployment, organization_id, id)
);
comment on table inventory.connection_proxy_readings is
    'Volatile values of connection proxy; apart, so that a reading never rewrites a row.';

create table inventory.shared_connections (
    deployment text not null,
    organization_id text not null,
    id text not null,
    parent_connection_id text,
    child_organization_id text,
    name text,
    type_id text,
    type_name text,
    status text,
    status_error text,
    saved boolean,
    created_at timestamptz,
    updated_at timestamptz,
    extra jsonb,
    sanitized boolean not null default false,
    content_hash bytea not null,
    change text not null default 'created',
    changed_fields text[],
    valid_from timestamptz not null default now(),
    first_seen_at timestamptz not null default now(),
    generation bigint not null,
    rights text,
    primary key (deployment, organization_id, id)
);
comment on table inventory.shared_connections is
    'Copies of a connection as its own organization lists them; organization_id is the parent''s.';

create schema people;
comment on schema people is
    'Views of personal data: readable only by whom somebody granted it, never by reporting_reader.';
