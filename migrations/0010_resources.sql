-- More than one resource: which are read, what their answers depend on, and how whole organizations
-- stand beside their connections.
create table ledger.resources (
    resource text primary key,
    per text not null,
    is_enabled boolean not null
);
comment on table ledger.resources is
    'Resources as the last run was configured; what is not enabled any more counts for nobody''s status.';

alter table ledger.scopes
    add column kinds text[] not null default '{}',
    add column details_read_at timestamptz;
comment on column ledger.scopes.kinds is
    'Connection types in the last answer: how it was normalized depends on their schemas.';
comment on column ledger.scopes.details_read_at is
    'When the schemas of a deployment''s connection types were last read anew, with this key.';

-- Numbers about connections are as old and as complete as the reading of connections, whatever
-- became of other resources.
create or replace view ledger.coverage as
select
    o.organization,
    o.deployment,
    o.organization_id as pinned_id,
    coalesce(o.organization_id, o.upstream_id) as organization_id,
    o.organization_name,
    o.tags,
    o.key_class,
    o.first_seen_at,
    status.status,
    s.last_attempt_at,
    s.last_read_at,
    s.last_complete_at,
    s.last_outcome,
    s.last_error,
    case when o.is_listed then l.listed_at else o.last_listed_at end as listed_upstream_at,
    case when gone.is_gone then o.gone_upstream_since end as gone_upstream_since,
    gone.is_gone is not true and status.status <> 'disabled'
        -- A name that was never anybody's and is in nobody's configuration any more: a slip.
        and (o.configured or o.organization_id is not null or o.is_listed) as is_expected
from ledger.organizations o
left join ledger.listings l on l.deployment = o.deployment
left join (
    select
        organization, last_attempt_at, last_complete_at, last_read_at,
        last_outcome = 'complete' as is_complete, last_outcome, last_error
    from ledger.scopes
    where resource = 'connections' and last_attempt_at is not null
) s on s.organization = o.organization
cross join lateral (
    select case
        when not o.configured then 'no_key'
        when not o.enabled then 'disabled'
        when s.last_attempt_at is null then 'never'
        when s.is_complete then 'complete'
        when s.last_outcome in ('unauthorized', 'forbidden', 'wrong_key_type')
            and coalesce(s.last_read_at, '-infinity') < o.discovered_since then 'no_key'
        when s.last_complete_at is not null then 'stale'
        else 'failed'
    end as status
) status
cross join lateral (
    -- Whoever answered since then is still there, with whatever key.
    select coalesce(s.last_read_at, '-infinity') <= o.gone_upstream_since as is_gone
) gone;
comment on view ledger.coverage is
    'Every organization with how the reading of its connections stands: the one place that decides about that and about expected.';

create view ledger.entirety as
select
    o.organization,
    case
        when o.status in ('no_key', 'disabled') then o.status
        when s.last_attempt_at is null then 'never'
        when s.is_complete then 'complete'
        when s.last_complete_at is not null then 'stale'
        else 'failed'
    end as status,
    s.last_attempt_at,
    s.last_complete_at,
    s.last_outcome,
    s.last_error,
    coalesce(s.resources_complete, '{}') as resources_complete,
    coalesce(s.resources_not_complete, '{}') as resources_not_complete
from ledger.coverage o
left join (
    select
        organization,
        max(last_attempt_at) as last_attempt_at,
        case when bool_and(last_complete_at is not null) then min(last_complete_at) end
            as last_complete_at,
        bool_and(last_outcome = 'complete') as is_complete,
        (array_agg(last_outcome order by last_outcome = 'complete', resource))[1] as last_outcome,
        (array_agg(last_error order by last_outcome = 'complete', resource))[1] as last_error,
        array_agg(resource order by resource) filter (where last_outcome = 'complete')
            as resources_complete,
        array_agg(resource order by resource) filter (where last_outcome <> 'complete')
            as resources_not_complete
    from ledger.scopes
    left join ledger.resources using (resource)
    -- What a deployment has in common is read with one organization's key and says nothing of it.
    where last_attempt_at is not null and coalesce(is_enabled and per <> 'deployment', true)
    group by organization
) s using (organization);
comment on view ledger.entirety is
    'Every organization with how the reading of all its enabled resources stands.';

create or replace view reporting.organizations as
select
    o.organization,
    o.deployment,
    o.organization_id,
    o.organization_name,
    o.tags,
    e.status,
    e.last_attempt_at,
    e.last_complete_at,
    e.last_outcome,
    e.last_error,
    case when o.last_read_at is not null then coalesce(c.connections, 0) end as connections,
    case when o.last_read_at is not null then coalesce(c.healthy_connections, 0) end
        as healthy_connections,
    case when o.last_read_at is not null then coalesce(c.unhealthy_connections, 0) end
        as unhealthy_connections,
    case when o.last_read_at is not null then coalesce(w.withheld_connections, 0) end
        as withheld_connections,
    o.key_class,
    o.first_seen_at,
    o.listed_upstream_at,
    o.gone_upstream_since,
    o.is_expected,
    e.resources_complete,
    e.resources_not_complete,
    n.sso_domain,
    n.sso_org_id,
    n.issuer
from ledger.coverage o
join ledger.entirety e using (organization)
left join inventory.organizations n
    on n.deployment = o.deployment and n.organization_id = o.pinned_id and n.id = o.pinned_id
left join inventory.organization_counts c
    on c.deployment = o.deployment and c.organization_id = o.pinned_id
left join ledger.withheld_counts w
    on w.deployment = o.deployment and w.organization_id = o.pinned_id;

comment on column reporting.organizations.resources_complete is
    'Resources whose last attempt was complete; to be deferred is no attempt.';
comment on column reporting.organizations.resources_not_complete is
    'Resources whose last attempt was not complete: what is shown of them is older, and when it was read is said beside it.';
comment on column reporting.organizations.sso_domain is
    'Domain whose people sign in through single sign-on, as Polytomic has it.';
comment on column reporting.organizations.sso_org_id is
    'Id of the organization at the single sign-on provider.';
comment on column reporting.organizations.issuer is 'Issuer of its sign-in tokens.';
comment on column reporting.connections.configuration is
    'Configuration without secrets: numbers, booleans, and texts under names that are harmless or that the schema of the type says are; every other text is masked as set, empty or already masked. It may name accounts, as people''s addresses.';
comment on column reporting.connections.is_healthy is
    'Whether its own status is healthy; NULL where the server gives none. A copy may be healthy while its parent is not: see blast_radius and shared_connections.';
