-- The two slowest views of the dashboards begin with what they are about, and not with every connection.

drop index inventory.connections_endpoint;
create index connections_endpoint
    on inventory.connections (endpoint_key, organization_id, parent_connection_id) include (id)
    where endpoint_key is not null;

create or replace view reporting.same_endpoint as
with used_by_many as materialized (
    select endpoint_key
    from inventory.connections
    where endpoint_key is not null
    group by endpoint_key
    -- The original of a copy may belong to yet another organization.
    having count(*) > 1
        and (min(organization_id) <> max(organization_id) or count(parent_connection_id) > 0)
), candidate as materialized (
    -- Not where all are one connection and its own copies, which most are.
    select m.endpoint_key
    from used_by_many m
    cross join lateral (
        select
            min(coalesce(n.parent_connection_id, n.id))
                <> max(coalesce(n.parent_connection_id, n.id))
            or count(*) - count(n.parent_connection_id) > 1 as are_many
        from inventory.connections n
        where n.endpoint_key = m.endpoint_key
        offset 0  -- one look-up for each key, whatever the statistics say
    ) c
    where c.are_many
), known as (
    select
        c.deployment,
        lower(c.endpoint) as endpoint,
        regexp_replace(lower(c.type_id), '[^a-z0-9]', '', 'g') as family,
        c.type_id,
        c.organization_id,
        coalesce(k.root_id, c.id) as root_id,
        c.parent_connection_id is null as is_root
    from candidate x
    cross join lateral (
        select *
        from inventory.connections n
        where n.endpoint_key = x.endpoint_key
        offset 0  -- one look-up for each key, whatever the statistics say
    ) c
    left join inventory.copies k
        on array[k.deployment, k.organization_id, k.id]
            = array[c.deployment, c.organization_id, c.id]
    where c.endpoint <> ''
        and lower(c.endpoint) !~ '^(localhost|.*\.localhost|127\.[0-9.]+|0\.0\.0\.0|\[?::1?\]?)$'
), root as (
    select k.deployment, k.root_id as id, min(c.organization_id) as organization_id
    from (select distinct deployment, root_id from known where not is_root) k
    cross join lateral (
        select n.organization_id
        from inventory.connections n
        where n.id = k.root_id and n.deployment = k.deployment
        offset 0
    ) c
    group by k.deployment, k.root_id
)
select
    k.deployment,
    k.endpoint,
    array_agg(distinct k.type_id order by k.type_id) as type_ids,
    array_agg(distinct o.organization order by o.organization) as organizations,
    count(*) as connections,
    count(distinct k.root_id) as distinct_connections
from known k
join ledger.organizations o
    on o.deployment = k.deployment and o.organization_id = k.organization_id
left join root r
    on not k.is_root and array[r.deployment, r.id] = array[k.deployment, k.root_id]
group by k.deployment, k.endpoint, k.family
-- A root that we do not know is in an organization of its own: nobody is asked for it.
having count(
    distinct case when k.is_root then k.organization_id else coalesce(r.organization_id, k.root_id) end
) > 1;

