-- What hangs together: who uses which connection, who shares it, and what breaks with it.
-- Where two columns make one key they are joined as one array: planners take a deployment, which is
-- often the same for all, for a key of its own, and go through everything for each row. Rows of tables
-- are looked up by key in laterals that "offset 0" keeps apart, whatever the statistics say.

create view ledger.organization_ids as
select distinct on (deployment, id) deployment, id, organization
from ledger.organizations
cross join lateral (select coalesce(organization_id, upstream_id) as id) i
where id is not null
order by deployment, id, organization_id is null, organization;
comment on view ledger.organization_ids is
    'Our name for each id that a read has pinned or the partner''s list names.';

create view inventory.copy_links as
select
    deployment, parent_id, organization_id, id,
    array_agg(distinct source order by source) as source
from (
    select
        deployment, parent_connection_id as parent_id, organization_id, id, 'connections' as source
    from inventory.connections
    where parent_connection_id <> id  -- the API's own example is its own parent
    union all
    select
        deployment, parent_connection_id, child_organization_id, id, 'shared_connections'
    from inventory.shared_connections
    where parent_connection_id <> id
) l
group by deployment, parent_id, organization_id, id;
comment on view inventory.copy_links is
    'Every shared copy with its parent, as the copy''s organization or the parent''s lists it.';

create view inventory.connection_places as
with recursive parent as materialized (
    -- One of each: so a copy has as many ways to it as connections above it, whatever lists say.
    select distinct on (deployment, id) deployment, id, parent_id
    from inventory.copy_links
    order by deployment, id, 'connections' = any (source) desc, parent_id
), walk as (
    select deployment, parent_id as ancestor_id, id, array[id] as copies
    from parent
    union all
    select w.deployment, w.ancestor_id, p.id, w.copies || p.id
    from walk w
    join parent p on array[p.deployment, p.parent_id] = array[w.deployment, w.id]
    where p.id <> w.ancestor_id and p.id <> all (w.copies) and cardinality(w.copies) < 16
)
select
    deployment, organization_id, id as connection_id,
    organization_id as place_id, id as place_connection_id, array['connection:' || id] as path
from inventory.connections
union all
select
    c.deployment, c.organization_id, c.id, l.organization_id, l.id,
    ('connection:' || c.id) || array(
        select 'shared_connection:' || x.id
        from unnest(w.copies) with ordinality as x (id, number)
        order by x.number
    )
from walk w
join inventory.connections c on array[c.deployment, c.id] = array[w.deployment, w.ancestor_id]
join (select distinct deployment, organization_id, id from inventory.copy_links) l
    on array[l.deployment, l.id] = array[w.deployment, w.id];
comment on view inventory.connection_places is
    'Where each connection is: itself, and each copy of it or of its copies, up to 16 deep.';

create view inventory.connection_uses as
select *
from (
    select
        s.deployment, s.organization_id, r.connection_id, r.role, 'bulk_sync' as kind, s.id,
        s.name, s.active, s.schedule, null as model_id, array['bulk_sync:' || s.id] as path
    from inventory.bulk_syncs s
    cross join lateral (
        values (s.source_connection_id, 'source'), (s.destination_connection_id, 'destination')
    ) as r (connection_id, role)
    union all
    select
        m.deployment, m.organization_id, r.connection_id, r.role, 'model', m.id,
        m.name, null, null, null, array['model:' || m.id]
    from inventory.models m
    cross join lateral (
        values (m.connection_id, 'source'), (m.enricher_connection_id, 'enricher')
    ) as r (connection_id, role)
    union all
    select
        s.deployment, s.organization_id, r.connection_id, r.role, 'model_sync', s.id,
        s.name, s.active, s.schedule, null, array['model_sync:' || s.id]
    from inventory.model_syncs s
    cross join lateral (
        values (s.target_connection_id, 'target'), (s.schedule_connection_id, 'schedule')
    ) as r (connection_id, role)
    union all
    select
        s.deployment, s.organization_id, r.connection_id, r.role, 'model_sync', s.id,
        s.name, s.active, s.schedule, m.id, array['model:' || m.id, 'model_sync:' || s.id]
    from inventory.model_syncs s
    cross join lateral unnest(s.model_ids) as x (model_id)
    join inventory.models m
        on array[m.deployment, m.organization_id, m.id]
            = array[s.deployment, s.organization_id, x.model_id]
    cross join lateral (
        values (m.connection_id, 'model'), (m.enricher_connection_id, 'enricher')
    ) as r (connection_id, role)
) u
where connection_id <> '';
comment on view inventory.connection_uses is
    'What names a connection of its own organization: bulk syncs, models, and model syncs, these also through their models.';

