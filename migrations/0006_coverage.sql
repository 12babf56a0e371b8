-- Coverage against what exists upstream, and aggregates that say how complete they are.
alter table ledger.organizations
    add column upstream_id text,
    add column is_listed boolean not null default false,
    add column last_listed_at timestamptz,
    add column gone_upstream_since timestamptz,
    add column discovered_since timestamptz;

comment on column ledger.organizations.upstream_id is
    'Id by which the partner''s list names it; known before any read has pinned organization_id.';
comment on column ledger.organizations.is_listed is
    'Whether the last list of its deployment contained it.';
comment on column ledger.organizations.last_listed_at is
    'The last list that contained it; kept up to date only for those that are not listed any more.';
comment on column ledger.organizations.gone_upstream_since is
    'The first list of the same partner key that did not contain it any more.';
comment on column ledger.organizations.discovered_since is
    'Since when only the partner key is there to read it with; NULL: it is configured by hand.';

create table ledger.listings (
    deployment text primary key,
    listed_at timestamptz not null,
    key_digest bytea not null
);
comment on table ledger.listings is
    'When the partner''s list of a deployment was last read, and a digest of the key that read it.';

create view ledger.coverage as
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
        organization,
        max(last_attempt_at) as last_attempt_at,
        case when bool_and(last_complete_at is not null) then min(last_complete_at) end
            as last_complete_at,
        max(last_read_at) as last_read_at,
        bool_and(last_outcome = 'complete') as is_complete,
        (array_agg(last_outcome order by last_outcome = 'complete', resource))[1] as last_outcome,
        (array_agg(last_error order by last_outcome = 'complete', resource))[1] as last_error
    from ledger.scopes
    where last_attempt_at is not null
    group by organization
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
    'Every organization with how it stands: the one place that decides about status and expected.';

-- Copies are looked up by their parent and read whole; with all they need in the index, without
-- the wide rows of the table.
create index connections_copies on inventory.connections (deployment, parent_connection_id)
    include (organization_id, id, type_id)
    where parent_connection_id is not null;
drop index inventory.connections_parent;

create view inventory.copies as
with recursive parent as materialized (
    -- Whatever is a parent, with its own parent where it is a copy itself. The same id may be known
    -- in two organizations; one answer for it is enough.
    select p.deployment, p.id, min(c.parent_connection_id) as parent_id
    from (
        select distinct deployment, parent_connection_id as id
        from inventory.connections
        where parent_connection_id is not null
    ) p
    left join inventory.connections c
        on c.deployment = p.deployment and c.id = p.id and c.parent_connection_id is not null
    group by p.deployment, p.id
), walk as (
    -- From the roots down: so no circle is ever entered (fault D12), and a long chain is walked once.
    select deployment, id, parent_id as root_id
    from (
        select p.deployment, p.id, p.parent_id, g.parent_id as grandparent_id
        from parent p
        -- One key: joined by the deployment alone, which is often the same for all, it takes minutes.
        join parent g on array[g.deployment, g.id] = array[p.deployment, p.parent_id]
        offset 0  -- roots are many, whatever the planner makes of "is null"
    ) p
    where grandparent_id is null
    union
    select c.deployment, c.id, w.root_id
    from walk w
    cross join lateral (
        select n.deployment, n.id
        from inventory.connections n
        where n.deployment = w.deployment and n.parent_connection_id = w.id
        offset 0  -- one look-up by parent for each, whatever the statistics say
    ) c
), root as (
    select deployment, id, min(root_id) as root_id
    from walk
    group by deployment, id
)
select
    c.deployment,
    c.organization_id,
    c.id,
    c.type_id,
    coalesce(r.root_id, c.parent_connection_id) as root_id
from inventory.connections c
left join root r on r.deployment = c.deployment and r.id = c.parent_connection_id
where c.parent_connection_id is not null;
comment on view inventory.copies is
    'Every shared copy with the root of its chain of parents; in a circle, with its own parent.';

create view inventory.copies_without_original as
with expected as materialized (
    select deployment, pinned_id as organization_id from ledger.coverage where is_expected
), root as materialized (
    select distinct c.type_id, c.deployment, c.root_id
    from inventory.copies c
    join expected e on e.deployment = c.deployment and e.organization_id = c.organization_id
), without_original as (
    select deployment, root_id from root
    except
    select o.deployment, o.id
    from (
        select c.deployment, c.id
        from inventory.connections c
        join expected e on e.deployment = c.deployment and e.organization_id = c.organization_id
        where c.parent_connection_id is null
        offset 0  -- in this order: the planner expects one root, and would go through all for each
    ) o
    join (select distinct deployment, root_id as id from root) r
        on r.deployment = o.deployment and r.id = o.id
)
select type_id, deployment, root_id
from root
join without_original using (deployment, root_id);
comment on view inventory.copies_without_original is
    'Roots of copies in expected organizations that are no connection of an expected organization: each stands for one connection.';

