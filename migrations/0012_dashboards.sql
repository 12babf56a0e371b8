-- What dashboards ask first, fast: counts that are kept in the transaction of the rows they count, and
-- views on them. A statement that writes rows adds to their counts once, so an unchanged fleet costs
-- nothing, and no count is ever older than what it counts.

-- Connections of each organization by type.
create table inventory.connection_counts (
    deployment text not null,
    organization_id text not null,
    type_id text,
    type_name text,
    connections integer not null,
    healthy integer not null,
    with_status integer not null,
    shared integer not null,
    unique nulls not distinct (deployment, organization_id, type_id, type_name)
);
comment on table inventory.connection_counts is
    'Rows of inventory.connections by organization and type: all, and those that are healthy, have a status, or are copies.';

create function inventory.keep_connection_counts() returns trigger
language plpgsql
set search_path = ''
as $$
declare
    changes inventory.connection_counts[];
begin
    if tg_op = 'INSERT' then
        select array_agg(row (d.*)::inventory.connection_counts) into changes
        from (
            select
                deployment, organization_id, type_id, type_name, count(*),
                count(*) filter (where lower(status) = 'healthy'), count(nullif(status, '')),
                count(parent_connection_id)
            from new_rows
            group by deployment, organization_id, type_id, type_name
        ) d;
    elsif tg_op = 'DELETE' then
        select array_agg(row (d.*)::inventory.connection_counts) into changes
        from (
            select
                deployment, organization_id, type_id, type_name, -count(*),
                -count(*) filter (where lower(status) = 'healthy'), -count(nullif(status, '')),
                -count(parent_connection_id)
            from old_rows
            group by deployment, organization_id, type_id, type_name
        ) d;
    else
        select array_agg(row (d.*)::inventory.connection_counts) into changes
        from (
            select
                deployment, organization_id, type_id, type_name, sum(sign) as connections,
                sum(sign) filter (where lower(status) = 'healthy') as healthy,
                sum(sign) filter (where status <> '') as with_status,
                sum(sign) filter (where parent_connection_id is not null) as shared
            from (
                select
                    deployment, organization_id, type_id, type_name, status,
                    parent_connection_id, 1 as sign
                from new_rows
                union all
                select
                    deployment, organization_id, type_id, type_name, status,
                    parent_connection_id, -1
                from old_rows
            ) v
            group by deployment, organization_id, type_id, type_name
        ) d;
    end if;
    insert into inventory.connection_counts as c
    select
        d.deployment, d.organization_id, d.type_id, d.type_name, d.connections,
        coalesce(d.healthy, 0), coalesce(d.with_status, 0), coalesce(d.shared, 0)
    from unnest(changes) d
    where d.connections <> 0 or d.healthy <> 0 or d.with_status <> 0 or d.shared <> 0
    order by d.deployment, d.organization_id, d.type_id, d.type_name
    on conflict (deployment, organization_id, type_id, type_name) do update
    set connections = c.connections + excluded.connections,
        healthy = c.healthy + excluded.healthy,
        with_status = c.with_status + excluded.with_status,
        shared = c.shared + excluded.shared;
    delete from inventory.connection_counts c
    using unnest(changes) d
    where d.connections < 0 and c.deployment = d.deployment
        and c.organization_id = d.organization_id and c.connections = 0;
    return null;
end
$$;

create trigger keep_connection_counts_insert after insert on inventory.connections
    referencing new table as new_rows for each statement
    execute function inventory.keep_connection_counts();
create trigger keep_connection_counts_update after update on inventory.connections
    referencing old table as old_rows new table as new_rows for each statement
    execute function inventory.keep_connection_counts();
create trigger keep_connection_counts_delete after delete on inventory.connections
    referencing old table as old_rows for each statement
    execute function inventory.keep_connection_counts();

-- What is not healthy, since when.
create table inventory.unhealthy_connections (
    deployment text not null,
    organization_id text not null,
    id text not null,
    type_id text,
    since timestamptz not null,
    is_since_exact boolean not null,
    primary key (deployment, organization_id, id)
);
comment on table inventory.unhealthy_connections is
    'Connections with a status that is not healthy; since when, and whether a run saw them turn.';