-- Keys are compared as arrays: then planners hash or sort, and are never misled into loops over loops.
create view inventory.blast_radius as
with recursive unhealthy as materialized (
    select deployment, organization_id, id as connection_id
    from inventory.unhealthy_connections
), parent as materialized (
    -- As in connection_places, of which this is the part below what is unhealthy.
    select distinct on (deployment, id) deployment, id, parent_id
    from inventory.copy_links
    order by deployment, id, 'connections' = any (source) desc, parent_id
), walk as (
    select p.deployment, p.parent_id as ancestor_id, p.id, array[p.id] as copies
    from parent p
    where array[p.deployment, p.parent_id]
        in (select array[u.deployment, u.connection_id] from unhealthy u)
    union all
    select w.deployment, w.ancestor_id, p.id, w.copies || p.id
    from walk w
    join parent p on array[p.deployment, p.parent_id] = array[w.deployment, w.id]
    where p.id <> w.ancestor_id and p.id <> all (w.copies) and cardinality(w.copies) < 16
), copy as materialized (
    select
        u.deployment, u.organization_id, u.connection_id,
        l.organization_id as place_id, l.id as place_connection_id
    from walk w
    join unhealthy u
        on array[u.deployment, u.connection_id] = array[w.deployment, w.ancestor_id]
    join (select distinct deployment, organization_id, id from inventory.copy_links) l
        on array[l.deployment, l.id] = array[w.deployment, w.id]
), place as materialized (
    select
        deployment, organization_id, connection_id,
        organization_id as place_id, connection_id as place_connection_id
    from unhealthy
    union all
    select * from copy
), above as materialized (
    -- What is unhealthy above a copy; in a circle, where each is above each, by id.
    select distinct
        p.deployment, p.place_id as organization_id, p.place_connection_id as connection_id,
        p.connection_id as above_id
    from copy p
    left join copy back
        on array[back.deployment, back.connection_id, back.place_connection_id]
            = array[p.deployment, p.place_connection_id, p.connection_id]
    where back.connection_id is null or p.connection_id < p.place_connection_id
), root as (
    select a.deployment, a.organization_id, a.connection_id, min(a.above_id) as root_id
    from above a
    left join above higher
        on array[higher.deployment, higher.connection_id] = array[a.deployment, a.above_id]
    where higher.connection_id is null
    group by a.deployment, a.organization_id, a.connection_id
    limit 1e7
), copies as (
    select
        p.deployment, p.organization_id, p.connection_id,
        count(*) as copies,
        array_agg(distinct coalesce(o.organization, p.place_id, '(unknown)')) as copy_organizations
    from copy p
    left join ledger.organization_ids o
        on array[o.deployment, o.id] = array[p.deployment, p.place_id]
    group by p.deployment, p.organization_id, p.connection_id
    limit 1e7
), affected as materialized (
    select
        p.deployment, p.organization_id, p.connection_id, n.kind,
        n.organization_id as dependent_organization_id, n.id,
        bool_or(n.active) as active, min(n.schedule) as schedule
    from inventory.connection_uses n
    join place p
        on array[p.deployment, p.place_id, p.place_connection_id]
            = array[n.deployment, n.organization_id, n.connection_id]
    group by p.deployment, p.organization_id, p.connection_id, n.kind, n.organization_id, n.id
), follower as materialized (
    select s.deployment, s.organization_id, x.kind, x.id as upstream_id, s.id
    from inventory.model_syncs s
    cross join lateral (
        select 'model_sync' as kind, unnest(s.runs_after_sync_ids) as id
        union all
        select 'bulk_sync', unnest(s.runs_after_bulk_sync_ids)
    ) x
), downstream as (
    select deployment, organization_id, connection_id, kind, dependent_organization_id, id
    from affected
    where kind <> 'model'
    union
    select
        d.deployment, d.organization_id, d.connection_id, 'model_sync', f.organization_id, f.id
    from downstream d
    join follower f
        on array[f.deployment, f.organization_id, f.kind, f.upstream_id]
            = array[d.deployment, d.dependent_organization_id, d.kind, d.id]
), later as (
    select
        d.deployment, d.organization_id, d.connection_id, count(*) as downstream_syncs,
        count(*) filter (where s.active) as active_downstream_syncs
    from downstream d
    join inventory.model_syncs s
        on array[s.deployment, s.organization_id, s.id]
            = array[d.deployment, d.dependent_organization_id, d.id]
    left join affected a
        on array[a.deployment, a.organization_id, a.connection_id, a.dependent_organization_id, a.id]
            = array[
                d.deployment, d.organization_id, d.connection_id, d.dependent_organization_id, d.id
            ]
        and a.kind = 'model_sync'
    where d.kind = 'model_sync' and a.id is null
    group by d.deployment, d.organization_id, d.connection_id
    limit 1e7
), total as (
    select
        a.deployment, a.organization_id, a.connection_id,
        count(distinct a.dependent_organization_id) as organizations,
        array_agg(distinct coalesce(o.organization, a.dependent_organization_id)) as names,
        count(*) filter (where a.kind = 'bulk_sync') as bulk_syncs,
        count(*) filter (where a.kind = 'bulk_sync' and a.active) as active_bulk_syncs,
        count(*) filter (where a.kind = 'model_sync') as model_syncs,
        count(*) filter (where a.kind = 'model_sync' and a.active) as active_model_syncs,
        count(*) filter (where a.kind = 'model') as models,
        array_agg(distinct a.schedule) filter (where a.active and a.schedule <> '') as schedules,
        min(r.next_execution_at) filter (where a.active) as next_execution_at
    from affected a
    left join ledger.organizations o
        on o.deployment = a.deployment and o.organization_id = a.dependent_organization_id
    left join inventory.bulk_syncs_readings r
        on array[r.deployment, r.organization_id, r.id]
            = array[a.deployment, a.dependent_organization_id, a.id]
        and a.kind = 'bulk_sync'
    group by a.deployment, a.organization_id, a.connection_id
    limit 1e7
), looked as materialized (
    select deployment, organization_id, resource
    from ledger.current_looks
), unread as materialized (
    -- Sets are subtracted, for planners expect nothing to be left of outer joins.
    select x.deployment, x.organization_id, r.resource
    from (select deployment, place_id as organization_id from place) x
    cross join unnest('{bulk_syncs,model_syncs,models,shared_connections}'::text[])
        as r (resource)
    except
    select deployment, organization_id, resource
    from looked
), original as (
    select deployment, organization_id, connection_id
    from unhealthy
    except
    select deployment, organization_id, id
    from inventory.connections
    where parent_connection_id is not null
), blind as (
    -- As in blind_spots and uncertain_connections.
    select p.deployment, p.organization_id, p.connection_id, p.place_id, n.resource
    from place p
    join unread n
        on array[n.deployment, n.organization_id] = array[p.deployment, p.place_id]
        and n.resource <> 'shared_connections'
    union all
    select c.deployment, c.organization_id, c.connection_id, c.organization_id, n.resource
    from original c
    join unread n
        on array[n.deployment, n.organization_id] = array[c.deployment, c.organization_id]
        and n.resource = 'shared_connections'
    join (
        select o.deployment, count(*) as organizations, min(o.pinned_id) as first_id
        from ledger.coverage o
        left join ledger.current_looks l
            on l.organization = o.organization and l.resource = 'connections'
        where o.is_expected and l.organization is null
        group by o.deployment
    ) m
        on m.deployment = c.deployment
        and (m.organizations > 1 or m.first_id is distinct from c.organization_id)
    union all
    select deployment, organization_id, connection_id, null, 'outside'
    from unhealthy
    where (select is_restricted from ledger.viewer)
), uncertain as (
    select
        b.deployment, b.organization_id, b.connection_id,
        array_agg(
            distinct case
                when b.resource = 'outside' then 'organizations outside this login''s grant'
                else coalesce(o.organization, b.place_id, '(unknown)') || ': ' || b.resource
            end
        ) as not_looked,
        bool_or(b.resource in ('bulk_syncs', 'shared_connections', 'outside')) as hides_bulk_syncs,
        bool_or(b.resource in ('models', 'shared_connections', 'outside')) as hides_models,
        bool_or(b.resource in ('models', 'model_syncs', 'shared_connections', 'outside'))
            as hides_model_syncs
    from blind b
    left join ledger.organization_ids o
        on array[o.deployment, o.id] = array[b.deployment, b.place_id]
    group by b.deployment, b.organization_id, b.connection_id
    limit 1e7
)
-- Healthy copies are among them. Nobody has 10 million: without the limits planners, who expect 10^24
-- of what arrays join, divide hashes into as many files.
select *
from unhealthy
full join copies using (deployment, organization_id, connection_id)
full join total using (deployment, organization_id, connection_id)
full join later using (deployment, organization_id, connection_id)
full join root using (deployment, organization_id, connection_id)
full join uncertain using (deployment, organization_id, connection_id);
comment on view inventory.blast_radius is
    'reporting.blast_radius without what tells people which connection it is.';

