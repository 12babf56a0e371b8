-- What BI tools read: views only, each with a comment on itself and on every column.
create schema reporting;

create view reporting.organizations as
select
    o.organization,
    o.deployment,
    o.organization_id,
    o.organization_name,
    o.tags,
    case
        when not o.configured then 'no_key'
        when not o.enabled then 'disabled'
        when s.last_attempt_at is null then 'never'
        when s.is_complete then 'complete'
        when s.was_complete then 'stale'
        else 'failed'
    end as status,
    s.last_attempt_at,
    s.last_complete_at,
    s.last_outcome,
    s.last_error,
    case when s.last_read_at is not null then coalesce(c.connections, 0) end as connections,
    case when s.last_read_at is not null then coalesce(c.healthy, 0) end as healthy_connections,
    case when s.last_read_at is not null then coalesce(c.unhealthy, 0) end as unhealthy_connections,
    case when s.last_read_at is not null then coalesce(w.withheld, 0) end as withheld_connections,
    o.key_class,
    o.first_seen_at
from ledger.organizations o
left join (
    select
        organization,
        max(last_attempt_at) as last_attempt_at,
        min(last_complete_at) as last_complete_at,
        max(last_read_at) as last_read_at,
        bool_and(last_outcome = 'complete') as is_complete,
        bool_and(last_complete_at is not null) as was_complete,
        (array_agg(last_outcome order by last_outcome = 'complete', resource))[1] as last_outcome,
        (array_agg(last_error order by last_outcome = 'complete', resource))[1] as last_error
    from ledger.scopes
    where last_attempt_at is not null
    group by organization
) s using (organization)
left join (
    select
        deployment,
        organization_id,
        count(*) as connections,
        count(*) filter (where lower(status) = 'healthy') as healthy,
        count(*) filter (where lower(status) <> 'healthy' and status <> '') as unhealthy
    from inventory.connections
    group by deployment, organization_id
) c on c.deployment = o.deployment and c.organization_id = o.organization_id
left join (
    select deployment, organization_id, count(*) as withheld
    from ledger.withheld
    where resource = 'connections'
    group by deployment, organization_id
) w on w.deployment = o.deployment and w.organization_id = o.organization_id;

comment on view reporting.organizations is
    'One row for each organization known from any source, with how current its inventory is.';
comment on column reporting.organizations.organization is 'Our name for it, unique.';
comment on column reporting.organizations.deployment is 'Host name of the Polytomic server.';
comment on column reporting.organizations.organization_id is
    'Polytomic''s id, pinned when its key first worked; NULL before that.';
comment on column reporting.organizations.organization_name is 'Polytomic''s name for it.';
comment on column reporting.organizations.tags is 'Tags of the registry file, such as team or region.';
comment on column reporting.organizations.status is
    'complete: in the last run that tried it; stale: complete once, but not in that run; failed: tried, never complete; never: not tried yet; no_key: known, but we hold no key; disabled.';
comment on column reporting.organizations.last_attempt_at is 'When a run last tried it (UTC).';
comment on column reporting.organizations.last_complete_at is
    'When everything of it was last read completely (UTC); the age of its numbers.';
comment on column reporting.organizations.last_outcome is
    'How the last attempt ended: complete, partial, unauthorized, timeout, …';
comment on column reporting.organizations.last_error is 'Why, where it did not end well.';
comment on column reporting.organizations.connections is
    'Connections that exist as far as we know; NULL while none were ever read, which is not zero.';
comment on column reporting.organizations.healthy_connections is
    'Connections whose status is healthy.';
comment on column reporting.organizations.unhealthy_connections is
    'Connections whose status is known and not healthy.';
comment on column reporting.organizations.withheld_connections is
    'Connections that the last answer did not contain but whose removal is not proven yet; counted in connections.';
comment on column reporting.organizations.key_class is
    'Whom our key belongs to: user, organization, partner or system.';
comment on column reporting.organizations.first_seen_at is 'When we first heard of it (UTC).';

create view reporting.connections as
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
    ) as status_since
from inventory.connections c
join ledger.organizations o
    on o.deployment = c.deployment and o.organization_id = c.organization_id
left join ledger.scopes s on s.organization = o.organization and s.resource = 'connections'
left join inventory.connections_readings r
    on r.deployment = c.deployment and r.organization_id = c.organization_id and r.id = c.id
left join ledger.withheld w
    on w.resource = 'connections' and w.deployment = c.deployment
    and w.organization_id = c.organization_id and w.id = c.id;

comment on view reporting.connections is
    'One row for each connection that exists as far as we know, over all organizations.';