create view inventory.organization_counts as
select
    deployment,
    organization_id,
    count(*) as connections,
    count(*) filter (where status = 'healthy' or lower(status) = 'healthy') as healthy_connections,
    count(nullif(status, ''))
        - count(*) filter (where status = 'healthy' or lower(status) = 'healthy')
        as unhealthy_connections,
    count(*) - count(nullif(status, '')) as connections_without_status,
    count(parent_connection_id) as shared_connections
from inventory.connections
group by deployment, organization_id;
comment on view inventory.organization_counts is 'Connections of each organization by health.';

create view ledger.withheld_counts as
select deployment, organization_id, count(*) as withheld_connections
from ledger.withheld
where resource = 'connections'
group by deployment, organization_id;
comment on view ledger.withheld_counts is 'Connections of each organization that are withheld.';

create or replace view reporting.organizations as
select
    o.organization,
    o.deployment,
    o.organization_id,
    o.organization_name,
    o.tags,
    o.status,
    o.last_attempt_at,
    o.last_complete_at,
    o.last_outcome,
    o.last_error,
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
    o.is_expected
from ledger.coverage o
left join inventory.organization_counts c
    on c.deployment = o.deployment and c.organization_id = o.pinned_id
left join ledger.withheld_counts w
    on w.deployment = o.deployment and w.organization_id = o.pinned_id;

comment on column reporting.organizations.organization_id is
    'Polytomic''s id: pinned when its key first worked, before that as the partner''s list names it; NULL where neither says it.';
comment on column reporting.organizations.status is
    'complete: in the last run that tried it; stale: complete once, but not in that run; failed: tried, never complete; never: not tried yet; no_key: known, but no key of ours reads it; disabled.';
comment on column reporting.organizations.last_complete_at is
    'When everything of it was last read completely (UTC), the age of its numbers; NULL while anything never was.';
comment on column reporting.organizations.listed_upstream_at is
    'The last list of the partner''s organizations that contained it (UTC); NULL: none ever did.';
comment on column reporting.organizations.gone_upstream_since is
    'Since when the partner''s list does not contain it any more (UTC), although it once did; NULL again when it is back on the list or a key reads it.';
comment on column reporting.organizations.is_expected is
    'Whether the aggregates count it: neither disabled nor gone upstream, nor a name that is configured no more and never was any organization''s.';

create view ledger.completeness as
select
    count(*) filter (where is_expected) as organizations_expected,
    count(*) filter (where is_expected and status = 'complete') as organizations_complete,
    case
        when bool_and(last_complete_at is not null) filter (where is_expected)
            then min(last_complete_at) filter (where is_expected)
    end as oldest_observed_at,
    -- An empty fleet is no complete picture of anything.
    coalesce(bool_and(status = 'complete') filter (where is_expected), false) as is_complete,
    coalesce(bool_or(last_read_at is not null) filter (where is_expected), false) as was_read,
    count(*) filter (where status = 'no_key' and gone_upstream_since is null)
        as organizations_without_key,
    count(*) filter (where status = 'disabled') as organizations_disabled,
    count(*) filter (where gone_upstream_since is not null) as organizations_gone_upstream
from ledger.coverage;
comment on view ledger.completeness is
    'One row: how far the numbers over the whole fleet can be trusted.';