create view inventory.dependents as
select
    p.deployment,
    p.organization_id,
    p.connection_id,
    u.kind,
    u.organization_id as dependent_organization_id,
    u.id,
    min(u.name) as name,
    bool_or(u.active) as active,
    min(u.schedule) as schedule,
    array_agg(distinct u.role order by u.role) as roles,
    bool_or(cardinality(p.path) > 1) as is_through_copy,
    bool_or(cardinality(p.path) = 1 and u.model_id is null) as is_direct,
    -- Of the shortest way.
    (
        array_agg(
            case when cardinality(p.path) > 1 then p.place_connection_id end
            order by cardinality(p.path || u.path), p.path || u.path
        )
    )[1] as through_connection_id,
    (
        array_agg(
            to_jsonb(p.path || u.path)
            order by cardinality(p.path || u.path), p.path || u.path
        )
    )[1] as path
from inventory.connection_places p
join inventory.connection_uses u
    on array[u.deployment, u.organization_id, u.connection_id]
        = array[p.deployment, p.place_id, p.place_connection_id]
group by p.deployment, p.organization_id, p.connection_id, u.kind, u.organization_id, u.id;
comment on view inventory.dependents is 'What needs each connection, directly or not; one row each.';

create view inventory.blind_spots as
select p.deployment, p.organization_id, p.connection_id, p.place_id, unread.resource
from inventory.connection_places p
join (
    select x.deployment, x.organization_id, r.resource
    from (
        select deployment, organization_id from inventory.connections
        union
        select deployment, organization_id from inventory.copy_links
    ) x
    cross join unnest('{bulk_syncs,model_syncs,models}'::text[]) as r (resource)
    left join lateral (
        select true as is_looked
        from ledger.current_looks n
        where n.deployment = x.deployment and n.organization_id = x.organization_id
            and n.resource = r.resource
        offset 0
    ) l on true
    where l.is_looked is null
    offset 0
) unread
    on array[unread.deployment, unread.organization_id] = array[p.deployment, p.place_id]
union all
-- Copies in organizations that were not read: only the parent's own list would tell.
select c.deployment, c.organization_id, c.id, c.organization_id, 'shared_connections'
from inventory.connections c
join (
    select o.deployment, count(*) as organizations, min(o.pinned_id) as first_id
    from ledger.coverage o
    left join ledger.current_looks l
        on l.organization = o.organization and l.resource = 'connections'
    where o.is_expected and l.organization is null
    group by o.deployment
) unread
    on unread.deployment = c.deployment
    and (unread.organizations > 1 or unread.first_id is distinct from c.organization_id)
left join lateral (
    select true as is_looked
    from ledger.current_looks n
    where n.deployment = c.deployment and n.organization_id = c.organization_id
        and n.resource = 'shared_connections'
    offset 0
) l on true
where l.is_looked is null and c.parent_connection_id is null;
comment on view inventory.blind_spots is
    'What was not read completely, lately or ever, and may use a connection or a copy of it.';

create view inventory.uncertain_connections as
select
    b.deployment,
    b.organization_id,
    b.connection_id,
    array_agg(distinct coalesce(o.organization, b.place_id, '(unknown)') || ': ' || b.resource)
        as not_looked,
    bool_or(b.resource in ('bulk_syncs', 'shared_connections')) as hides_bulk_syncs,
    bool_or(b.resource in ('models', 'shared_connections')) as hides_models,
    bool_or(b.resource in ('models', 'model_syncs', 'shared_connections')) as hides_model_syncs
from inventory.blind_spots b
left join ledger.organization_ids o on o.deployment = b.deployment and o.id = b.place_id
group by b.deployment, b.organization_id, b.connection_id;
comment on view inventory.uncertain_connections is
    'Connections of which we cannot know all that uses them, with what would have to be read.';