comment on column reporting.connections.organization is 'Our name of the organization.';
comment on column reporting.connections.deployment is 'Host name of the Polytomic server.';
comment on column reporting.connections.organization_id is 'Polytomic''s id of the organization.';
comment on column reporting.connections.organization_name is 'Polytomic''s name of the organization.';
comment on column reporting.connections.connection_id is
    'Polytomic''s id; unique together with deployment and organization_id.';
comment on column reporting.connections.name is 'Name of the connection; may be empty.';
comment on column reporting.connections.type_id is 'Type, such as postgresql or salesforce.';
comment on column reporting.connections.type_name is 'Type as shown to people.';
comment on column reporting.connections.operations is
    'What the type can do, as the server spells it, sorted; an open vocabulary.';
comment on column reporting.connections.status is 'Health as the server spells it; an open vocabulary.';
comment on column reporting.connections.is_healthy is
    'Whether status is healthy; NULL where the server gives no status.';
comment on column reporting.connections.status_error is
    'Why it is not healthy, secrets masked, at most 2,000 characters.';
comment on column reporting.connections.endpoint is
    'Host, account or bucket it points to, best effort from its configuration.';
comment on column reporting.connections.saved is
    'Whether its set-up was finished, as the server says; NULL where it does not say.';
comment on column reporting.connections.configuration is
    'Configuration without secrets: numbers, booleans and harmless names kept, every other text masked as set, empty or already masked.';
comment on column reporting.connections.policies is 'Ids of the permission policies on it, sorted.';
comment on column reporting.connections.parent_connection_id is
    'For a shared copy: the connection it points to, which lives in another organization.';
comment on column reporting.connections.is_shared is
    'Whether it is a shared copy of another organization''s connection.';
comment on column reporting.connections.api_calls_last_24_hours is
    'API calls in the 24 hours before the last reading; NULL where the type does not report them.';
comment on column reporting.connections.rate_limit_reported is
    'Whether the server speaks about rate limiting at all; false on older servers.';
comment on column reporting.connections.rate_limited is
    'Whether the upstream service limited it when it was last read; NULL: not known.';
comment on column reporting.connections.rate_limited_since is 'Since when it is limited (UTC).';
comment on column reporting.connections.rate_limit_expires_at is
    'When the marker expires (UTC); not a promise of the provider.';
comment on column reporting.connections.created_at is 'When it was created in Polytomic (UTC).';
comment on column reporting.connections.created_by_id is 'Id of who created it.';
comment on column reporting.connections.created_by_name is 'Name of who created it.';
comment on column reporting.connections.created_by_type is 'What created it, such as user.';
comment on column reporting.connections.updated_at is 'When it was last edited in Polytomic (UTC).';
comment on column reporting.connections.updated_by_id is 'Id of who last edited it.';
comment on column reporting.connections.updated_by_name is 'Name of who last edited it.';
comment on column reporting.connections.updated_by_type is 'What last edited it, such as user.';
comment on column reporting.connections.extra is
    'Fields this release does not know, and values of an unexpected type, masked.';
comment on column reporting.connections.first_seen_at is 'When a run first saw it (UTC).';
comment on column reporting.connections.last_changed_at is
    'When a run last saw a tracked field change (UTC).';
comment on column reporting.connections.last_seen_at is
    'When an answer last contained it (UTC); how old this row''s truth is.';
comment on column reporting.connections.withheld_since is
    'Since when answers do not contain it although its removal is not proven; NULL normally.';
comment on column reporting.connections.withheld_reason is 'Why its removal is withheld.';
comment on column reporting.connections.type_logo_url is 'Logo of the type.';
comment on column reporting.connections.type_logo_dark_url is 'Logo of the type for dark pages.';
comment on column reporting.connections.sanitized is
    'Whether characters that Postgres cannot store were replaced in it.';

comment on column reporting.connections.status_since is
    'Since when runs see it with this status (UTC): unhealthy since, where it is unhealthy.';