create index unhealthy_connections_since on inventory.unhealthy_connections (since);

create view inventory.unhealthy_since as
select
    c.deployment, c.organization_id, c.id, c.type_id,
    coalesce(h.since, c.first_seen_at) as since,
    h.since is not null and not h.is_removal as is_since_exact
from inventory.connections c
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
comment on view inventory.unhealthy_since is
    'inventory.unhealthy_connections as the history tells it: for connections that come back, and to count anew.';

create function inventory.keep_unhealthy_connections() returns trigger
language plpgsql
set search_path = ''
as $$
begin
    if tg_op = 'INSERT' then
        insert into inventory.unhealthy_connections
        select
            n.deployment, n.organization_id, n.id, n.type_id, coalesce(s.since, n.first_seen_at),
            coalesce(s.is_since_exact, false)
        from new_rows n
        left join lateral (
            select v.since, v.is_since_exact
            from inventory.unhealthy_since v
            where n.change <> 'created' and v.deployment = n.deployment
                and v.organization_id = n.organization_id and v.id = n.id
            offset 0
        ) s on true
        where lower(nullif(n.status, '')) <> 'healthy'
        order by n.deployment, n.organization_id, n.id;
    elsif tg_op = 'DELETE' then
        delete from inventory.unhealthy_connections u
        using old_rows o
        where u.deployment = o.deployment and u.organization_id = o.organization_id
            and u.id = o.id and lower(nullif(o.status, '')) <> 'healthy';
    else
        delete from inventory.unhealthy_connections u
        using new_rows n
        where u.deployment = n.deployment and u.organization_id = n.organization_id
            and u.id = n.id and coalesce(lower(nullif(n.status, '')), 'healthy') = 'healthy';
        insert into inventory.unhealthy_connections
        select n.deployment, n.organization_id, n.id, n.type_id, n.valid_from, true
        from new_rows n
        join old_rows o using (deployment, organization_id, id)
        where lower(nullif(n.status, '')) <> 'healthy'
            and coalesce(lower(nullif(o.status, '')), 'healthy') = 'healthy'
        order by n.deployment, n.organization_id, n.id;
        update inventory.unhealthy_connections u
        set type_id = n.type_id
        from new_rows n
        where u.deployment = n.deployment and u.organization_id = n.organization_id
            and u.id = n.id and u.type_id is distinct from n.type_id;
    end if;
    return null;
end
$$;

create trigger keep_unhealthy_connections_insert after insert on inventory.connections
    referencing new table as new_rows for each statement
    execute function inventory.keep_unhealthy_connections();
create trigger keep_unhealthy_connections_update after update on inventory.connections
    referencing old table as old_rows new table as new_rows for each statement
    execute function inventory.keep_unhealthy_connections();
create trigger keep_unhealthy_connections_delete after delete on inventory.connections
    referencing old table as old_rows for each statement
    execute function inventory.keep_unhealthy_connections();

-- Versions by the day on which they came about.
create table inventory.first_reads (
    resource text not null,
    deployment text not null,
    organization_id text not null,
    read_at timestamptz not null,
    primary key (resource, deployment, organization_id)
);
comment on table inventory.first_reads is
    'When each resource of each organization was read for the first time; what was created then may be of any age.';

create table inventory.change_days (
    deployment text not null,
    organization_id text not null,
    resource text not null,
    day date not null,
    change text not null,
    is_first_load boolean not null,
    changes integer not null,
    primary key (deployment, organization_id, resource, day, change, is_first_load)
);
comment on table inventory.change_days is
    'Versions of every resource but people by UTC day. A version is counted when it is written; it keeps its count when it moves to the history, and loses it when it is deleted from there.';
create index change_days_day on inventory.change_days using brin (day)
    with (pages_per_range = 16, autosummarize = true);