create view reporting.shared_connections as
with child as materialized (
    select i.deployment, i.id, o.organization, o.organization_name, o.status
    from ledger.organization_ids i
    join ledger.coverage o using (organization)
), parent as (
    select distinct on (c.deployment, c.id)
        c.deployment, c.id, c.organization_id, c.name, c.status
    from inventory.connections c
    join (select distinct deployment, parent_id from inventory.copy_links) l
        on array[l.deployment, l.parent_id] = array[c.deployment, c.id]
    order by c.deployment, c.id, c.parent_connection_id is not null, c.organization_id
), listed as (
    select distinct on (deployment, parent_connection_id, child_organization_id, id) *
    from inventory.shared_connections
    order by deployment, parent_connection_id, child_organization_id, id, valid_from desc
)
select
    po.organization,
    k.deployment,
    coalesce(p.organization_id, l.organization_id) as organization_id,
    po.organization_name,
    k.id as shared_connection_id,
    coalesce(c.name, l.name) as name,
    coalesce(c.type_id, l.type_id) as type_id,
    coalesce(c.type_name, l.type_name) as type_name,
    k.parent_id as parent_connection_id,
    p.name as parent_name,
    p.status as parent_status,
    lower(nullif(p.status, '')) = 'healthy' as parent_is_healthy,
    co.organization as child_organization,
    k.organization_id as child_organization_id,
    co.organization_name as child_organization_name,
    coalesce(co.status <> 'no_key', false) as child_has_key,
    coalesce(c.status, l.status) as status,
    lower(nullif(coalesce(c.status, l.status), '')) = 'healthy' as is_healthy,
    coalesce(c.status_error, l.status_error) as status_error,
    coalesce(c.saved, l.saved) as saved,
    coalesce(c.created_at, l.created_at) as created_at,
    coalesce(c.updated_at, l.updated_at) as updated_at,
    k.source,
    least(c.first_seen_at, l.first_seen_at) as first_seen_at,
    greatest(c.valid_from, l.valid_from) as last_changed_at,
    greatest(
        case when c.id is not null then coalesce(cw.last_seen_at, cs.last_read_at) end,
        case when l.id is not null then coalesce(lw.last_seen_at, ls.last_read_at) end
    ) as last_seen_at,
    case when c.id is not null then cw.since else lw.since end as withheld_since,
    case when c.id is not null then cw.reason else lw.reason end as withheld_reason
from inventory.copy_links k
left join inventory.connections c
    on c.deployment = k.deployment and c.organization_id = k.organization_id and c.id = k.id
    and c.parent_connection_id = k.parent_id
left join listed l
    on array[l.deployment, l.parent_connection_id, l.id] = array[k.deployment, k.parent_id, k.id]
    and l.child_organization_id is not distinct from k.organization_id
left join parent p on array[p.deployment, p.id] = array[k.deployment, k.parent_id]
left join ledger.organizations po
    on po.deployment = k.deployment
    and po.organization_id = coalesce(p.organization_id, l.organization_id)
left join child co on co.deployment = k.deployment and co.id = k.organization_id
left join ledger.scopes cs on cs.organization = co.organization and cs.resource = 'connections'
left join ledger.organizations lo
    on lo.deployment = l.deployment and lo.organization_id = l.organization_id
left join ledger.scopes ls
    on ls.organization = lo.organization and ls.resource = 'shared_connections'
left join ledger.withheld cw
    on cw.resource = 'connections' and cw.deployment = c.deployment
    and cw.organization_id = c.organization_id and cw.id = c.id
left join ledger.withheld lw
    on lw.resource = 'shared_connections' and lw.deployment = l.deployment
    and lw.organization_id = l.organization_id and lw.id = l.id;

comment on view reporting.shared_connections is
    'One row for each shared copy of a connection that we know of, from the copy''s own organization or from its parent''s; also copies in organizations without a key.';
comment on column reporting.shared_connections.organization is
    'Our name of the parent''s organization; NULL where we do not know the parent.';
comment on column reporting.shared_connections.deployment is 'Host name of the Polytomic server.';
comment on column reporting.shared_connections.organization_id is
    'Polytomic''s id of the parent''s organization; NULL where we do not know the parent.';
comment on column reporting.shared_connections.organization_name is
    'Polytomic''s name of the parent''s organization.';
comment on column reporting.shared_connections.shared_connection_id is 'Polytomic''s id of the copy.';
comment on column reporting.shared_connections.name is 'Name of the copy.';
comment on column reporting.shared_connections.type_id is 'Type, such as postgresql.';
comment on column reporting.shared_connections.type_name is 'Type as shown to people.';
comment on column reporting.shared_connections.parent_connection_id is 'The connection that is shared.';
comment on column reporting.shared_connections.parent_name is 'Its name; NULL where we do not know it.';
comment on column reporting.shared_connections.parent_status is
    'Its health as the server spells it; health is checked on the parent only.';
comment on column reporting.shared_connections.parent_is_healthy is
    'Whether the parent''s status is healthy; NULL where we do not know it.';
comment on column reporting.shared_connections.child_organization is
    'Our name of the organization in which the copy lives; NULL where we do not know it.';
comment on column reporting.shared_connections.child_organization_id is
    'Polytomic''s id of the organization in which the copy lives.';