create view reporting.connection_history as
with versions as (
    select
        h.deployment, h.organization_id, h.id, h.valid_from, h.valid_to, h.change,
        h.changed_fields, v.*
    from inventory.history h
    cross join lateral jsonb_to_record(h.record) as v (
        name text, type_id text, type_name text, operations text[], status text,
        status_error text, endpoint text, saved boolean, configuration jsonb, policies text[],
        parent_connection_id text, created_at timestamptz, created_by_id text,
        created_by_name text, created_by_type text, updated_at timestamptz, updated_by_id text,
        updated_by_name text, updated_by_type text, extra jsonb
    )
    where h.resource = 'connections'
    union all
    select
        deployment, organization_id, id, valid_from, null, change, changed_fields,
        name, type_id, type_name, operations, status, status_error, endpoint, saved,
        configuration, policies, parent_connection_id, created_at, created_by_id,
        created_by_name, created_by_type, updated_at, updated_by_id, updated_by_name,
        updated_by_type, extra
    from inventory.connections
)
select
    o.organization,
    v.deployment,
    v.organization_id,
    o.organization_name,
    v.id as connection_id,
    v.valid_from,
    v.valid_to,
    v.change,
    v.changed_fields,
    v.name,
    v.type_id,
    v.type_name,
    v.operations,
    v.status,
    lower(nullif(v.status, '')) = 'healthy' as is_healthy,
    v.status_error,
    v.endpoint,
    v.saved,
    v.configuration,
    v.policies,
    v.parent_connection_id,
    v.created_at,
    v.created_by_id,
    v.created_by_name,
    v.created_by_type,
    v.updated_at,
    v.updated_by_id,
    v.updated_by_name,
    v.updated_by_type,
    v.extra
from versions v
join ledger.organizations o
    on o.deployment = v.deployment and o.organization_id = v.organization_id;

comment on view reporting.connection_history is
    'One row for each version of each connection, as runs saw it. A removal is a row of its own: valid_from and valid_to are both the moment of removal.';
comment on column reporting.connection_history.organization is 'Our name of the organization.';
comment on column reporting.connection_history.deployment is 'Host name of the Polytomic server.';
comment on column reporting.connection_history.organization_id is 'Polytomic''s id of the organization.';
comment on column reporting.connection_history.organization_name is 'Polytomic''s name of the organization.';
comment on column reporting.connection_history.connection_id is 'Polytomic''s id of the connection.';
comment on column reporting.connection_history.valid_from is
    'When a run first saw this version (UTC), inclusive.';
comment on column reporting.connection_history.valid_to is
    'When a run saw it replaced or removed (UTC), exclusive; NULL: it is valid now.';
comment on column reporting.connection_history.change is
    'How this version began: created, updated, restored; or removed, the moment it went away.';
comment on column reporting.connection_history.changed_fields is
    'Fields that differ from the version before; NULL unless change is updated.';
comment on column reporting.connection_history.name is 'Name in this version.';
comment on column reporting.connection_history.type_id is 'Type in this version.';
comment on column reporting.connection_history.type_name is 'Type as shown to people.';
comment on column reporting.connection_history.operations is 'What the type could do.';
comment on column reporting.connection_history.status is 'Health as the server spelled it.';
comment on column reporting.connection_history.is_healthy is
    'Whether status was healthy; NULL where there was none.';
comment on column reporting.connection_history.status_error is 'Why it was not healthy, masked.';
comment on column reporting.connection_history.endpoint is 'Host, account or bucket, best effort.';
comment on column reporting.connection_history.saved is 'Whether its set-up was finished.';
comment on column reporting.connection_history.configuration is 'Configuration without secrets.';
comment on column reporting.connection_history.policies is 'Ids of permission policies.';
comment on column reporting.connection_history.parent_connection_id is
    'For a shared copy: the connection it pointed to.';
comment on column reporting.connection_history.created_at is 'When it was created in Polytomic (UTC).';
comment on column reporting.connection_history.created_by_id is 'Id of who created it.';
comment on column reporting.connection_history.created_by_name is 'Name of who created it.';
comment on column reporting.connection_history.created_by_type is 'What created it.';
comment on column reporting.connection_history.updated_at is 'When it was last edited in Polytomic (UTC).';
comment on column reporting.connection_history.updated_by_id is 'Id of who last edited it.';
comment on column reporting.connection_history.updated_by_name is 'Name of who last edited it.';
comment on column reporting.connection_history.updated_by_type is 'What last edited it.';
comment on column reporting.connection_history.extra is 'Unknown fields, masked.';

create view reporting.connection_changes as
with versions as (
    select deployment, organization_id, id, valid_from, valid_to, change, changed_fields, record
    from inventory.history
    where resource = 'connections'
    union all
    select deployment, organization_id, id, valid_from, null, change, changed_fields, to_jsonb(c)
    from inventory.connections c
)
select
    v.valid_from as changed_at,
    o.organization,
    v.id as connection_id,
    v.record ->> 'name' as name,
    v.change,
    f.field,
    p.record -> f.field as old_value,
    case when f.field is not null then v.record -> f.field end as new_value,
    v.deployment,
    v.organization_id
from versions v
join ledger.organizations o
    on o.deployment = v.deployment and o.organization_id = v.organization_id