create view reporting.fleet_summary as
with total as (
    select
        coalesce(sum(c.connections), 0)::bigint as connections,
        coalesce(sum(c.healthy_connections), 0)::bigint as healthy_connections,
        coalesce(sum(c.unhealthy_connections), 0)::bigint as unhealthy_connections,
        coalesce(sum(c.connections_without_status), 0)::bigint as connections_without_status,
        coalesce(sum(c.shared_connections), 0)::bigint as shared_connections,
        coalesce(sum(w.withheld_connections), 0)::bigint as withheld_connections,
        count(*) filter (where c.unhealthy_connections > 0) as unhealthy_organizations
    from ledger.coverage o
    left join inventory.organization_counts c
        on c.deployment = o.deployment and c.organization_id = o.pinned_id
    left join ledger.withheld_counts w
        on w.deployment = o.deployment and w.organization_id = o.pinned_id
    where o.is_expected
), numbers as (
    select
        f.*,
        t.connections,
        t.connections - t.shared_connections + r.roots as distinct_connections,
        t.healthy_connections,
        t.unhealthy_connections,
        t.connections_without_status,
        t.shared_connections,
        t.withheld_connections,
        t.unhealthy_organizations
    from ledger.completeness f
    cross join (
        select count(distinct array[deployment, root_id]) as roots
        from inventory.copies_without_original
    ) r
    left join total t on f.was_read  -- nothing was ever read: unknown, which is not zero
)
select
    n.organizations_expected,
    n.organizations_complete,
    n.oldest_observed_at,
    n.is_complete,
    n.connections,
    n.distinct_connections,
    n.healthy_connections,
    n.unhealthy_connections,
    n.connections_without_status,
    n.shared_connections,
    n.withheld_connections,
    n.unhealthy_organizations,
    case when n.is_complete then n.connections end as strict_connections,
    case when n.is_complete then n.distinct_connections end as strict_distinct_connections,
    case when n.is_complete then n.healthy_connections end as strict_healthy_connections,
    case when n.is_complete then n.unhealthy_connections end as strict_unhealthy_connections,
    case when n.is_complete then n.connections_without_status end as strict_connections_without_status,
    case when n.is_complete then n.shared_connections end as strict_shared_connections,
    case when n.is_complete then n.withheld_connections end as strict_withheld_connections,
    case when n.is_complete then n.unhealthy_organizations end as strict_unhealthy_organizations,
    n.organizations_without_key,
    n.organizations_disabled,
    n.organizations_gone_upstream
from numbers n;

comment on view reporting.fleet_summary is
    'One row: the whole fleet in numbers, and how far they can be trusted. Numbers are over the expected organizations; NULL while none of them was ever read.';
comment on column reporting.fleet_summary.organizations_expected is
    'Organizations that the numbers speak of: all that are neither disabled nor gone upstream.';
comment on column reporting.fleet_summary.organizations_complete is
    'Of these, how many were complete in the last run that tried them.';
comment on column reporting.fleet_summary.oldest_observed_at is
    'When the organization read longest ago was last read completely (UTC); NULL while one of them never was.';
comment on column reporting.fleet_summary.is_complete is
    'Whether the numbers are whole: all expected organizations are complete, and there is at least one. Rows of which nobody knows whether they still exist are counted; withheld_connections says how many.';
comment on column reporting.fleet_summary.connections is
    'Connections that exist as far as we know.';
comment on column reporting.fleet_summary.distinct_connections is
    'Connections without counting shared copies twice: a copy counts as the connection it leads to, and copies of one connection that we do not know count as one.';
comment on column reporting.fleet_summary.healthy_connections is
    'Connections whose status is healthy.';
comment on column reporting.fleet_summary.unhealthy_connections is
    'Connections whose status is known and not healthy.';
comment on column reporting.fleet_summary.connections_without_status is
    'Connections of which the server gives no status.';
comment on column reporting.fleet_summary.shared_connections is
    'Connections that are shared copies of another organization''s.';
comment on column reporting.fleet_summary.withheld_connections is
    'Connections that the last answer did not contain but whose removal is not proven yet; counted in connections.';
comment on column reporting.fleet_summary.unhealthy_organizations is
    'Organizations with at least one unhealthy connection.';
comment on column reporting.fleet_summary.strict_connections is
    'connections where is_complete, else NULL.';
comment on column reporting.fleet_summary.strict_distinct_connections is
    'distinct_connections where is_complete, else NULL.';
comment on column reporting.fleet_summary.strict_healthy_connections is
    'healthy_connections where is_complete, else NULL.';
comment on column reporting.fleet_summary.strict_unhealthy_connections is
    'unhealthy_connections where is_complete, else NULL.';
comment on column reporting.fleet_summary.strict_connections_without_status is
    'connections_without_status where is_complete, else NULL.';
comment on column reporting.fleet_summary.strict_shared_connections is
    'shared_connections where is_complete, else NULL.';
comment on column reporting.fleet_summary.strict_withheld_connections is
    'withheld_connections where is_complete, else NULL.';
comment on column reporting.fleet_summary.strict_unhealthy_organizations is
    'unhealthy_organizations where is_complete, else NULL.';
comment on column reporting.fleet_summary.organizations_without_key is
    'Organizations that are known but that no key of ours reads; expected, and never complete.';