comment on column reporting.shared_connections.child_organization_name is
    'Polytomic''s name of the organization in which the copy lives.';
comment on column reporting.shared_connections.child_has_key is
    'Whether a key of ours reads that organization; false: the copy is known through its parent, what uses it is not.';
comment on column reporting.shared_connections.status is 'Health of the copy as the server spells it.';
comment on column reporting.shared_connections.is_healthy is
    'Whether the copy''s own status is healthy; NULL where the server gives none.';
comment on column reporting.shared_connections.status_error is 'Why the copy is not healthy, masked.';
comment on column reporting.shared_connections.saved is 'Whether its set-up was finished.';
comment on column reporting.shared_connections.created_at is 'When it was created in Polytomic (UTC).';
comment on column reporting.shared_connections.updated_at is 'When it was last edited in Polytomic (UTC).';
comment on column reporting.shared_connections.source is
    'What says so: connections (the copy''s organization), shared_connections (the parent''s), or both.';
comment on column reporting.shared_connections.first_seen_at is 'When a run first saw it (UTC).';
comment on column reporting.shared_connections.last_changed_at is
    'When a run last saw a tracked field change (UTC).';
comment on column reporting.shared_connections.last_seen_at is
    'When an answer last contained it (UTC); how old this row''s truth is.';
comment on column reporting.shared_connections.withheld_since is
    'Since when answers do not contain it although its removal is not proven; NULL normally.';
comment on column reporting.shared_connections.withheld_reason is 'Why its removal is withheld.';

create view reporting.connection_dependents as
select
    o.organization,
    d.deployment,
    d.organization_id,
    o.organization_name,
    d.connection_id,
    c.name as connection_name,
    d.kind as dependent_kind,
    d.id as dependent_id,
    d.name as dependent_name,
    coalesce(t.organization, d.dependent_organization_id) as dependent_organization,
    d.dependent_organization_id,
    case when d.is_through_copy then d.roles || 'shared_copy'::text else d.roles end as via,
    array(
        select s.step
        from jsonb_array_elements_text(d.path) with ordinality as s (step, number)
        order by s.number
    ) as path,
    d.is_direct,
    d.through_connection_id,
    d.active,
    d.schedule
from inventory.dependents d
cross join lateral (
    select n.name
    from inventory.connections n
    where n.deployment = d.deployment and n.organization_id = d.organization_id
        and n.id = d.connection_id
    offset 0
) c
join ledger.organizations o
    on o.deployment = d.deployment and o.organization_id = d.organization_id
left join ledger.organizations t
    on t.deployment = d.deployment and t.organization_id = d.dependent_organization_id;

comment on view reporting.connection_dependents is
    'One row for each connection and each model, bulk sync or model sync that needs it, directly, through a model, or through a shared copy. Nothing here may also mean that nobody looked: unused_connections says which.';
comment on column reporting.connection_dependents.organization is 'Our name of the organization.';
comment on column reporting.connection_dependents.deployment is 'Host name of the Polytomic server.';
comment on column reporting.connection_dependents.organization_id is 'Polytomic''s id of the organization.';
comment on column reporting.connection_dependents.organization_name is
    'Polytomic''s name of the organization.';
comment on column reporting.connection_dependents.connection_id is 'Polytomic''s id of the connection.';
comment on column reporting.connection_dependents.connection_name is 'Name of the connection.';
comment on column reporting.connection_dependents.dependent_kind is 'bulk_sync, model_sync or model.';
comment on column reporting.connection_dependents.dependent_id is
    'Polytomic''s id of what needs the connection.';
comment on column reporting.connection_dependents.dependent_name is 'Its name.';
comment on column reporting.connection_dependents.dependent_organization is
    'Organization in which it is: another one where it uses a shared copy.';
comment on column reporting.connection_dependents.dependent_organization_id is
    'Polytomic''s id of that organization.';
comment on column reporting.connection_dependents.via is
    'What the connection is to it: source, destination, target, schedule, enricher, or model (the source of its model); with shared_copy where it uses a copy.';
comment on column reporting.connection_dependents.path is
    'A shortest way from the connection to it, each step as kind:id.';
comment on column reporting.connection_dependents.is_direct is
    'Whether it names this connection itself, not through a model or a copy.';
comment on column reporting.connection_dependents.through_connection_id is
    'The shared copy that it uses on this way; NULL where it uses none.';
comment on column reporting.connection_dependents.active is
    'Whether the sync is switched on; NULL for a model.';
comment on column reporting.connection_dependents.schedule is
    'How often the sync runs, such as hourly; NULL for a model.';