left join lateral unnest(v.changed_fields) as f (field) on true
left join inventory.history p
    on f.field is not null and p.resource = 'connections' and p.deployment = v.deployment
    and p.organization_id = v.organization_id and p.id = v.id and p.valid_to = v.valid_from
    and p.change <> 'removed';

comment on view reporting.connection_changes is
    'One row for each changed field; one row without a field for each connection created, removed or restored.';
comment on column reporting.connection_changes.changed_at is 'When a run saw the change (UTC).';
comment on column reporting.connection_changes.organization is 'Our name of the organization.';
comment on column reporting.connection_changes.connection_id is 'Polytomic''s id of the connection.';
comment on column reporting.connection_changes.name is 'Name of the connection after the change.';
comment on column reporting.connection_changes.change is 'created, updated, removed or restored.';
comment on column reporting.connection_changes.field is
    'The field that changed; NULL where the whole connection came or went.';
comment on column reporting.connection_changes.old_value is 'Value before, masked where it must be.';
comment on column reporting.connection_changes.new_value is 'Value after, masked where it must be.';
comment on column reporting.connection_changes.deployment is 'Host name of the Polytomic server.';
comment on column reporting.connection_changes.organization_id is 'Polytomic''s id of the organization.';

create view reporting.api_usage_daily as
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
    c.name,
    c.type_id,
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
where u.max_value is not null and (u.last_value is not null or d.day = u.day);

comment on view reporting.api_usage_daily is
    'One row for each connection that reports API calls and each UTC day on which its organization was read.';
comment on column reporting.api_usage_daily.day is 'UTC day.';
comment on column reporting.api_usage_daily.organization is 'Our name of the organization.';
comment on column reporting.api_usage_daily.connection_id is 'Polytomic''s id of the connection.';
comment on column reporting.api_usage_daily.name is 'Name of the connection now; NULL when removed.';
comment on column reporting.api_usage_daily.type_id is 'Type of the connection; NULL when removed.';
comment on column reporting.api_usage_daily.api_calls_last_24_hours is
    'The day''s last reading of a moving 24-hour number: do not add up days that overlap.';
comment on column reporting.api_usage_daily.max_api_calls_last_24_hours is 'The day''s highest reading.';
comment on column reporting.api_usage_daily.deployment is 'Host name of the Polytomic server.';
comment on column reporting.api_usage_daily.organization_id is 'Polytomic''s id of the organization.';

create view reporting.runs as
select
    r.run_id,
    r.started_at,
    r.finished_at,
    r.status,
    r.exit_code,
    r.version,
    r.duration_seconds,
    r.requests,
    r.retries,
    r.organizations_total,
    r.organizations_complete,
    r.organizations_partial,
    r.organizations_failed,
    r.organizations_deferred,
    r.outcomes,
    r.resources,
    t.seen,
    t.created,
    t.updated,
    t.unchanged,
    t.removed,
    t.restored,
    t.withheld,
    t.rejected,
    r.headline
from ledger.runs r
left join lateral (
    select
        sum(n.seen)::bigint as seen, sum(n.created)::bigint as created, sum(n.updated)::bigint as updated,
        sum(n.unchanged)::bigint as unchanged, sum(n.removed)::bigint as removed, sum(n.restored)::bigint as restored,
        sum(n.withheld)::bigint as withheld, sum(n.rejected)::bigint as rejected
    from jsonb_each(r.resources) as e (resource, counts)
    cross join lateral jsonb_to_record(e.counts) as n (
        seen bigint, created bigint, updated bigint, unchanged bigint, removed bigint,
        restored bigint, withheld bigint, rejected bigint
    )
) t on true;

comment on view reporting.runs is 'One row for each run of sync, from its first second.';
comment on column reporting.runs.run_id is 'Id of the run, as in its logs and its JSON.';
comment on column reporting.runs.started_at is 'When it started (UTC).';
comment on column reporting.runs.finished_at is 'When it ended (UTC); NULL while it runs.';
comment on column reporting.runs.status is
    'running, complete, partial (some organizations not complete), failed, cancelled, or abandoned (it died; the next run noticed).';