comment on column reporting.fleet_summary.organizations_disabled is
    'Organizations that are disabled; not expected, not in any number.';
comment on column reporting.fleet_summary.organizations_gone_upstream is
    'Organizations that the partner''s list does not contain any more; not expected, not in any number.';

create view reporting.connection_types_in_use as
with per_organization as (
    select
        deployment,
        organization_id,
        type_id,
        max(type_name) as type_name,
        count(*) as connections,
        count(*) filter (where status = 'healthy' or lower(status) = 'healthy') as healthy,
        count(nullif(status, '')) as with_status,
        count(parent_connection_id) as shared
    from inventory.connections
    group by deployment, organization_id, type_id
), total as (
    select
        c.type_id,
        max(c.type_name) as type_name,
        sum(c.connections)::bigint as connections,
        count(*) as organizations,
        sum(c.healthy)::bigint as healthy_connections,
        sum(c.with_status - c.healthy)::bigint as unhealthy_connections,
        sum(c.connections - c.with_status)::bigint as connections_without_status,
        sum(c.shared)::bigint as shared_connections
    from per_organization c
    join ledger.coverage o on o.deployment = c.deployment and o.pinned_id = c.organization_id
    where o.is_expected
    group by c.type_id
), numbers as (
    select
        t.type_id,
        t.type_name,
        f.*,
        t.connections,
        t.connections - t.shared_connections + coalesce(r.roots, 0) as distinct_connections,
        t.organizations,
        t.healthy_connections,
        t.unhealthy_connections,
        t.connections_without_status,
        t.shared_connections,
        coalesce(w.withheld_connections, 0) as withheld_connections
    from total t
    cross join ledger.completeness f
    left join (
        select type_id, count(*) as roots
        from inventory.copies_without_original
        group by type_id
    ) r on r.type_id is not distinct from t.type_id
    left join (
        select c.type_id, count(*) as withheld_connections
        from ledger.withheld h
        join inventory.connections c using (deployment, organization_id, id)
        join ledger.coverage o on o.deployment = c.deployment and o.pinned_id = c.organization_id
        where h.resource = 'connections' and o.is_expected
        group by c.type_id
    ) w on w.type_id is not distinct from t.type_id
)
select
    n.type_id,
    n.type_name,
    n.organizations_expected,
    n.organizations_complete,
    n.oldest_observed_at,
    n.is_complete,
    n.connections,
    n.distinct_connections,
    n.organizations,
    n.healthy_connections,
    n.unhealthy_connections,
    n.connections_without_status,
    n.shared_connections,
    n.withheld_connections,
    case when n.is_complete then n.connections end as strict_connections,
    case when n.is_complete then n.distinct_connections end as strict_distinct_connections,
    case when n.is_complete then n.organizations end as strict_organizations,
    case when n.is_complete then n.healthy_connections end as strict_healthy_connections,
    case when n.is_complete then n.unhealthy_connections end as strict_unhealthy_connections,
    case when n.is_complete then n.connections_without_status end as strict_connections_without_status,
    case when n.is_complete then n.shared_connections end as strict_shared_connections,
    case when n.is_complete then n.withheld_connections end as strict_withheld_connections
from numbers n;

comment on view reporting.connection_types_in_use is
    'One row for each connection type in use by an expected organization. Completeness is the fleet''s, for any organization that we could not read may use any type.';
comment on column reporting.connection_types_in_use.type_id is
    'Type, such as postgresql or salesforce; NULL: the server does not say.';
comment on column reporting.connection_types_in_use.type_name is
    'Type as shown to people.';
comment on column reporting.connection_types_in_use.organizations_expected is
    'Organizations that the numbers speak of: all that are neither disabled nor gone upstream.';
comment on column reporting.connection_types_in_use.organizations_complete is
    'Of these, how many were complete in the last run that tried them.';
comment on column reporting.connection_types_in_use.oldest_observed_at is
    'When the organization read longest ago was last read completely (UTC); NULL while one of them never was.';
comment on column reporting.connection_types_in_use.is_complete is
    'Whether the numbers are whole: all expected organizations are complete, and there is at least one. Rows of which nobody knows whether they still exist are counted; withheld_connections says how many.';
comment on column reporting.connection_types_in_use.connections is
    'Connections that exist as far as we know.';
comment on column reporting.connection_types_in_use.distinct_connections is
    'Connections without counting shared copies twice: a copy counts as the connection it leads to, and copies of one connection that we do not know count as one.';
