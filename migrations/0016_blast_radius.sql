-- What reaches furthest, in a seventh of the time: a function instead of a view, because a function
-- can say how it is to be planned. Where one knows nothing of a subquery, loops over loops are what
-- goes wrong; without them, and with memory for its hashes, keys need not be joined as arrays.

create function inventory.blast_radius()
returns table (
    organization text, organization_name text, deployment text, organization_id text,
    connection_id text, type_id text, is_shared boolean, root_id text, copies bigint,
    copy_organizations text[], organizations bigint, names text[], bulk_syncs bigint,
    active_bulk_syncs bigint, model_syncs bigint, active_model_syncs bigint, models bigint,
    downstream_syncs bigint, active_downstream_syncs bigint, schedules text[],
    next_execution_at timestamptz, not_looked text[], hides_bulk_syncs boolean,
    hides_models boolean, hides_model_syncs boolean, is_expected boolean
)
language sql stable rows 10000
set enable_nestloop = off
set enable_mergejoin = off
set work_mem = '32MB'
set jit = off
begin atomic
with recursive unhealthy as materialized (
    -- The number stands for the key from here on: it is shorter to join by.
    select
        row_number() over () as number, u.deployment, u.organization_id, u.id as connection_id,
        u.type_id, c.id is not null as is_shared
    from inventory.unhealthy_connections u
    left join inventory.connections c
        on c.deployment = u.deployment and c.organization_id = u.organization_id and c.id = u.id
        and c.parent_connection_id is not null
), link as materialized (
    select
        deployment, parent_connection_id as parent_id, organization_id, id, true as is_own
    from inventory.connections
    where parent_connection_id <> id
    union all
    select deployment, parent_connection_id, child_organization_id, id, false
    from inventory.shared_connections
    where parent_connection_id <> id
), parent as materialized (
    -- One of each, as in connection_places.
    select
        deployment, id, coalesce(min(parent_id) filter (where is_own), min(parent_id)) as parent_id
    from link
    group by deployment, id
), sharing as materialized (
    select u.number, u.deployment, u.connection_id
    from unhealthy u
    join (select distinct deployment, parent_id from parent) p
        on p.deployment = u.deployment and p.parent_id = u.connection_id
), walk as (
    select p.deployment, p.parent_id as ancestor_id, p.id, array[p.id] as copies
    from parent p
    where (p.deployment, p.parent_id) in (select s.deployment, s.connection_id from sharing s)
    union all
    select w.deployment, w.ancestor_id, p.id, w.copies || p.id
    from walk w
    join parent p on p.deployment = w.deployment and p.parent_id = w.id
    where p.id <> w.ancestor_id and p.id <> all (w.copies) and cardinality(w.copies) < 16
), copy as materialized (
    select distinct
        s.number, s.deployment, s.connection_id, l.organization_id as place_id,
        l.id as place_connection_id
    from walk w
    join sharing s on s.deployment = w.deployment and s.connection_id = w.ancestor_id
    join link l on l.deployment = w.deployment and l.id = w.id
), place as materialized (
    select
        number, deployment, organization_id as place_id, connection_id as place_connection_id
    from unhealthy
    union all
    select number, deployment, place_id, place_connection_id
    from copy
), above as materialized (
    -- What is unhealthy above a copy; in a circle, where each is above each, by id.
    select distinct
        p.deployment, p.place_id as organization_id, p.place_connection_id as connection_id,
        p.connection_id as above_id
    from copy p
    left join copy back
        on back.deployment = p.deployment and back.connection_id = p.place_connection_id
        and back.place_connection_id = p.connection_id
    where back.number is null or p.connection_id < p.place_connection_id
), root as (
    select a.deployment, a.organization_id, a.connection_id, min(a.above_id) as root_id
    from above a
    where (a.deployment, a.above_id) not in (select h.deployment, h.connection_id from above h)
    group by a.deployment, a.organization_id, a.connection_id
), copies as materialized (
    select
        c.number, count(*) as copies,
        array_agg(distinct coalesce(o.organization, c.place_id, '(unknown)')) as organizations
    from copy c
    left join ledger.organization_ids o on o.deployment = c.deployment and o.id = c.place_id
    group by c.number
), used as materialized (
    select p.number, n.deployment, n.organization_id, n.kind, n.id, n.active, n.schedule
    from (
        select
            deployment, organization_id, source_connection_id as connection_id,
            'bulk_sync' as kind, id, active, schedule
        from inventory.bulk_syncs
        union all
        select
            deployment, organization_id, destination_connection_id, 'bulk_sync', id, active,
            schedule
        from inventory.bulk_syncs
        union all
        select
            deployment, organization_id, target_connection_id, 'model_sync', id, active, schedule
        from inventory.model_syncs
        union all
        select
            deployment, organization_id, schedule_connection_id, 'model_sync', id, active, schedule
        from inventory.model_syncs
        union all
        select deployment, organization_id, connection_id, 'model', id, null, null
        from inventory.models
        union all
        select deployment, organization_id, enricher_connection_id, 'model', id, null, null
        from inventory.models
    ) n
    join place p
        on p.deployment = n.deployment and p.place_id = n.organization_id
        and p.place_connection_id = n.connection_id
    where n.connection_id <> ''
), affected as materialized (
    select
        number, deployment, organization_id, kind, id, bool_or(active) as active,
        min(schedule) as schedule
    from (
        select number, deployment, organization_id, kind, id, active, schedule
        from used
        union all
        select
            m.number, s.deployment, s.organization_id, 'model_sync', s.id, s.active, s.schedule
        from (
            select
                deployment, organization_id, id, active, schedule, unnest(model_ids) as model_id
            from inventory.model_syncs
        ) s
        join used m
            on m.kind = 'model' and m.deployment = s.deployment
            and m.organization_id = s.organization_id and m.id = s.model_id
    ) u
    group by number, deployment, organization_id, kind, id
), follower as materialized (
    select
        deployment, organization_id, 'model_sync' as kind,
        unnest(runs_after_sync_ids) as upstream_id, id, active
    from inventory.model_syncs
    union all
    select
        deployment, organization_id, 'bulk_sync', unnest(runs_after_bulk_sync_ids), id, active
    from inventory.model_syncs
), downstream as (
    select number, deployment, organization_id, kind, id, active
    from affected
    where kind <> 'model'
    union
    select d.number, f.deployment, f.organization_id, 'model_sync', f.id, f.active
    from downstream d
    join follower f
        on f.deployment = d.deployment and f.organization_id = d.organization_id
        and f.kind = d.kind and f.upstream_id = d.id
), later as (
    select number, count(*) as syncs, count(*) filter (where active) as active_syncs
    from (
        select number, deployment, organization_id, kind, id, active
        from downstream
        where kind = 'model_sync'
        except
        select number, deployment, organization_id, kind, id, active
        from affected
    ) d
    group by number
), total as (
    select
        a.number,
        count(distinct a.organization_id) as organizations,
        array_agg(distinct coalesce(o.organization, a.organization_id)) as names,
        count(*) filter (where a.kind = 'bulk_sync') as bulk_syncs,
        count(*) filter (where a.kind = 'bulk_sync' and a.active) as active_bulk_syncs,
        count(*) filter (where a.kind = 'model_sync') as model_syncs,
        count(*) filter (where a.kind = 'model_sync' and a.active) as active_model_syncs,
        count(*) filter (where a.kind = 'model') as models,
        array_agg(distinct a.schedule) filter (where a.active and a.schedule <> '') as schedules,
        min(r.next_execution_at) filter (where a.active) as next_execution_at
    from affected a
    left join ledger.organizations o
        on o.deployment = a.deployment and o.organization_id = a.organization_id
    left join inventory.bulk_syncs_readings r
        on r.deployment = a.deployment and r.organization_id = a.organization_id
        and r.id = a.id and a.kind = 'bulk_sync'
    group by a.number
), unread as materialized (
    -- As in blind_spots, but by organization: of each in which something of these is.
    select
        x.deployment, x.organization_id, r.resource,
        coalesce(o.organization, x.organization_id, '(unknown)') || ': ' || r.resource as said
    from (
        select deployment, organization_id from unhealthy
        union
        select deployment, place_id from copy
    ) x
    cross join unnest('{bulk_syncs,model_syncs,models,shared_connections}'::text[])
        as r (resource)
    left join ledger.current_looks l
        on l.deployment = x.deployment and l.organization_id = x.organization_id
        and l.resource = r.resource
    left join ledger.organization_ids o on o.deployment = x.deployment and o.id = x.organization_id
    where l.organization is null
), gap as materialized (
    -- As in uncertain_connections: once for originals of the organization, once for copies in it.
    select
        deployment, organization_id, is_shared, said,
        resource in ('bulk_syncs', 'shared_connections', 'outside') as hides_bulk_syncs,
        resource in ('models', 'shared_connections', 'outside') as hides_models,
        resource in ('models', 'model_syncs', 'shared_connections', 'outside') as hides_model_syncs
    from (
        select
            n.deployment, coalesce(n.organization_id, '') as organization_id, s.is_shared,
            n.resource, n.said
        from unread n
        cross join unnest('{t,f}'::boolean[]) as s (is_shared)
        left join (
            -- Copies in organizations that were not read: only the parent's own list would tell.
            select o.deployment, count(*) as organizations, min(o.pinned_id) as first_id
            from ledger.coverage o
            left join ledger.current_looks c
                on c.organization = o.organization and c.resource = 'connections'
            where o.is_expected and c.organization is null
            group by o.deployment
        ) e on e.deployment = n.deployment
        where n.resource <> 'shared_connections'
            or not s.is_shared and e.deployment is not null
            and (e.organizations > 1 or e.first_id is distinct from n.organization_id)
        union all
        select
            u.deployment, u.organization_id, s.is_shared, 'outside',
            'organizations outside this login''s grant'
        from (select distinct deployment, organization_id from unhealthy) u
        cross join unnest('{t,f}'::boolean[]) as s (is_shared)
        where (select is_restricted from ledger.viewer)
    ) g
), gaps_alone as (
    select
        deployment, organization_id, is_shared, array_agg(said order by said) as not_looked,
        bool_or(hides_bulk_syncs) as hides_bulk_syncs, bool_or(hides_models) as hides_models,
        bool_or(hides_model_syncs) as hides_model_syncs
    from gap
    group by deployment, organization_id, is_shared
), gaps_with_copies as (
    select
        p.number, array_agg(distinct g.said) as not_looked,
        bool_or(g.hides_bulk_syncs) as hides_bulk_syncs, bool_or(g.hides_models) as hides_models,
        bool_or(g.hides_model_syncs) as hides_model_syncs
    from (
        select number, deployment, coalesce(place_id, '') as place_id, true as is_shared
        from copy
        union
        select u.number, u.deployment, u.organization_id, u.is_shared
        from unhealthy u
        join sharing s using (number)
    ) p
    join gap g
        on g.deployment = p.deployment and g.organization_id = p.place_id
        and g.is_shared = p.is_shared
    group by p.number
)
select
    o.organization, o.organization_name, u.deployment, u.organization_id, u.connection_id,
    u.type_id, u.is_shared, r.root_id, coalesce(c.copies, 0), coalesce(c.organizations, '{}'),
    coalesce(t.organizations, 0), coalesce(t.names, '{}'), coalesce(t.bulk_syncs, 0),
    coalesce(t.active_bulk_syncs, 0), coalesce(t.model_syncs, 0),
    coalesce(t.active_model_syncs, 0), coalesce(t.models, 0), coalesce(l.syncs, 0),
    coalesce(l.active_syncs, 0), coalesce(t.schedules, '{}'), t.next_execution_at,
    coalesce(w.not_looked, a.not_looked), coalesce(w.hides_bulk_syncs, a.hides_bulk_syncs),
    coalesce(w.hides_models, a.hides_models), coalesce(w.hides_model_syncs, a.hides_model_syncs),
    o.is_expected