create view reporting.blast_radius as
with recursive unhealthy as materialized (
    select deployment, organization_id, id as connection_id
    from inventory.connections
    where lower(status) <> 'healthy' and status <> ''
), place as materialized (
    select p.*
    from inventory.connection_places p
    join unhealthy u
        on array[u.deployment, u.organization_id, u.connection_id]
            = array[p.deployment, p.organization_id, p.connection_id]
), above as materialized (
    -- What is unhealthy above a copy; in a circle, where each is above each, by id.
    select distinct
        p.deployment, p.place_id as organization_id, p.place_connection_id as connection_id,
        p.connection_id as above_id
    from place p
    left join place back
        on array[back.deployment, back.connection_id, back.place_connection_id]
            = array[p.deployment, p.place_connection_id, p.connection_id]
    where cardinality(p.path) > 1
        and (back.connection_id is null or p.connection_id < p.place_connection_id)
), root as (
    select a.deployment, a.organization_id, a.connection_id, min(a.above_id) as root_id
    from above a
    left join above higher
        on array[higher.deployment, higher.connection_id] = array[a.deployment, a.above_id]
    where higher.connection_id is null
    group by a.deployment, a.organization_id, a.connection_id
), copies as (
    select
        p.deployment, p.organization_id, p.connection_id,
        count(*) - 1 as copies,
        array_agg(distinct coalesce(o.organization, p.place_id, '(unknown)'))
            filter (where cardinality(p.path) > 1) as copy_organizations
    from place p
    left join ledger.organization_ids o on o.deployment = p.deployment and o.id = p.place_id
    group by p.deployment, p.organization_id, p.connection_id
), affected as materialized (
    select d.*
    from inventory.dependents d
    join unhealthy u
        on array[u.deployment, u.organization_id, u.connection_id]
            = array[d.deployment, d.organization_id, d.connection_id]
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
)
select
    c.organization,
    c.deployment,
    c.organization_id,
    c.organization_name,
    c.connection_id,
    c.name as connection_name,
    c.type_id,
    c.status,
    c.status_error,
    c.status_since,
    c.is_shared,
    t.root_id as root_connection_id,
    t.copies,
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
from (
    -- Full joins are never loops over loops; what is not unhealthy has no copies here.
    select *
    from copies
    full join total using (deployment, organization_id, connection_id)
    full join later using (deployment, organization_id, connection_id)
    full join root using (deployment, organization_id, connection_id)
    full join inventory.uncertain_connections using (deployment, organization_id, connection_id)
    offset 0
) t
cross join lateral (
    select *
    from reporting.connections n
    where n.deployment = t.deployment and n.organization_id = t.organization_id
        and n.connection_id = t.connection_id
    offset 0
) c
where t.copies is not null;

comment on view reporting.blast_radius is
    'One row for each connection that is not healthy, with all that needs it, directly or through its shared copies, whatever these say of their own health. A copy of an unhealthy connection names it in root_connection_id: add up only rows where that is NULL.';
comment on column reporting.blast_radius.organization is 'Our name of the organization.';
comment on column reporting.blast_radius.deployment is 'Host name of the Polytomic server.';
comment on column reporting.blast_radius.organization_id is 'Polytomic''s id of the organization.';
comment on column reporting.blast_radius.organization_name is 'Polytomic''s name of the organization.';
comment on column reporting.blast_radius.connection_id is 'Polytomic''s id of the connection.';
comment on column reporting.blast_radius.connection_name is 'Name of the connection.';
comment on column reporting.blast_radius.type_id is 'Type, such as postgresql.';
comment on column reporting.blast_radius.status is 'Health as the server spells it.';
comment on column reporting.blast_radius.status_error is 'Why it is not healthy, masked.';
comment on column reporting.blast_radius.status_since is 'Since when runs see it with this status (UTC).';
comment on column reporting.blast_radius.is_shared is
    'Whether it is a shared copy of another organization''s connection.';
comment on column reporting.blast_radius.root_connection_id is
    'For a shared copy: the unhealthy connection at the root of it, whose row counts all of this; else NULL.';
comment on column reporting.blast_radius.copies is 'Shared copies of it that we know of.';
comment on column reporting.blast_radius.copy_organizations is 'Organizations in which they are.';
comment on column reporting.blast_radius.affected_organizations is
    'Organizations in which something needs it. NULL: we know of none, but did not look everywhere.';
comment on column reporting.blast_radius.organizations is 'These organizations.';
comment on column reporting.blast_radius.affected_bulk_syncs is
    'Bulk syncs that need it. NULL: we know of none, but did not look everywhere.';
