-- Whose rows the aggregates count, said in the rows themselves; and what analysts and operators stumbled over.

create function ledger.is_expected(
    is_configured boolean, is_enabled boolean, gone_since timestamptz, last_read_at timestamptz
) returns boolean
language sql immutable parallel safe
return (is_enabled or not is_configured)
    and (coalesce(last_read_at, '-infinity') <= gone_since) is not true;
comment on function ledger.is_expected(boolean, boolean, timestamptz, timestamptz) is
    'Whether an organization with rows is expected to be there, as ledger.coverage says it.';

create or replace view reporting.connections as
select
    o.organization,
    c.deployment,
    c.organization_id,
    o.organization_name,
    c.id as connection_id,
    c.name,
    c.type_id,
    c.type_name,
    c.operations,
    c.status,
    lower(nullif(c.status, '')) = 'healthy' as is_healthy,
    c.status_error,
    c.endpoint,
    c.saved,
    c.configuration,
    c.policies,
    c.parent_connection_id,
    c.parent_connection_id is not null as is_shared,
    r.api_calls_last_24_hours,
    coalesce(r.rate_limit_reported, false) as rate_limit_reported,
    r.rate_limited,
    r.rate_limited_since,
    r.rate_limit_expires_at,
    c.created_at,
    c.created_by_id,
    c.created_by_name,
    c.created_by_type,
    c.updated_at,
    c.updated_by_id,
    c.updated_by_name,
    c.updated_by_type,
    c.extra,
    c.first_seen_at,
    c.valid_from as last_changed_at,
    coalesce(w.last_seen_at, s.last_read_at) as last_seen_at,
    w.since as withheld_since,
    w.reason as withheld_reason,
    c.type_logo_url,
    c.type_logo_dark_url,
    c.sanitized,
    coalesce(
        (
            select max(h.valid_to)
            from inventory.history h
            where h.resource = 'connections' and h.deployment = c.deployment
                and h.organization_id = c.organization_id and h.id = c.id
                and lower(nullif(h.record ->> 'status', ''))
                    is distinct from lower(nullif(c.status, ''))
        ),
        c.first_seen_at
    ) as status_since,
    ledger.is_expected(o.configured, o.enabled, o.gone_upstream_since, s.last_read_at)
        as is_expected
from inventory.connections c
join ledger.organizations o
    on o.deployment = c.deployment and o.organization_id = c.organization_id
left join ledger.scopes s on s.organization = o.organization and s.resource = 'connections'
left join inventory.connections_readings r
    on r.deployment = c.deployment and r.organization_id = c.organization_id and r.id = c.id
left join ledger.withheld w
    on w.resource = 'connections' and w.deployment = c.deployment
    and w.organization_id = c.organization_id and w.id = c.id;
comment on column reporting.connections.is_expected is
    'Whether fleet_summary counts it: its organization is neither disabled nor gone upstream.';

create or replace view reporting.unhealthy_connections as
select
    o.organization,
    u.deployment,
    u.organization_id,
    o.organization_name,
    u.id as connection_id,
    c.name,
    u.type_id,
    c.type_name,
    c.status,
    c.status_error,
    c.endpoint,
    u.since as unhealthy_since,
    u.is_since_exact,
    c.parent_connection_id is not null as is_shared,
    c.parent_connection_id,
    coalesce(w.last_seen_at, s.last_read_at) as last_seen_at,
    ledger.is_expected(o.configured, o.enabled, o.gone_upstream_since, s.last_read_at)
        as is_expected
from inventory.unhealthy_connections u
-- All are there; joined like this, what is not asked for is not looked up.
left join inventory.connections c
    on c.deployment = u.deployment and c.organization_id = u.organization_id and c.id = u.id
left join ledger.organizations o
    on o.deployment = u.deployment and o.organization_id = u.organization_id
left join ledger.scopes s on s.organization = o.organization and s.resource = 'connections'
left join ledger.withheld w
    on w.resource = 'connections' and w.deployment = u.deployment
    and w.organization_id = u.organization_id and w.id = u.id;
comment on column reporting.unhealthy_connections.is_expected is
    'Whether fleet_summary counts it: its organization is neither disabled nor gone upstream.';

create or replace view reporting.unused_connections as
with recursive link as materialized (
    select distinct deployment, parent_id, id from inventory.copy_links
), used as (
    select distinct deployment, connection_id as id from inventory.connection_uses
    union
    select l.deployment, l.parent_id
    from used u
    join link l on array[l.deployment, l.id] = array[u.deployment, u.id]
), looked as (
    select organization
    from ledger.scopes
    where resource in ('bulk_syncs', 'model_syncs', 'models') and last_complete_at is not null
    group by organization
    having count(*) = 3
), copies as (
    select deployment, organization_id, connection_id, count(*) - 1 as copies
    from inventory.connection_places
    group by deployment, organization_id, connection_id
)
select
    c.organization,
    c.deployment,
    c.organization_id,
    c.organization_name,
    c.connection_id,
    c.name as connection_name,
    c.type_id,
    c.type_name,
    c.status,
    c.is_healthy,
    c.is_shared,
    coalesce(k.copies, 0) as copies,
    c.api_calls_last_24_hours,
    c.created_at,
    c.updated_at,
    x.connection_id is null and coalesce(c.api_calls_last_24_hours, 0) = 0 as is_certain,
    x.not_looked,
    c.first_seen_at,
    c.last_seen_at,
    c.withheld_since,
    c.is_expected