from unhealthy u
left join copies c using (number)
left join total t using (number)
left join later l using (number)
left join root r using (deployment, organization_id, connection_id)
left join gaps_with_copies w using (number)
left join gaps_alone a
    on c.copies is null and a.deployment = u.deployment
    and a.organization_id = u.organization_id and a.is_shared = u.is_shared
join ledger.coverage o on o.deployment = u.deployment and o.pinned_id = u.organization_id;
end;
comment on function inventory.blast_radius() is
    'reporting.blast_radius without what tells people which connection it is.';

create or replace view reporting.blast_radius as
select
    t.organization,
    t.deployment,
    t.organization_id,
    t.organization_name,
    t.connection_id,
    -- What tells people which connection it is, is looked up last, for the rows that are asked for.
    (
        select c.name
        from inventory.connections c
        where c.deployment = t.deployment and c.organization_id = t.organization_id
            and c.id = t.connection_id
    ) as connection_name,
    t.type_id,
    (
        select c.status
        from inventory.connections c
        where c.deployment = t.deployment and c.organization_id = t.organization_id
            and c.id = t.connection_id
    ) as status,
    (
        select c.status_error
        from inventory.connections c
        where c.deployment = t.deployment and c.organization_id = t.organization_id
            and c.id = t.connection_id
    ) as status_error,
    (
        select coalesce(
            (
                select max(h.valid_to)
                from inventory.history h
                where h.resource = 'connections' and h.deployment = c.deployment
                    and h.organization_id = c.organization_id and h.id = c.id
                    and lower(nullif(h.record ->> 'status', ''))
                        is distinct from lower(nullif(c.status, ''))
            ),
            c.first_seen_at
        )
        from inventory.connections c
        where c.deployment = t.deployment and c.organization_id = t.organization_id
            and c.id = t.connection_id
    ) as status_since,
    t.is_shared,
    t.root_id as root_connection_id,
    t.copies,
    t.copy_organizations,
    case when t.organizations > 0 or t.not_looked is null then t.organizations end
        as affected_organizations,
    t.names as organizations,
    case when t.bulk_syncs > 0 or t.hides_bulk_syncs is not true then t.bulk_syncs end
        as affected_bulk_syncs,
    case when t.active_bulk_syncs > 0 or t.hides_bulk_syncs is not true
        then t.active_bulk_syncs end as affected_active_bulk_syncs,
    case when t.model_syncs > 0 or t.hides_model_syncs is not true then t.model_syncs end
        as affected_model_syncs,
    case when t.active_model_syncs > 0 or t.hides_model_syncs is not true
        then t.active_model_syncs end as affected_active_model_syncs,
    case when t.models > 0 or t.hides_models is not true then t.models end as affected_models,
    case when t.downstream_syncs > 0 or t.not_looked is null then t.downstream_syncs end
        as affected_downstream_syncs,
    case when t.active_downstream_syncs > 0 or t.not_looked is null
        then t.active_downstream_syncs end as affected_active_downstream_syncs,
    t.schedules,
    t.next_execution_at,
    t.not_looked is null as is_certain,
    t.not_looked,
    t.is_expected
from inventory.blast_radius() t;

comment on column reporting.blast_radius.is_expected is
    'Whether fleet_summary counts it: its organization is neither disabled nor gone upstream.';

drop view inventory.blast_radius;

call ledger.secure();