comment on column reporting.blast_radius.affected_active_bulk_syncs is
    'Those that are switched on. NULL: we know of none, but did not look everywhere.';
comment on column reporting.blast_radius.affected_model_syncs is
    'Model syncs that need it, also through their models. NULL: we know of none, but did not look everywhere.';
comment on column reporting.blast_radius.affected_active_model_syncs is
    'Those that are switched on. NULL: we know of none, but did not look everywhere.';
comment on column reporting.blast_radius.affected_models is
    'Models that need it. NULL: we know of none, but did not look everywhere.';
comment on column reporting.blast_radius.affected_downstream_syncs is
    'Model syncs that do not need it but run after one that does, at any distance. NULL: we know of none, but did not look everywhere.';
comment on column reporting.blast_radius.affected_active_downstream_syncs is
    'Those that are switched on. NULL: we know of none, but did not look everywhere.';
comment on column reporting.blast_radius.schedules is
    'How often the affected syncs run that are switched on.';
comment on column reporting.blast_radius.next_execution_at is
    'The earliest next run of an affected bulk sync that is switched on, as last read (UTC).';
comment on column reporting.blast_radius.is_certain is
    'Whether all that may use it was read completely in the last 26 hours: nothing in not_looked.';
comment on column reporting.blast_radius.not_looked is
    'What would have to be read to be certain, as organization: resource; shared_connections where it may have copies in organizations that were not read. NULL: nothing.';

create view reporting.unused_connections as
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
    c.withheld_since
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

comment on view reporting.unused_connections is
    'One row for each connection that no model, bulk sync or model sync needs, neither itself nor a shared copy of it; only of organizations whose models and syncs were read completely at least once.';
comment on column reporting.unused_connections.organization is 'Our name of the organization.';
comment on column reporting.unused_connections.deployment is 'Host name of the Polytomic server.';
comment on column reporting.unused_connections.organization_id is 'Polytomic''s id of the organization.';
comment on column reporting.unused_connections.organization_name is 'Polytomic''s name of the organization.';
comment on column reporting.unused_connections.connection_id is 'Polytomic''s id of the connection.';
comment on column reporting.unused_connections.connection_name is 'Name of the connection.';
comment on column reporting.unused_connections.type_id is 'Type, such as postgresql.';
comment on column reporting.unused_connections.type_name is 'Type as shown to people.';
comment on column reporting.unused_connections.status is 'Health as the server spells it.';
comment on column reporting.unused_connections.is_healthy is
    'Whether status is healthy; NULL where the server gives no status.';
comment on column reporting.unused_connections.is_shared is
    'Whether it is a shared copy of another organization''s connection.';
comment on column reporting.unused_connections.copies is 'Shared copies of it that we know of.';
comment on column reporting.unused_connections.api_calls_last_24_hours is
    'API calls through it in the 24 hours before the last reading: what uses it may be no sync.';
comment on column reporting.unused_connections.created_at is 'When it was created in Polytomic (UTC).';
comment on column reporting.unused_connections.updated_at is 'When it was last edited in Polytomic (UTC).';
comment on column reporting.unused_connections.is_certain is
    'Whether all that may use it was read completely in the last 26 hours, nothing in not_looked, and it reported no API calls: what calls it may be nothing that we know.';
comment on column reporting.unused_connections.not_looked is
    'What would have to be read to be certain, as organization: resource; shared_connections where it may have copies in organizations that were not read. NULL: nothing.';
comment on column reporting.unused_connections.first_seen_at is 'When a run first saw it (UTC).';
comment on column reporting.unused_connections.last_seen_at is
    'When an answer last contained it (UTC); how old this row''s truth is.';
comment on column reporting.unused_connections.withheld_since is
    'Since when answers do not contain it although its removal is not proven; NULL normally.';