from reporting.connections c
join looked using (organization)
left join used u on array[u.deployment, u.id] = array[c.deployment, c.connection_id]
left join copies k
    on array[k.deployment, k.organization_id, k.connection_id]
        = array[c.deployment, c.organization_id, c.connection_id]
left join inventory.uncertain_connections x
    on array[x.deployment, x.organization_id, x.connection_id]
        = array[c.deployment, c.organization_id, c.connection_id]
where u.id is null;
comment on column reporting.unused_connections.is_expected is
    'Whether fleet_summary counts it: its organization is neither disabled nor gone upstream.';

create or replace view reporting.api_usage_daily as
with spans as (
    select
        deployment, organization_id, id, day, last_value, max_value,
        lead(day) over (partition by deployment, organization_id, id order by day) as next_day
    from inventory.api_usage_days
)
select
    d.day,
    o.organization,
    u.id as connection_id,
    case when c.id is not null then c.name else l.name end as name,
    case when c.id is not null then c.type_id else l.type_id end as type_id,
    case when d.day = u.day then coalesce(u.last_value, u.max_value) else u.last_value end
        as api_calls_last_24_hours,
    case when d.day = u.day then u.max_value else u.last_value end as max_api_calls_last_24_hours,
    u.deployment,
    u.organization_id
from spans u
join ledger.organizations o
    on o.deployment = u.deployment and o.organization_id = u.organization_id
join ledger.scope_days d
    on d.organization = o.organization and d.resource = 'connections'
    and d.day >= u.day and (u.next_day is null or d.day < u.next_day)
left join inventory.connections c
    on c.deployment = u.deployment and c.organization_id = u.organization_id and c.id = u.id
left join lateral (
    -- As it was last, where it is no more.
    select h.record ->> 'name' as name, h.record ->> 'type_id' as type_id
    from inventory.history h
    where c.id is null and h.resource = 'connections' and h.deployment = u.deployment
        and h.organization_id = u.organization_id and h.id = u.id
    order by h.valid_from desc
    limit 1
) l on true
where u.max_value is not null and (u.last_value is not null or d.day = u.day);
comment on column reporting.api_usage_daily.name is
    'Name of the connection now, or its last one where it is no more.';
comment on column reporting.api_usage_daily.type_id is
    'Type of the connection now, or its last one where it is no more.';

create or replace view reporting.rejected_records as
select
    run_id, organization, resource, nullif(record_id, '') as record_id, reason, record,
    rejected_at
from ledger.rejected_records;
comment on column reporting.rejected_records.record_id is
    'Its id; NULL where it has none.';

create or replace view reporting.coverage as
with scope as (
    select
        o.organization, r.resource, r.per, s.last_attempt_at, s.last_complete_at, s.last_outcome,
        s.last_error, s.last_read_at, s.records, s.withheld
    from ledger.organizations o
    cross join ledger.resources r
    left join ledger.scopes s on s.organization = o.organization and s.resource = r.resource
    -- What a deployment has in common is read with one organization's key and expected of no other:
    -- of those that ever were asked for it, the one that was asked last.
    where r.is_enabled
        and (
            r.per <> 'deployment'
            or s.last_attempt_at is not null and o.organization = (
                select n.organization
                from ledger.scopes n
                join ledger.organizations m using (organization)
                where n.resource = r.resource and m.deployment = o.deployment
                    and n.last_attempt_at is not null
                order by n.last_attempt_at desc, n.organization
                limit 1
            )
        )
    union all
    select
        s.organization, s.resource, null, s.last_attempt_at, s.last_complete_at, s.last_outcome,
        s.last_error, s.last_read_at, s.records, s.withheld
    from ledger.scopes s
    left join ledger.resources r on r.resource = s.resource
    where r.resource is null and s.last_attempt_at is not null
)
select
    o.organization,
    o.deployment,
    o.organization_id,
    o.organization_name,
    s.resource,
    case
        when o.status in ('no_key', 'disabled') then o.status
        when s.last_attempt_at is null then 'never'
        when s.last_outcome = 'complete' then 'complete'
        when s.last_complete_at is not null then 'stale'
        else 'failed'
    end as status,
    s.last_attempt_at,
    s.last_complete_at,
    s.last_outcome,
    s.last_error,
    case when s.last_read_at is not null then s.records::bigint end as records,
    case when s.last_read_at is not null then s.withheld::bigint end as withheld
from scope s
join ledger.coverage o using (organization)
where o.is_expected;
comment on view reporting.coverage is
    'One row for each organization that is expected and each resource that is enabled: what we know, and what we do not. What a deployment has in common, such as connection_types, is listed once, for the organization whose key was asked for it last.';

comment on column reporting.api_usage_by_sync.calls is
    'Calls in this category, or all where categories are not told: these can be added up. What a service does not ascribe to a sync is missing: connection_calls may be more.';
comment on column reporting.shared_connections.organization is
    'Our name of the parent''s organization; NULL where the parent is not in any that was read: unknown to us, or removed.';

-- Index-only scans need a visibility map that is up to date; by default Postgres waits for a fifth of
-- the rows to change, and dashboards are slow for weeks.
alter table inventory.connections set (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05
);
alter table inventory.unhealthy_connections set (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05
);

call ledger.secure();