create or replace view reporting.blast_radius as
select
    o.organization,
    t.deployment,
    t.organization_id,
    o.organization_name,
    t.connection_id,
    c.name as connection_name,
    c.type_id,
    c.status,
    c.status_error,
    -- As in reporting.connections; here it is looked up last, for the rows that are asked for.
    coalesce(
        (
            select max(h.valid_to)
            from inventory.history h
            where h.resource = 'connections' and h.deployment = t.deployment
                and h.organization_id = t.organization_id and h.id = t.connection_id
                and lower(nullif(h.record ->> 'status', ''))
                    is distinct from lower(nullif(c.status, ''))
        ),
        c.first_seen_at
    ) as status_since,
    c.parent_connection_id is not null as is_shared,
    t.root_id as root_connection_id,
    coalesce(t.copies, 0) as copies,
    coalesce(t.copy_organizations, '{}') as copy_organizations,
    case when t.organizations > 0 or t.not_looked is null then coalesce(t.organizations, 0) end
        as affected_organizations,
    coalesce(t.names, '{}') as organizations,
    case when t.bulk_syncs > 0 or t.hides_bulk_syncs is not true
        then coalesce(t.bulk_syncs, 0) end as affected_bulk_syncs,
    case when t.active_bulk_syncs > 0 or t.hides_bulk_syncs is not true
        then coalesce(t.active_bulk_syncs, 0) end as affected_active_bulk_syncs,
    case when t.model_syncs > 0 or t.hides_model_syncs is not true
        then coalesce(t.model_syncs, 0) end as affected_model_syncs,
    case when t.active_model_syncs > 0 or t.hides_model_syncs is not true
        then coalesce(t.active_model_syncs, 0) end as affected_active_model_syncs,
    case when t.models > 0 or t.hides_models is not true then coalesce(t.models, 0) end
        as affected_models,
    case when t.downstream_syncs > 0 or t.not_looked is null
        then coalesce(t.downstream_syncs, 0) end as affected_downstream_syncs,
    case when t.active_downstream_syncs > 0 or t.not_looked is null
        then coalesce(t.active_downstream_syncs, 0) end as affected_active_downstream_syncs,
    coalesce(t.schedules, '{}') as schedules,
    t.next_execution_at,
    t.not_looked is null as is_certain,
    t.not_looked
from inventory.blast_radius t
cross join lateral (
    select *
    from inventory.connections n
    where n.deployment = t.deployment and n.organization_id = t.organization_id
        and n.id = t.connection_id
    offset 0  -- one look-up for each, whatever the statistics say
) c
cross join lateral (
    select *
    from ledger.organizations n
    where n.deployment = t.deployment and n.organization_id = t.organization_id
    offset 0
) o
where lower(nullif(c.status, '')) <> 'healthy';

call ledger.secure();