create function inventory.keep_change_days() returns trigger
language plpgsql
set search_path = ''
as $$
begin
    if tg_op = 'INSERT' then
        insert into inventory.first_reads
        select tg_table_name, deployment, organization_id, min(valid_from)
        from new_rows
        group by deployment, organization_id
        order by deployment, organization_id
        on conflict do nothing;
        insert into inventory.change_days as c
        select
            n.deployment, n.organization_id, tg_table_name,
            (n.valid_from at time zone 'UTC')::date, n.change,
            n.change = 'created' and n.valid_from <= f.read_at, count(*)
        from new_rows n
        join inventory.first_reads f
            on f.resource = tg_table_name and f.deployment = n.deployment
            and f.organization_id = n.organization_id
        group by 1, 2, 3, 4, 5, 6
        order by 1, 2, 3, 4, 5, 6
        on conflict (deployment, organization_id, resource, day, change, is_first_load) do update
        set changes = c.changes + excluded.changes;
    else
        insert into inventory.change_days as c
        select
            n.deployment, n.organization_id, tg_table_name,
            (n.valid_from at time zone 'UTC')::date, n.change, false, count(*)
        from new_rows n
        join old_rows o using (deployment, organization_id, id)
        where n.valid_from <> o.valid_from
        group by 1, 2, 3, 4, 5
        order by 1, 2, 3, 4, 5
        on conflict (deployment, organization_id, resource, day, change, is_first_load) do update
        set changes = c.changes + excluded.changes;
    end if;
    return null;
end
$$;

create function inventory.keep_change_days_of_history() returns trigger
language plpgsql
set search_path = ''
as $$
begin
    if tg_op = 'INSERT' then
        insert into inventory.change_days as c
        select
            n.deployment, n.organization_id, n.resource,
            (n.valid_from at time zone 'UTC')::date, n.change, false, count(*)
        from new_rows n
        where n.change = 'removed' and n.resource <> 'users'
        group by 1, 2, 3, 4, 5
        order by 1, 2, 3, 4, 5
        on conflict (deployment, organization_id, resource, day, change, is_first_load) do update
        set changes = c.changes + excluded.changes;
    else
        with gone as (
            select
                o.deployment, o.organization_id, o.resource,
                (o.valid_from at time zone 'UTC')::date as day, o.change,
                o.change = 'created' and coalesce(o.valid_from <= f.read_at, false)
                    as is_first_load,
                count(*) as changes
            from old_rows o
            left join inventory.first_reads f using (resource, deployment, organization_id)
            group by 1, 2, 3, 4, 5, 6
        ), emptied as (
            delete from inventory.change_days c
            using gone g
            where c.deployment = g.deployment and c.organization_id = g.organization_id
                and c.resource = g.resource and c.day = g.day and c.change = g.change
                and c.is_first_load = g.is_first_load and c.changes <= g.changes
        )
        update inventory.change_days c
        set changes = c.changes - g.changes
        from gone g
        where c.deployment = g.deployment and c.organization_id = g.organization_id
            and c.resource = g.resource and c.day = g.day and c.change = g.change
            and c.is_first_load = g.is_first_load and c.changes > g.changes;
    end if;
    return null;
end
$$;

create trigger keep_change_days_insert after insert on inventory.history
    referencing new table as new_rows for each statement
    execute function inventory.keep_change_days_of_history();
create trigger keep_change_days_delete after delete on inventory.history
    referencing old table as old_rows for each statement
    execute function inventory.keep_change_days_of_history();
do $$
declare
    resource text;
begin
    foreach resource in array array[
        'connections', 'organizations', 'connection_types', 'bulk_syncs', 'model_syncs', 'models',
        'policies', 'roles', 'connection_usage', 'connection_schemas', 'connection_sources',
        'connection_proxy', 'shared_connections'
    ]
    loop
        execute format(
            'create trigger keep_change_days_insert after insert on inventory.%I'
            ' referencing new table as new_rows for each statement'
            ' execute function inventory.keep_change_days()',
            resource
        );
        execute format(
            'create trigger keep_change_days_update after update on inventory.%I'
            ' referencing old table as old_rows new table as new_rows for each statement'
            ' execute function inventory.keep_change_days()',
            resource
        );
        -- Versions are looked for by when they came about; first loads share moments, so it is small.
        execute format(
            'create index %I on inventory.%I (valid_from)', resource || '_valid_from', resource
        );
    end loop;