comment on column reporting.runs.exit_code is 'Exit code of the command; see the README.';
comment on column reporting.runs.version is 'Version of the program.';
comment on column reporting.runs.duration_seconds is 'How long it took, in seconds.';
comment on column reporting.runs.requests is 'HTTP requests sent, retries included.';
comment on column reporting.runs.retries is 'Requests that were sent again.';
comment on column reporting.runs.organizations_total is 'Organizations it set out to read.';
comment on column reporting.runs.organizations_complete is 'Organizations read completely.';
comment on column reporting.runs.organizations_partial is 'Organizations some of whose records were rejected.';
comment on column reporting.runs.organizations_failed is 'Organizations that could not be read.';
comment on column reporting.runs.organizations_deferred is 'Organizations left for the next run.';
comment on column reporting.runs.outcomes is 'Number of organizations by outcome, each counted once for every resource read.';
comment on column reporting.runs.resources is 'Counts by resource, as in sync --json.';
comment on column reporting.runs.seen is 'Records read.';
comment on column reporting.runs.created is 'Records that are new.';
comment on column reporting.runs.updated is 'Records of which a tracked field changed.';
comment on column reporting.runs.unchanged is 'Records that are as they were.';
comment on column reporting.runs.removed is 'Records removed.';
comment on column reporting.runs.restored is 'Records that came back after a removal.';
comment on column reporting.runs.withheld is 'Records missing from answers whose removal is not proven.';
comment on column reporting.runs.rejected is 'Records that could not be stored.';
comment on column reporting.runs.headline is 'What a person should look at first, if anything.';

create view reporting.run_organizations as
select
    run_id, organization, organization_id, resource, outcome, error, http_status, requests,
    retries, waited_seconds, seen, created, updated, removed, restored, withheld, rejected,
    started_at, finished_at, unchanged
from ledger.run_organizations;

comment on view reporting.run_organizations is
    'One row for each organization and resource in each run: exactly one outcome.';
comment on column reporting.run_organizations.run_id is 'The run.';
comment on column reporting.run_organizations.organization is 'Our name of the organization.';
comment on column reporting.run_organizations.organization_id is 'Polytomic''s id, where known.';
comment on column reporting.run_organizations.resource is 'What was read, such as connections.';
comment on column reporting.run_organizations.outcome is 'How it ended: complete, partial, unauthorized, …';
comment on column reporting.run_organizations.error is 'Why, where it did not end well.';
comment on column reporting.run_organizations.http_status is 'Last HTTP status, where there was one.';
comment on column reporting.run_organizations.requests is 'HTTP requests sent, retries included.';
comment on column reporting.run_organizations.retries is 'Requests that were sent again.';
comment on column reporting.run_organizations.waited_seconds is
    'Seconds waited for limits, Retry-After and backoff.';
comment on column reporting.run_organizations.seen is 'Records read.';
comment on column reporting.run_organizations.created is 'Records that are new.';
comment on column reporting.run_organizations.updated is 'Records of which a tracked field changed.';
comment on column reporting.run_organizations.removed is 'Records removed.';
comment on column reporting.run_organizations.restored is 'Records that came back.';
comment on column reporting.run_organizations.withheld is 'Records missing whose removal is not proven.';
comment on column reporting.run_organizations.rejected is 'Records that could not be stored.';
comment on column reporting.run_organizations.started_at is 'When its turn came (UTC).';
comment on column reporting.run_organizations.finished_at is 'When it ended (UTC).';
comment on column reporting.run_organizations.unchanged is 'Records that are as they were.';

create view reporting.rejected_records as
select run_id, organization, resource, record_id, reason, record, rejected_at
from ledger.rejected_records;

comment on view reporting.rejected_records is 'One row for each record that could not be stored.';
comment on column reporting.rejected_records.run_id is 'The run that met it.';
comment on column reporting.rejected_records.organization is 'Our name of the organization.';
comment on column reporting.rejected_records.resource is 'What it is, such as connections.';
comment on column reporting.rejected_records.record_id is 'Its id, where it has one.';
comment on column reporting.rejected_records.reason is 'Why it could not be stored.';
comment on column reporting.rejected_records.record is 'The record, masked.';
comment on column reporting.rejected_records.rejected_at is 'When (UTC).';

-- The reader of reporting. Roles belong to the whole server: another database may have made it,
-- and a managed server may not let us; then an administrator creates it and runs these grants.
do $$
begin
    if not exists (select from pg_catalog.pg_roles where rolname = 'reporting_reader') then
        create role reporting_reader nologin;
    end if;
exception
    when insufficient_privilege then
        raise warning 'reporting_reader: no right to create the role; see docs/operations.md';
    when duplicate_object or unique_violation then
        null;
end
$$;
do $$
begin
    if exists (select from pg_catalog.pg_roles where rolname = 'reporting_reader') then
        grant usage on schema reporting to reporting_reader;
        grant select on all tables in schema reporting to reporting_reader;
        alter default privileges in schema reporting grant select on tables to reporting_reader;
    end if;
end
$$;
revoke all on schema ledger, inventory from public;
