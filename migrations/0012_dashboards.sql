-- What dashboards ask first: coverage, what is broken since when, what changed, and usage by day.

create view reporting.coverage as
with scope as (
    select
        o.organization, r.resource, r.per, s.last_attempt_at, s.last_complete_at, s.last_outcome,
        s.last_error, s.last_read_at, s.records, s.withheld
    from ledger.organizations o
    cross join ledger.resources r
    left join ledger.scopes s on s.organization = o.organization and s.resource = r.resource
    -- What a deployment has in common is read with one organization's key and expected of no other.
    where r.is_enabled and (r.per <> 'deployment' or s.last_attempt_at is not null)
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
    'One row for each organization that is expected and each resource that is enabled: what we know, and what we do not. What a deployment has in common, such as connection_types, is listed for those whose key was asked for it.';
comment on column reporting.coverage.organization is 'Our name of the organization.';
comment on column reporting.coverage.deployment is 'Host name of the Polytomic server.';
comment on column reporting.coverage.organization_id is
    'Polytomic''s id of the organization; NULL while nobody told it.';
comment on column reporting.coverage.organization_name is 'Polytomic''s name of the organization.';
comment on column reporting.coverage.resource is 'What is read, such as connections.';
comment on column reporting.coverage.status is
    'complete: in the last run that tried it; stale: complete once, but not in that run; failed: tried, never complete; never: not tried yet; no_key: we hold no key of the organization.';
comment on column reporting.coverage.last_attempt_at is
    'When a run last tried it (UTC); NULL: never.';
comment on column reporting.coverage.last_complete_at is
    'When it was last read completely (UTC); NULL: never.';
comment on column reporting.coverage.last_outcome is
    'How the last attempt ended: complete, partial, unauthorized, timeout, …; NULL: never tried.';
comment on column reporting.coverage.last_error is 'Why, where it did not end well; NULL otherwise.';
comment on column reporting.coverage.records is
    'Records known of it; NULL while it was never read, which is not zero.';
comment on column reporting.coverage.withheld is
    'Those of them that answers do not contain although their removal is not proven; NULL while it was never read.';

create view reporting.unhealthy_connections as
select
    o.organization,
    c.deployment,
    c.organization_id,
    o.organization_name,
    c.id as connection_id,
    c.name,
    c.type_id,
    c.type_name,
    c.status,
    c.status_error,
    c.endpoint,
    coalesce(h.since, c.first_seen_at) as unhealthy_since,
    h.since is not null and not h.is_removal as is_since_exact,
    c.parent_connection_id is not null as is_shared,
    c.parent_connection_id,
    coalesce(w.last_seen_at, s.last_read_at) as last_seen_at
from inventory.connections c
join ledger.organizations o
    on o.deployment = c.deployment and o.organization_id = c.organization_id
left join ledger.scopes s on s.organization = o.organization and s.resource = 'connections'
left join ledger.withheld w
    on w.resource = 'connections' and w.deployment = c.deployment
    and w.organization_id = c.organization_id and w.id = c.id
left join lateral (
    select v.valid_to as since, v.change = 'removed' as is_removal
    from inventory.history v
    where v.resource = 'connections' and v.deployment = c.deployment
        and v.organization_id = c.organization_id and v.id = c.id
        and coalesce(lower(nullif(v.record ->> 'status', '')), 'healthy') = 'healthy'
    order by v.valid_to desc, v.change = 'removed' desc
    limit 1
) h on true
where lower(nullif(c.status, '')) <> 'healthy';

comment on view reporting.unhealthy_connections is
    'One row for each connection that is not healthy, with since when; not those whose server gives no status.';
comment on column reporting.unhealthy_connections.organization is 'Our name of the organization.';
comment on column reporting.unhealthy_connections.deployment is 'Host name of the Polytomic server.';
comment on column reporting.unhealthy_connections.organization_id is
    'Polytomic''s id of the organization.';
comment on column reporting.unhealthy_connections.organization_name is
    'Polytomic''s name of the organization.';
comment on column reporting.unhealthy_connections.connection_id is 'Polytomic''s id.';
comment on column reporting.unhealthy_connections.name is 'Name of the connection.';
comment on column reporting.unhealthy_connections.type_id is 'Type, such as postgresql.';
comment on column reporting.unhealthy_connections.type_name is 'Type as shown to people.';
comment on column reporting.unhealthy_connections.status is 'Health as the server spells it.';
comment on column reporting.unhealthy_connections.status_error is
    'What the server says is wrong, masked; NULL where it says nothing.';
comment on column reporting.unhealthy_connections.endpoint is
    'Host, account or bucket, best effort from its configuration; NULL where none is known.';
comment on column reporting.unhealthy_connections.unhealthy_since is
    'When a run first saw it unhealthy after it was not (UTC); where none did, when it was first seen.';
comment on column reporting.unhealthy_connections.is_since_exact is
    'Whether a run saw it become unhealthy; false: it was when it was first seen, or seen again after a removal, so it may have been for longer.';
comment on column reporting.unhealthy_connections.is_shared is
    'Whether it is a shared copy of another organization''s connection.';
comment on column reporting.unhealthy_connections.parent_connection_id is
    'The connection that it is a copy of; NULL where it is none.';
comment on column reporting.unhealthy_connections.last_seen_at is
    'When an answer last contained it (UTC); how old this row''s truth is.';

create view ledger.first_looks as
select o.deployment, o.organization_id, v.resource, min(v.observed_from) as looked_at
from reporting.observations v
join ledger.organizations o using (organization)
group by o.deployment, o.organization_id, v.resource;
comment on view ledger.first_looks is 'When each resource of each organization was first read.';

create view reporting.changes as
with version as (
    select * from inventory.versions where resource <> 'users'
    union all
    select
        'connections', deployment, organization_id, id, valid_from, null, change, changed_fields,
        to_jsonb(c), null
    from inventory.connections c
)
select
    v.valid_from as changed_at,
    o.organization,
    v.deployment,
    v.organization_id,
    v.resource,
    v.id,
    v.record ->> 'name' as name,
    v.change,
    f.field,
    p.record -> f.field as old_value,
    case when f.field is not null then v.record -> f.field end as new_value,
    v.change = 'created' and coalesce(v.valid_from <= l.looked_at, false) as is_first_load
from version v
left join ledger.organizations o
    on o.deployment = v.deployment and o.organization_id = v.organization_id
left join ledger.first_looks l
    on l.deployment = v.deployment and l.organization_id = v.organization_id
    and l.resource = v.resource
left join lateral unnest(v.changed_fields) as f (field) on true
left join inventory.history p
    on f.field is not null and p.resource = v.resource and p.deployment = v.deployment
    and p.organization_id = v.organization_id and p.id = v.id and p.valid_to = v.valid_from
    and p.change <> 'removed';

comment on view reporting.changes is
    'One row for each field that an update changed, and one for each creation, removal and restoration, of every resource but people.';
comment on column reporting.changes.changed_at is 'When a run saw it (UTC).';
comment on column reporting.changes.organization is
    'Our name of the organization; NULL for what a deployment has in common, such as connection_types.';
comment on column reporting.changes.deployment is 'Host name of the Polytomic server.';
comment on column reporting.changes.organization_id is
    'Polytomic''s id of the organization; empty for what a deployment has in common.';
comment on column reporting.changes.resource is 'What changed, such as connections or bulk_syncs.';
comment on column reporting.changes.id is 'Polytomic''s id of what changed.';
comment on column reporting.changes.name is 'Its name at that time; NULL where it has none.';
comment on column reporting.changes.change is 'created, updated, removed or restored.';
comment on column reporting.changes.field is 'The field that an update changed; NULL otherwise.';
comment on column reporting.changes.old_value is
    'What it was, masked as in the view of the resource; NULL where there is no field.';
comment on column reporting.changes.new_value is
    'What it became, masked as in the view of the resource; NULL where there is no field.';
comment on column reporting.changes.is_first_load is
    'Whether it only says that this resource of the organization was read for the first time.';

create view reporting.changes_daily as
with version as (
    select resource, deployment, organization_id, valid_from, change
    from inventory.versions
    where resource <> 'users'
    union all
    select 'connections', deployment, organization_id, valid_from, change
    from inventory.connections
)
select
    (v.valid_from at time zone 'UTC')::date as day,
    o.organization,
    v.deployment,
    v.organization_id,
    v.resource,
    v.change,
    v.change = 'created' and coalesce(v.valid_from <= l.looked_at, false) as is_first_load,
    count(*) as changes
from version v
left join ledger.organizations o
    on o.deployment = v.deployment and o.organization_id = v.organization_id
left join ledger.first_looks l
    on l.deployment = v.deployment and l.organization_id = v.organization_id
    and l.resource = v.resource
group by 1, 2, 3, 4, 5, 6, 7;

comment on view reporting.changes_daily is
    'How many versions of each resource came about on each day, by organization and kind of change; days without any have no row.';
comment on column reporting.changes_daily.day is 'Day in UTC.';
comment on column reporting.changes_daily.organization is
    'Our name of the organization; NULL for what a deployment has in common, such as connection_types.';
comment on column reporting.changes_daily.deployment is 'Host name of the Polytomic server.';
comment on column reporting.changes_daily.organization_id is
    'Polytomic''s id of the organization; empty for what a deployment has in common.';
comment on column reporting.changes_daily.resource is 'What changed, such as connections.';
comment on column reporting.changes_daily.change is 'created, updated, removed or restored.';
comment on column reporting.changes_daily.is_first_load is
    'Whether they only say that this resource of the organization was read for the first time.';
comment on column reporting.changes_daily.changes is
    'Versions: an update of three fields is one.';

create view reporting.organization_api_usage_daily as
select
    d.day,
    d.organization,
    d.deployment,
    d.organization_id,
    o.organization_name,
    sum(d.api_calls_last_24_hours)::bigint as api_calls,
    count(*) as connections
from reporting.api_usage_daily d
join ledger.organizations o using (organization)
group by d.day, d.organization, d.deployment, d.organization_id, o.organization_name;

comment on view reporting.organization_api_usage_daily is
    'API calls of each organization by day: one row for each day on which its connections were read and any of them reported.';
comment on column reporting.organization_api_usage_daily.day is 'Day in UTC.';
comment on column reporting.organization_api_usage_daily.organization is
    'Our name of the organization.';
comment on column reporting.organization_api_usage_daily.deployment is
    'Host name of the Polytomic server.';
comment on column reporting.organization_api_usage_daily.organization_id is
    'Polytomic''s id of the organization.';
comment on column reporting.organization_api_usage_daily.organization_name is
    'Polytomic''s name of the organization.';
comment on column reporting.organization_api_usage_daily.api_calls is
    'Sum over its connections of the day''s last reading of API calls in 24 hours; an unchanged reading counts on every day on which it was read.';
comment on column reporting.organization_api_usage_daily.connections is
    'Connections that reported any reading.';