end
$$;
create index history_valid_from on inventory.history (valid_from);
create index history_id on inventory.history (id);

-- API calls of an organization on each day on which its connections were read. The row is written
-- once a day anyway; readings that come later on that day change it.
alter table ledger.scope_days
    add column api_calls bigint,
    add column connections integer;
comment on column ledger.scope_days.api_calls is
    'Sum of the day''s last readings of API calls; NULL for other resources, and where nothing reported.';
comment on column ledger.scope_days.connections is 'How many connections reported; NULL: none.';
create index scope_days_usage on ledger.scope_days (day) where connections is not null;

create function inventory.keep_usage_of_scope_days() returns trigger
language plpgsql
set search_path = ''
as $$
begin
    -- A series that ends on a day counts on that day, if it was read before, with its highest reading.
    if tg_op = 'INSERT' then
        update ledger.scope_days d
        set api_calls = coalesce(d.api_calls, 0) + x.api_calls,
            connections = coalesce(d.connections, 0) + x.connections
        from (
            select
                g.organization, n.day,
                sum(
                    case when n.max_value is not null
                        then coalesce(n.last_value, n.max_value) else 0 end
                    - coalesce(p.last_value, 0)
                ) as api_calls,
                sum((n.max_value is not null)::integer - (p.last_value is not null)::integer)
                    as connections
            from new_rows n
            join ledger.organizations g
                on g.deployment = n.deployment and g.organization_id = n.organization_id
            join ledger.scope_days looked
                on looked.organization = g.organization and looked.resource = 'connections'
                and looked.day = n.day
            left join lateral (
                select v.last_value
                from inventory.api_usage_days v
                where v.deployment = n.deployment and v.organization_id = n.organization_id
                    and v.id = n.id and v.day < n.day
                order by v.day desc
                limit 1
            ) p on true
            group by g.organization, n.day
        ) x
        where d.organization = x.organization and d.resource = 'connections' and d.day = x.day;
    else
        update ledger.scope_days d
        set api_calls = coalesce(d.api_calls, 0) + x.api_calls,
            connections = coalesce(d.connections, 0) + x.connections
        from (
            select
                g.organization, n.day,
                sum(
                    coalesce(n.last_value, n.max_value, 0) - coalesce(o.last_value, o.max_value, 0)
                ) as api_calls,
                sum((n.max_value is not null)::integer - (o.max_value is not null)::integer)
                    as connections
            from new_rows n
            join old_rows o using (deployment, organization_id, id, day)
            join ledger.organizations g
                on g.deployment = n.deployment and g.organization_id = n.organization_id
            group by g.organization, n.day
        ) x
        where d.organization = x.organization and d.resource = 'connections' and d.day = x.day
            and (x.api_calls, x.connections) <> (0, 0);
    end if;
    return null;
end
$$;

create trigger keep_usage_of_scope_days_insert after insert on inventory.api_usage_days
    referencing new table as new_rows for each statement
    execute function inventory.keep_usage_of_scope_days();
create trigger keep_usage_of_scope_days_update after update on inventory.api_usage_days
    referencing old table as old_rows new table as new_rows for each statement
    execute function inventory.keep_usage_of_scope_days();

-- Endpoints of more than one organization are found in an index; of this column it is small.
alter table inventory.connections add column endpoint_key integer generated always as (
    case when endpoint <> '' then
        ('x' || left(md5(deployment || ' ' || lower(endpoint)), 8))::bit(32)::integer
    end
) stored;
comment on column inventory.connections.endpoint_key is
    'Part of a digest of deployment and endpoint: equal endpoints have equal keys; NULL: no endpoint.';
create index connections_endpoint
    on inventory.connections (endpoint_key, organization_id, parent_connection_id)
    where endpoint_key is not null;