comment on column reporting.connection_types_in_use.organizations is
    'Organizations that have such a connection.';
comment on column reporting.connection_types_in_use.healthy_connections is
    'Connections whose status is healthy.';
comment on column reporting.connection_types_in_use.unhealthy_connections is
    'Connections whose status is known and not healthy.';
comment on column reporting.connection_types_in_use.connections_without_status is
    'Connections of which the server gives no status.';
comment on column reporting.connection_types_in_use.shared_connections is
    'Connections that are shared copies of another organization''s.';
comment on column reporting.connection_types_in_use.withheld_connections is
    'Connections that the last answer did not contain but whose removal is not proven yet; counted in connections.';
comment on column reporting.connection_types_in_use.strict_connections is
    'connections where is_complete, else NULL.';
comment on column reporting.connection_types_in_use.strict_distinct_connections is
    'distinct_connections where is_complete, else NULL.';
comment on column reporting.connection_types_in_use.strict_organizations is
    'organizations where is_complete, else NULL.';
comment on column reporting.connection_types_in_use.strict_healthy_connections is
    'healthy_connections where is_complete, else NULL.';
comment on column reporting.connection_types_in_use.strict_unhealthy_connections is
    'unhealthy_connections where is_complete, else NULL.';
comment on column reporting.connection_types_in_use.strict_connections_without_status is
    'connections_without_status where is_complete, else NULL.';
comment on column reporting.connection_types_in_use.strict_shared_connections is
    'shared_connections where is_complete, else NULL.';
comment on column reporting.connection_types_in_use.strict_withheld_connections is
    'withheld_connections where is_complete, else NULL.';

create view reporting.organization_health as
with copies as (
    -- Roots that are not a connection of this organization itself.
    select c.deployment, c.organization_id, count(distinct c.root_id) as roots
    from inventory.copies c
    left join lateral (
        select true as is_here
        from inventory.connections n
        where n.deployment = c.deployment and n.organization_id = c.organization_id
            and n.id = c.root_id and n.parent_connection_id is null
        offset 0  -- one look-up by key for each copy, whatever the statistics say
    ) r on true
    where r.is_here is null
    group by c.deployment, c.organization_id
), unhealthy as (
    select c.deployment, c.organization_id, min(coalesce(h.since, c.first_seen_at)) as since
    from inventory.connections c
    cross join lateral (
        select max(v.valid_to) as since
        from inventory.history v
        where v.resource = 'connections' and v.deployment = c.deployment
            and v.organization_id = c.organization_id and v.id = c.id
            and coalesce(lower(nullif(v.record ->> 'status', '')), 'healthy') = 'healthy'
    ) h
    where lower(c.status) <> 'healthy' and c.status <> ''
    group by c.deployment, c.organization_id
), numbers as (
    select
        o.*,
        o.is_expected and o.status = 'complete' as is_complete,
        n.*
    from ledger.coverage o
    left join inventory.organization_counts c
        on c.deployment = o.deployment and c.organization_id = o.pinned_id
    left join ledger.withheld_counts w
        on w.deployment = o.deployment and w.organization_id = o.pinned_id
    left join copies k on k.deployment = o.deployment and k.organization_id = o.pinned_id
    left join unhealthy u on u.deployment = o.deployment and u.organization_id = o.pinned_id
    left join lateral (
        select
            coalesce(c.connections, 0) as connections,
            coalesce(c.connections - c.shared_connections + coalesce(k.roots, 0), 0)
                as distinct_connections,
            coalesce(c.healthy_connections, 0) as healthy_connections,
            coalesce(c.unhealthy_connections, 0) as unhealthy_connections,
            coalesce(c.connections_without_status, 0) as connections_without_status,
            coalesce(c.shared_connections, 0) as shared_connections,
            coalesce(w.withheld_connections, 0) as withheld_connections,
            u.since as unhealthy_since
    ) n on o.is_expected and o.last_read_at is not null
)
select
    n.organization,
    n.deployment,
    n.organization_id,
    n.organization_name,
    n.tags,
    n.status,
    n.is_expected::integer::bigint as organizations_expected,
    n.is_complete::integer::bigint as organizations_complete,
    case when n.is_expected then n.last_complete_at end as oldest_observed_at,
    n.is_complete,
    extract(epoch from now() - n.last_complete_at)::bigint as age_seconds,
    n.connections,
    n.distinct_connections,
    n.healthy_connections,
    n.unhealthy_connections,
    n.connections_without_status,
    n.shared_connections,
    n.withheld_connections,
    case when n.is_complete then n.connections end as strict_connections,
    case when n.is_complete then n.distinct_connections end as strict_distinct_connections,
    case when n.is_complete then n.healthy_connections end as strict_healthy_connections,
    case when n.is_complete then n.unhealthy_connections end as strict_unhealthy_connections,
    case when n.is_complete then n.connections_without_status end as strict_connections_without_status,
    case when n.is_complete then n.shared_connections end as strict_shared_connections,
    case when n.is_complete then n.withheld_connections end as strict_withheld_connections,
    n.unhealthy_since,
    n.last_attempt_at,
    n.last_complete_at,
    n.last_outcome,
    n.last_error,
    n.gone_upstream_since