create view reporting.orphan_syncs as
with missing as (
    select
        u.deployment, u.organization_id, u.kind, u.id, u.name, u.active, u.schedule, u.role,
        'connection' as missing_kind, 'connections' as resource, u.connection_id as missing_id,
        u.model_id
    from inventory.connection_uses u
    left join inventory.connections c
        on array[c.deployment, c.organization_id, c.id]
            = array[u.deployment, u.organization_id, u.connection_id]
    where u.kind <> 'model' and c.id is null
    union all
    select
        s.deployment, s.organization_id, 'model_sync', s.id, s.name, s.active, s.schedule, 'model',
        'model', 'models', x.model_id, x.model_id
    from inventory.model_syncs s
    cross join lateral (select distinct unnest(s.model_ids) as model_id) x
    left join inventory.models m
        on array[m.deployment, m.organization_id, m.id]
            = array[s.deployment, s.organization_id, x.model_id]
    where m.id is null and x.model_id <> ''
)
select
    o.organization,
    m.deployment,
    m.organization_id,
    o.organization_name,
    m.kind as sync_kind,
    m.id as sync_id,
    m.name as sync_name,
    m.active,
    m.schedule,
    m.missing_kind,
    m.missing_id,
    h.name as missing_name,
    m.role as via,
    m.model_id,
    case
        when h.removed_at is not null then 'removed'
        when l.organization is not null then 'never_seen'
        else 'not_looked'
    end as reason,
    h.removed_at
from missing m
join ledger.organizations o
    on o.deployment = m.deployment and o.organization_id = m.organization_id
left join ledger.current_looks l on l.organization = o.organization and l.resource = m.resource
left join lateral (
    select v.valid_from as removed_at, v.record ->> 'name' as name
    from inventory.history v
    where v.resource = m.resource and v.deployment = m.deployment
        and v.organization_id = m.organization_id and v.id = m.missing_id and v.change = 'removed'
    order by v.valid_from desc
    limit 1
) h on true;

comment on view reporting.orphan_syncs is
    'One row for each bulk sync or model sync and each connection or model it needs that is not there, with what we know of it.';
comment on column reporting.orphan_syncs.organization is 'Our name of the organization.';
comment on column reporting.orphan_syncs.deployment is 'Host name of the Polytomic server.';
comment on column reporting.orphan_syncs.organization_id is 'Polytomic''s id of the organization.';
comment on column reporting.orphan_syncs.organization_name is 'Polytomic''s name of the organization.';
comment on column reporting.orphan_syncs.sync_kind is 'bulk_sync or model_sync.';
comment on column reporting.orphan_syncs.sync_id is 'Polytomic''s id of the sync.';
comment on column reporting.orphan_syncs.sync_name is 'Its name.';
comment on column reporting.orphan_syncs.active is 'Whether it is switched on.';
comment on column reporting.orphan_syncs.schedule is 'How often it runs, such as hourly.';
comment on column reporting.orphan_syncs.missing_kind is 'What is not there: connection or model.';
comment on column reporting.orphan_syncs.missing_id is 'Its id.';
comment on column reporting.orphan_syncs.missing_name is 'Its last name, where it was once seen.';
comment on column reporting.orphan_syncs.via is
    'What it is to the sync: source, destination, target, schedule, enricher, or model (a model, or its source).';
comment on column reporting.orphan_syncs.model_id is
    'The model that needs it, or that is missing; NULL where the sync itself names a connection.';
comment on column reporting.orphan_syncs.reason is
    'removed: it was there; never_seen: no run ever saw it; not_looked: nor did one read all of them in the last 26 hours, so it may well be there.';
comment on column reporting.orphan_syncs.removed_at is 'When a run saw it removed (UTC).';