-- One table each and no condition: so planners read them by time, and no more than is asked for.
create view inventory.current_versions as
select
    'connections' as resource, deployment, organization_id, id, valid_from, change, changed_fields,
    first_seen_at, to_jsonb(c) as record
from inventory.connections c
union all
select
    'organizations' as resource, deployment, organization_id, id, valid_from, change, changed_fields,
    first_seen_at, to_jsonb(c) as record
from inventory.organizations c
union all
select
    'connection_types' as resource, deployment, organization_id, id, valid_from, change, changed_fields,
    first_seen_at, to_jsonb(c) as record
from inventory.connection_types c
union all
select
    'bulk_syncs' as resource, deployment, organization_id, id, valid_from, change, changed_fields,
    first_seen_at, to_jsonb(c) as record
from inventory.bulk_syncs c
union all
select
    'model_syncs' as resource, deployment, organization_id, id, valid_from, change, changed_fields,
    first_seen_at, to_jsonb(c) as record
from inventory.model_syncs c
union all
select
    'models' as resource, deployment, organization_id, id, valid_from, change, changed_fields,
    first_seen_at, to_jsonb(c) as record
from inventory.models c
union all
select
    'policies' as resource, deployment, organization_id, id, valid_from, change, changed_fields,
    first_seen_at, to_jsonb(c) as record
from inventory.policies c
union all
select
    'roles' as resource, deployment, organization_id, id, valid_from, change, changed_fields,
    first_seen_at, to_jsonb(c) as record
from inventory.roles c
union all
select
    'connection_usage' as resource, deployment, organization_id, id, valid_from, change, changed_fields,
    first_seen_at, to_jsonb(c) as record
from inventory.connection_usage c
union all
select
    'connection_schemas' as resource, deployment, organization_id, id, valid_from, change, changed_fields,
    first_seen_at, to_jsonb(c) as record
from inventory.connection_schemas c
union all
select
    'connection_sources' as resource, deployment, organization_id, id, valid_from, change, changed_fields,
    first_seen_at, to_jsonb(c) as record
from inventory.connection_sources c
union all
select
    'connection_proxy' as resource, deployment, organization_id, id, valid_from, change, changed_fields,
    first_seen_at, to_jsonb(c) as record
from inventory.connection_proxy c
union all
select
    'shared_connections' as resource, deployment, organization_id, id, valid_from, change, changed_fields,
    first_seen_at, to_jsonb(c) as record
from inventory.shared_connections c;
comment on view inventory.current_versions is
    'The version that is there of every row of every resource but people, as JSON.';

create index connections_id on inventory.connections (id);

create or replace view inventory.copies_without_original as
with expected as materialized (
    select deployment, pinned_id as organization_id from ledger.coverage where is_expected
), root as materialized (
    select distinct c.type_id, c.deployment, c.root_id
    from inventory.copies c
    join expected e on e.deployment = c.deployment and e.organization_id = c.organization_id
), without_original as (
    select deployment, root_id from root
    except
    select r.deployment, r.root_id
    from root r
    cross join lateral (
        select c.organization_id
        from inventory.connections c
        where c.id = r.root_id and c.deployment = r.deployment and c.parent_connection_id is null
        offset 0  -- one look-up by id for each root, whatever the statistics say
    ) c
    join expected e on e.deployment = r.deployment and e.organization_id = c.organization_id
)
select type_id, deployment, root_id
from root
join without_original using (deployment, root_id);