from numbers n;

comment on view reporting.organization_health is
    'One row for each organization: its health in numbers, and how far they can be trusted. Of one that is not expected (disabled or gone upstream) they are NULL, so that sums are those of the fleet, but for distinct_connections, which each counts for itself; reporting.organizations has what was last known.';
comment on column reporting.organization_health.organization is
    'Our name for it, unique.';
comment on column reporting.organization_health.deployment is
    'Host name of the Polytomic server.';
comment on column reporting.organization_health.organization_id is
    'Polytomic''s id; NULL while nothing says it.';
comment on column reporting.organization_health.organization_name is
    'Polytomic''s name for it.';
comment on column reporting.organization_health.tags is
    'Tags of the registry file, such as team or region.';
comment on column reporting.organization_health.status is
    'As in reporting.organizations: complete, stale, failed, never, no_key or disabled.';
comment on column reporting.organization_health.organizations_expected is
    '1, or 0 where it is disabled or gone upstream.';
comment on column reporting.organization_health.organizations_complete is
    '1 where it is expected and was complete in the last run that tried it, else 0.';
comment on column reporting.organization_health.oldest_observed_at is
    'When it was last read completely (UTC); NULL while it never was, and where it is not expected.';
comment on column reporting.organization_health.is_complete is
    'Whether its numbers are whole: it is expected and complete. Rows of which nobody knows whether they still exist are counted; withheld_connections says how many.';
comment on column reporting.organization_health.age_seconds is
    'Seconds since it was last read completely; NULL while it never was.';
comment on column reporting.organization_health.connections is
    'Connections that exist as far as we know; NULL while none were ever read, which is not zero.';
comment on column reporting.organization_health.distinct_connections is
    'Connections without counting shared copies twice: copies of one connection count as one, and not at all beside that connection itself.';
comment on column reporting.organization_health.healthy_connections is
    'Connections whose status is healthy.';
comment on column reporting.organization_health.unhealthy_connections is
    'Connections whose status is known and not healthy.';
comment on column reporting.organization_health.connections_without_status is
    'Connections of which the server gives no status.';
comment on column reporting.organization_health.shared_connections is
    'Connections that are shared copies of another organization''s.';
comment on column reporting.organization_health.withheld_connections is
    'Connections that the last answer did not contain but whose removal is not proven yet; counted in connections.';
comment on column reporting.organization_health.strict_connections is
    'connections where is_complete, else NULL.';
comment on column reporting.organization_health.strict_distinct_connections is
    'distinct_connections where is_complete, else NULL.';
comment on column reporting.organization_health.strict_healthy_connections is
    'healthy_connections where is_complete, else NULL.';
comment on column reporting.organization_health.strict_unhealthy_connections is
    'unhealthy_connections where is_complete, else NULL.';
comment on column reporting.organization_health.strict_connections_without_status is
    'connections_without_status where is_complete, else NULL.';
comment on column reporting.organization_health.strict_shared_connections is
    'shared_connections where is_complete, else NULL.';
comment on column reporting.organization_health.strict_withheld_connections is
    'withheld_connections where is_complete, else NULL.';
comment on column reporting.organization_health.unhealthy_since is
    'Since when runs see the connection unhealthy that has been so longest (UTC); NULL where none is.';
comment on column reporting.organization_health.last_attempt_at is
    'When a run last tried it (UTC).';
comment on column reporting.organization_health.last_complete_at is
    'When everything of it was last read completely (UTC).';
comment on column reporting.organization_health.last_outcome is
    'How the last attempt ended: complete, partial, unauthorized, timeout, …';
comment on column reporting.organization_health.last_error is
    'Why, where it did not end well.';
comment on column reporting.organization_health.gone_upstream_since is
    'Since when the partner''s list does not contain it any more (UTC); see reporting.organizations.';