create view reporting.same_endpoint as
with known as (
    select
        c.deployment,
        lower(c.endpoint) as endpoint,
        regexp_replace(lower(c.type_id), '[^a-z0-9]', '', 'g') as family,
        c.type_id,
        c.organization_id,
        coalesce(k.root_id, c.id) as root_id,
        c.parent_connection_id is null as is_root
    from inventory.connections c
    left join inventory.copies k
        on array[k.deployment, k.organization_id, k.id]
            = array[c.deployment, c.organization_id, c.id]
    where c.endpoint <> ''
        and lower(c.endpoint) !~ '^(localhost|.*\.localhost|127\.[0-9.]+|0\.0\.0\.0|\[?::1?\]?)$'
), root as (
    select c.deployment, c.id, min(c.organization_id) as organization_id
    from inventory.connections c
    join (select distinct deployment, root_id from known where not is_root) k
        on array[k.deployment, k.root_id] = array[c.deployment, c.id]
    group by c.deployment, c.id
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

comment on view reporting.same_endpoint is
    'One row for each host, account or bucket that connections of two or more organizations point to, each with a connection of its own: copies of one shared connection alone are none. Not where it is this machine, such as localhost.';
comment on column reporting.same_endpoint.deployment is 'Host name of the Polytomic server.';
comment on column reporting.same_endpoint.endpoint is
    'Host, account or bucket, in lower case, best effort from configurations.';
comment on column reporting.same_endpoint.type_ids is
    'Types of these connections; only types that differ in spelling alone, such as sage_intacct and sageintacct, count as one.';
comment on column reporting.same_endpoint.organizations is
    'Organizations that have such a connection, shared copies included.';
comment on column reporting.same_endpoint.connections is
    'Their connections that point there, shared copies included.';
comment on column reporting.same_endpoint.distinct_connections is
    'The same without counting shared copies twice.';

create view reporting.api_usage_by_sync as
select
    o.organization,
    u.deployment,
    u.organization_id,
    o.organization_name,
    u.connection_id,
    c.name as connection_name,
    c.type_id,
    u.sync_id,
    coalesce(nullif(u.sync_name, ''), b.name, m.name) as sync_name,
    u.sync_type,
    x.key as category,
    x.label as category_label,
    coalesce(x.calls, r.calls) as calls,
    case when u.sync_id is not null then r.calls end as sync_calls,
    t.calls as connection_calls,
    r.last_run_at,
    r.read_at,
    coalesce(w.last_seen_at, s.last_read_at) as last_seen_at
from inventory.connection_usage u
join ledger.organizations o
    on o.deployment = u.deployment and o.organization_id = u.organization_id
left join ledger.scopes s on s.organization = o.organization and s.resource = 'connection_usage'
left join inventory.connection_usage_readings r
    on array[r.deployment, r.organization_id, r.id] = array[u.deployment, u.organization_id, u.id]
left join inventory.connection_usage_readings t
    on array[t.deployment, t.organization_id, t.id]
        = array[u.deployment, u.organization_id, u.connection_id]
left join lateral jsonb_to_recordset(r.categories) as x (key text, label text, calls bigint) on true
left join inventory.connections c
    on array[c.deployment, c.organization_id, c.id]
        = array[u.deployment, u.organization_id, u.connection_id]
left join inventory.bulk_syncs b
    on array[b.deployment, b.organization_id, b.id]
        = array[u.deployment, u.organization_id, u.sync_id]
left join inventory.model_syncs m
    on array[m.deployment, m.organization_id, m.id]
        = array[u.deployment, u.organization_id, u.sync_id]
left join ledger.withheld w
    on w.resource = 'connection_usage' and w.deployment = u.deployment
    and w.organization_id = u.organization_id and w.id = u.id
left join (
    select distinct deployment, organization_id, connection_id
    from inventory.connection_usage
    where sync_id is not null
) by_sync
    on array[by_sync.deployment, by_sync.organization_id, by_sync.connection_id]
        = array[u.deployment, u.organization_id, u.connection_id]
where u.sync_id is not null or by_sync.connection_id is null;

comment on view reporting.api_usage_by_sync is
    'One row for each connection, sync and category of API calls in the 24 hours before the reading; one row without a sync for a connection of which only the total is known.';
comment on column reporting.api_usage_by_sync.organization is 'Our name of the organization.';
comment on column reporting.api_usage_by_sync.deployment is 'Host name of the Polytomic server.';
comment on column reporting.api_usage_by_sync.organization_id is 'Polytomic''s id of the organization.';
comment on column reporting.api_usage_by_sync.organization_name is 'Polytomic''s name of the organization.';
comment on column reporting.api_usage_by_sync.connection_id is 'Polytomic''s id of the connection.';
comment on column reporting.api_usage_by_sync.connection_name is
    'Name of the connection now; NULL when removed.';
comment on column reporting.api_usage_by_sync.type_id is 'Type, such as salesforce.';
comment on column reporting.api_usage_by_sync.sync_id is
    'The sync that spent the calls; NULL: only the connection''s total is known.';
comment on column reporting.api_usage_by_sync.sync_name is 'Name of the sync.';
comment on column reporting.api_usage_by_sync.sync_type is 'model or bulk.';
comment on column reporting.api_usage_by_sync.category is
    'Kind of calls, as the service calls it, such as rest or bulk; NULL: not told.';
comment on column reporting.api_usage_by_sync.category_label is 'The category as shown to people.';
comment on column reporting.api_usage_by_sync.calls is
    'Calls in this category, or all where categories are not told: these can be added up.';
comment on column reporting.api_usage_by_sync.sync_calls is 'All calls of the sync.';
comment on column reporting.api_usage_by_sync.connection_calls is
    'All calls of the connection; NULL: not told.';
comment on column reporting.api_usage_by_sync.last_run_at is 'When the sync last began to run (UTC).';
comment on column reporting.api_usage_by_sync.read_at is
    'When a run first read these numbers (UTC); last_seen_at says how current they are.';
comment on column reporting.api_usage_by_sync.last_seen_at is
    'When an answer last contained it (UTC); how old this row''s truth is.';