create function inventory.recount_summaries() returns void
language plpgsql
set search_path = ''
as $$
begin
    delete from inventory.connection_counts;
    insert into inventory.connection_counts
    select
        deployment, organization_id, type_id, type_name, count(*),
        count(*) filter (where lower(status) = 'healthy'), count(nullif(status, '')),
        count(parent_connection_id)
    from inventory.connections
    group by deployment, organization_id, type_id, type_name
    order by deployment, organization_id, type_id, type_name;

    delete from inventory.unhealthy_connections;
    insert into inventory.unhealthy_connections
    select * from inventory.unhealthy_since
    order by deployment, organization_id, id;

    -- Earlier releases noted looks a little after what they stored.
    insert into inventory.first_reads
    select resource, deployment, organization_id, min(at)
    from (
        select v.resource, o.deployment, o.organization_id, v.observed_from as at
        from reporting.observations v
        join ledger.organizations o using (organization)
        left join ledger.resources r using (resource)
        where o.organization_id is not null and coalesce(r.per <> 'deployment', true)
        union all
        select resource, deployment, organization_id, first_seen_at
        from inventory.history
        union all
        select resource, deployment, organization_id, first_seen_at
        from inventory.current_versions
    ) v
    where resource <> 'users'
    group by resource, deployment, organization_id
    order by resource, deployment, organization_id
    on conflict do nothing;

    delete from inventory.change_days;
    insert into inventory.change_days
    select
        v.deployment, v.organization_id, v.resource, v.day, v.change,
        v.is_created and v.valid_from <= f.read_at, count(*)
    from (
        select
            deployment, organization_id, resource, valid_from, change,
            (valid_from at time zone 'UTC')::date as day, change = 'created' as is_created
        from (
            select resource, deployment, organization_id, valid_from, change
            from inventory.history
            union all
            select resource, deployment, organization_id, valid_from, change
            from inventory.current_versions
        ) a
    ) v
    join inventory.first_reads f using (resource, deployment, organization_id)
    group by 1, 2, 3, 4, 5, 6
    order by 4, 1, 2, 3, 5, 6;

    update ledger.scope_days d
    set api_calls = u.api_calls, connections = u.connections
    from ledger.scope_days s
    left join (
        select
            organization, day, sum(api_calls_last_24_hours)::bigint as api_calls,
            count(*) as connections
        from reporting.api_usage_daily
        group by organization, day
    ) u using (organization, day)
    where d.organization = s.organization and d.resource = s.resource and d.day = s.day
        and s.resource = 'connections'
        and (d.api_calls, d.connections) is distinct from (u.api_calls, u.connections);
end
$$;
comment on function inventory.recount_summaries() is
    'Counts anew what triggers keep: for who wrote rows around them.';
select inventory.recount_summaries();

create or replace view inventory.organization_counts as
select
    deployment,
    organization_id,
    sum(connections) as connections,
    sum(healthy) as healthy_connections,
    sum(with_status - healthy) as unhealthy_connections,
    sum(connections - with_status) as connections_without_status,
    sum(shared) as shared_connections
from inventory.connection_counts
group by deployment, organization_id;

create or replace view reporting.connection_types_in_use as
with expected as materialized (
    select deployment, pinned_id as organization_id from ledger.coverage where is_expected
), per_organization as (
    select
        deployment,
        organization_id,
        type_id,
        max(type_name) as type_name,
        sum(connections) as connections,
        sum(healthy) as healthy,
        sum(with_status) as with_status,
        sum(shared) as shared
    from inventory.connection_counts
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
    join expected o on o.deployment = c.deployment and o.organization_id = c.organization_id
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
        join expected o on o.deployment = c.deployment and o.organization_id = c.organization_id
        where h.resource = 'connections'
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

create or replace view reporting.organization_health as
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
    select deployment, organization_id, min(since) as since
    from inventory.unhealthy_connections
    group by deployment, organization_id
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

create or replace view reporting.connection_types as
with used as (
    select
        c.deployment,
        c.type_id,
        sum(c.connections) as connections,
        count(distinct c.organization_id) as organizations
    from inventory.connection_counts c
    join ledger.coverage o on o.deployment = c.deployment and o.pinned_id = c.organization_id
    where o.is_expected
    group by c.deployment, c.type_id
), looked as (
    select o.deployment, bool_and(l.organization is not null) as is_certain
    from ledger.coverage o
    left join ledger.current_looks l
        on l.organization = o.organization and l.resource = 'connections'
    where o.is_expected
    group by o.deployment
), seen as (
    select o.deployment, max(s.last_read_at) as last_read_at
    from ledger.scopes s
    join ledger.organizations o using (organization)
    where s.resource = 'connection_types'
    group by o.deployment
)
select
    c.deployment,
    c.id as type_id,
    c.name,
    c.logo_url,
    c.logo_dark_url,
    c.use_oauth,
    c.capabilities,
    c.configuration_fields,
    case when u.type_id is not null or l.is_certain then coalesce(u.connections, 0) end
        as connections,
    case when u.type_id is not null or l.is_certain then coalesce(u.organizations, 0) end
        as organizations,
    coalesce(l.is_certain, false) as is_certain,
    c.extra,
    c.sanitized,
    c.first_seen_at,
    c.valid_from as last_changed_at,
    coalesce(w.last_seen_at, s.last_read_at) as last_seen_at,
    w.since as withheld_since,
    w.reason as withheld_reason
from inventory.connection_types c
left join used u on u.deployment = c.deployment and u.type_id = c.id
left join looked l on l.deployment = c.deployment
left join seen s on s.deployment = c.deployment
left join ledger.withheld w
    on w.resource = 'connection_types' and w.deployment = c.deployment
    and w.organization_id = c.organization_id and w.id = c.id;

create or replace view reporting.same_endpoint as
with candidate as materialized (
    select endpoint_key
    from inventory.connections
    where endpoint_key is not null
    group by endpoint_key
    -- The original of a copy may belong to yet another organization.
    having count(*) > 1
        and (min(organization_id) <> max(organization_id) or count(parent_connection_id) > 0)
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
    coalesce(w.last_seen_at, s.last_read_at) as last_seen_at
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

create or replace view reporting.connection_changes as
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
from (
    select resource, deployment, organization_id, id, valid_from, change, changed_fields, record
    from inventory.history
    union all
    select
        'connections', deployment, organization_id, id, valid_from, change, changed_fields,
        to_jsonb(c)
    from inventory.connections c
) v
join ledger.organizations o
    on o.deployment = v.deployment and o.organization_id = v.organization_id
left join lateral unnest(v.changed_fields) as f (field) on true
left join lateral (
    select h.record
    from inventory.history h
    where f.field is not null and h.resource = 'connections' and h.deployment = v.deployment
        and h.organization_id = v.organization_id and h.id = v.id and h.valid_to = v.valid_from
        and h.change <> 'removed'
    offset 0  -- one look-up by key for each field, whatever the statistics say
) p on true
where v.resource = 'connections';

create view reporting.changes as
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
    v.change = 'created' and coalesce(v.valid_from <= r.read_at, false) as is_first_load
from (
    -- No "with": planners read such a union in the order of its indexes only where it stands in place.
    select resource, deployment, organization_id, id, valid_from, change, changed_fields, record
    from inventory.history
    union all
    select resource, deployment, organization_id, id, valid_from, change, changed_fields, record
    from inventory.current_versions
) v
left join ledger.organizations o
    on o.deployment = v.deployment and o.organization_id = v.organization_id
left join lateral (
    select f.read_at
    from inventory.first_reads f
    where f.resource = v.resource and f.deployment = v.deployment
        and f.organization_id = v.organization_id
    offset 0  -- a look-up for each version, so that versions stay in the order of their index
) r on true
left join lateral unnest(v.changed_fields) as f (field) on true
left join lateral (
    select h.record
    from inventory.history h
    where f.field is not null and h.resource = v.resource and h.deployment = v.deployment
        and h.organization_id = v.organization_id and h.id = v.id and h.valid_to = v.valid_from
        and h.change <> 'removed'
    offset 0  -- and for each field
) p on true
where v.resource <> 'users';

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
select
    c.day,
    o.organization,
    c.deployment,
    c.organization_id,
    c.resource,
    c.change,
    c.is_first_load,
    c.changes::bigint as changes
from inventory.change_days c
left join ledger.organizations o
    on o.deployment = c.deployment and o.organization_id = c.organization_id;

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
    o.deployment,
    o.organization_id,
    o.organization_name,
    d.api_calls,
    d.connections::bigint as connections
from ledger.scope_days d
join ledger.organizations o using (organization)
where d.connections is not null;

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
