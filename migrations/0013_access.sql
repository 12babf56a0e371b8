-- Who may see what: roles, row-level security on every table, and views that read with the rights
-- of whoever asks. Privileges say which views a role may ask; policies say which rows it gets.

create table ledger.grants (
    login text not null,
    organization text references ledger.organizations on update cascade on delete cascade,
    deployment text,
    organization_id text,
    tag jsonb,
    granted_at timestamptz not null default now(),
    check (num_nonnulls(organization, organization_id, tag) = 1),
    check ((deployment is null) = (organization_id is null)),
    unique nulls not distinct (login, organization, deployment, organization_id, tag)
);
comment on table ledger.grants is
    'Whose rows the logins of reporting_restricted see: those of an organization by its pinned id, by its name while it has none, or of all that have a tag.';
create index organizations_tags on ledger.organizations using gin (tags jsonb_path_ops);

-- The next five are the only views that read with their owner's rights, for policies of restricted
-- logins stand on them. Nobody but the owner may ask the first; the others give what was granted to
-- whoever asks, and nothing else.
create view ledger.grantees as
select g.login, o.organization, o.deployment, o.organization_id
from ledger.grants g
join ledger.organizations o on o.organization = g.organization
union
select g.login, o.organization, o.deployment, o.organization_id
from ledger.grants g
join ledger.organizations o
    on o.deployment = g.deployment and o.organization_id = g.organization_id
union
select g.login, o.organization, o.deployment, o.organization_id
from ledger.grants g
join ledger.organizations o on o.tags @> g.tag;
comment on view ledger.grantees is
    'Which organizations were granted to which logins; a tag counts as the registry has it now.';

create view ledger.granted_organizations with (security_barrier = true) as
select organization, deployment, organization_id
from ledger.grantees
where login = current_user;
comment on view ledger.granted_organizations is 'Organizations granted to whoever asks.';

create view ledger.granted_keys with (security_barrier = true) as
select deployment, organization_id
from ledger.granted_organizations
where organization_id is not null
union
select deployment, '' from ledger.granted_organizations;
comment on view ledger.granted_keys is
    'Keys of the rows granted to whoever asks; what a deployment has in common has an empty id.';

create view ledger.granted_books with (security_barrier = true) as
select organization, organization_id
from ledger.granted_organizations
union
-- A name that was retired (name~id) is still the plain one in the books of runs.
select split_part(g.organization, '~', 1), g.organization_id
from ledger.granted_organizations g
where g.organization like '%~%'
    and not exists (
        select
        from ledger.organizations o
        where o.organization_id = g.organization_id and o.organization <> g.organization
    );
comment on view ledger.granted_books is
    'By which names and ids the books of runs know the organizations granted to whoever asks.';

create view ledger.granted_runs with (security_barrier = true) as
select n.run_id
from ledger.granted_books g
join ledger.run_organizations n
    on n.organization = g.organization
    and coalesce(n.organization_id = g.organization_id, n.organization_id is null);
comment on view ledger.granted_runs is
    'Runs in which an organization granted to whoever asks took part; ask for one.';

create view ledger.viewer as
select
    coalesce(bool_or(rolname = 'reporting_restricted'), false)
        and not coalesce(bool_or(rolname = 'reporting_reader'), false) as is_restricted
from pg_catalog.pg_roles
where rolname in ('reporting_restricted', 'reporting_reader') and pg_has_role(oid, 'USAGE');
comment on view ledger.viewer is
    'One row: whether whoever asks sees only what was granted, so that nothing is known of the rest.';

-- What a restricted login cannot see is not called certain.
create or replace view inventory.uncertain_connections as
select
    b.deployment,
    b.organization_id,
    b.connection_id,
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
from (
    select deployment, organization_id, connection_id, place_id, resource
    from inventory.blind_spots
    union all
    select deployment, organization_id, id, null, 'outside'
    from inventory.connections
    where (select is_restricted from ledger.viewer)
) b
left join ledger.organization_ids o on o.deployment = b.deployment and o.id = b.place_id
group by b.deployment, b.organization_id, b.connection_id;

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
    select
        o.deployment,
        bool_and(l.organization is not null) and not (select is_restricted from ledger.viewer)
            as is_certain
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

-- What a run came to over the whole fleet is not for who sees a part of it.
create or replace view reporting.runs as
select
    r.run_id,
    r.started_at,
    r.finished_at,
    r.status,
    w.exit_code,
    r.version,
    r.duration_seconds,
    w.requests,
    w.retries,
    w.organizations_total,
    w.organizations_complete,
    w.organizations_partial,
    w.organizations_failed,
    w.organizations_deferred,
    w.outcomes,
    w.resources,
    t.seen,
    t.created,
    t.updated,
    t.unchanged,
    t.removed,
    t.restored,
    t.withheld,
    t.rejected,
    w.headline
from ledger.runs r
left join lateral (
    select
        r.exit_code, r.requests, r.retries, r.organizations_total, r.organizations_complete,
        r.organizations_partial, r.organizations_failed, r.organizations_deferred, r.outcomes,
        r.resources, r.headline
    where not (select is_restricted from ledger.viewer)
) w on true
left join lateral (
    select
        sum(n.seen)::bigint as seen, sum(n.created)::bigint as created,
        sum(n.updated)::bigint as updated, sum(n.unchanged)::bigint as unchanged,
        sum(n.removed)::bigint as removed, sum(n.restored)::bigint as restored,
        sum(n.withheld)::bigint as withheld, sum(n.rejected)::bigint as rejected
    from jsonb_each(w.resources) as e (resource, counts)
    cross join lateral jsonb_to_record(e.counts) as n (
        seen bigint, created bigint, updated bigint, unchanged bigint, removed bigint,
        restored bigint, withheld bigint, rejected bigint
    )
) t on true;

do $$
declare
    item record;
begin
    for item in
        select c.oid as view, coalesce(a.attnum, 0) as number, x.addition, a.attname
        from (
            values
                ('fleet_summary', '', 'Over what was granted, for a login of some organizations only.'),
                ('connection_types_in_use', '', 'Over what was granted, for a login of some organizations only.'),
                ('same_endpoint', '', 'Among what was granted, for a login of some organizations only.'),
                ('connection_types', 'is_certain', 'Never, for a login of some organizations only.'),
                ('blast_radius', 'is_certain', 'Never, for a login of some organizations only: there may be copies beyond.'),
                ('unused_connections', 'is_certain', 'Never, for a login of some organizations only: a copy beyond may be used.'),
                ('runs', '', 'A login of some organizations only sees the runs in which one of these took part.')
        ) as x (view, field, addition)
        join pg_catalog.pg_class c
            on c.relname = x.view and c.relnamespace = 'reporting'::regnamespace
        left join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = x.field
        union all
        select c.oid, a.attnum, 'NULL for a login of some organizations only.', a.attname
        from pg_catalog.pg_class c
        join pg_catalog.pg_attribute a on a.attrelid = c.oid
        where c.oid = 'reporting.runs'::regclass and a.attnum > 0
            and a.attname not in (
                'run_id', 'started_at', 'finished_at', 'status', 'version', 'duration_seconds'
            )
    loop
        execute format(
            'comment on %s is %L',
            case item.number
                when 0 then format('view %s', item.view::regclass)
                else format('column %s.%I', item.view::regclass, item.attname)
            end,
            case item.number
                when 0 then obj_description(item.view, 'pg_class')
                else col_description(item.view, item.number)
            end || ' ' || item.addition
        );
    end loop;
end
$$;

-- Only the owner may change what the books of a closed run say; to follow a rename is no change.
create function ledger.keep_closed() returns trigger
language plpgsql
set search_path = ''
as $$
begin
    if exists (
            select
            from ledger.runs r
            where r.run_id operator(pg_catalog.=) old.run_id and r.finished_at is not null
        )
        and not (
            select pg_catalog.pg_has_role(c.relowner, 'USAGE')
            from pg_catalog.pg_class c
            where c.oid operator(pg_catalog.=) tg_relid
        )
    then
        raise insufficient_privilege using message = 'the run is closed';
    end if;
    return new;
end
$$;
create trigger keep_closed before update on ledger.run_organizations
    for each row
    when (to_jsonb(old) - 'organization' <> to_jsonb(new) - 'organization')
    execute function ledger.keep_closed();

create procedure ledger.secure_reader(reader text)
language plpgsql
set search_path = pg_catalog
as $$
declare
    item record;
begin
    execute format('grant usage on schema reporting to %I', reader);
    execute format('grant select on all tables in schema reporting to %I', reader);
    execute format('grant execute on all functions in schema reporting to %I', reader);
    -- What the views stand on. No reader may use the schemas, so none can name any of it.
    for item in
        with recursive used (class, object) as (
            select 'pg_class'::regclass::oid, oid
            from pg_class
            where relnamespace::regnamespace::text in ('reporting', 'people') and relkind = 'v'
            union all
            select 'pg_proc'::regclass::oid, oid
            from pg_proc
            where pronamespace::regnamespace::text = 'reporting'
            union
            select d.refclassid, d.refobjid
            from used u
            left join pg_rewrite r
                on u.class = 'pg_class'::regclass and r.ev_class = u.object
            join pg_depend d
                on d.classid = case when r.oid is null then u.class else 'pg_rewrite'::regclass end
                and d.objid = coalesce(r.oid, u.object)
            where d.refclassid in ('pg_class'::regclass, 'pg_proc'::regclass)
        )
        select 'select on ' || c.oid::regclass as privilege
        from used u
        join pg_class c on u.class = 'pg_class'::regclass and c.oid = u.object
        where c.relkind in ('r', 'p', 'v')
            and c.relnamespace::regnamespace::text in ('ledger', 'inventory')
        union
        select 'execute on function ' || p.oid::regprocedure
        from used u
        join pg_proc p on u.class = 'pg_proc'::regclass and p.oid = u.object
        where p.pronamespace::regnamespace::text in ('ledger', 'inventory') and p.prokind = 'f'
            and p.prorettype <> 'trigger'::regtype
        union
        select 'select on ' || c.oid::regclass
        from pg_class c
        where reader = 'reporting_restricted' and c.oid::regclass::text ~ '^ledger\.granted_'
            and c.relkind = 'v'
    loop
        execute format('grant %s to %I', item.privilege, reader);
    end loop;
end
$$;

create procedure ledger.secure_writer()
language plpgsql
set search_path = pg_catalog
as $$
declare
    item record;
begin
    grant usage on schema ledger, inventory, reporting to inventory_writer;
    grant select on all tables in schema ledger, inventory, reporting to inventory_writer;
    grant execute on all functions in schema ledger, inventory, reporting to inventory_writer;
    revoke all on ledger.grants, ledger.grantees from inventory_writer;
    grant insert, update, delete on all tables in schema inventory to inventory_writer;
    revoke update, delete on inventory.history from inventory_writer;
    grant insert, update, delete on ledger.organizations, ledger.drift, ledger.withheld
        to inventory_writer;
    grant insert, update on
        ledger.runs, ledger.run_organizations, ledger.scopes, ledger.listings, ledger.resources,
        ledger.shapes, ledger.scope_days
        to inventory_writer;
    grant insert on ledger.observations, ledger.rejected_records
        to inventory_writer;
    grant update on ledger.run_lock to inventory_writer;
    -- Everybody has it, unless somebody who may grant it took it away.
    if has_database_privilege(current_database(), 'TEMPORARY WITH GRANT OPTION') then
        execute format('grant temporary on database %I to inventory_writer', current_database());
    end if;
    for item in
        select c.oid::regclass as relation
        from pg_class c
        where c.relnamespace::regnamespace::text in ('ledger', 'inventory')
            and c.relkind in ('r', 'p') and c.oid::regclass::text not in (
                'ledger.grants', 'ledger.migrations', 'ledger.runs', 'ledger.run_organizations'
            )
    loop
        execute format(
            'create policy writer on %s to inventory_writer using (true) with check (true)',
            item.relation
        );
    end loop;
    create policy writer on ledger.migrations for select to inventory_writer using (true);
    -- The books of a closed run stay as they are (ledger.keep_closed does the rest).
    create policy writer on ledger.runs for select to inventory_writer using (true);
    create policy writer_insert on ledger.runs for insert to inventory_writer
        with check (finished_at is null);
    create policy writer_update on ledger.runs for update to inventory_writer
        using (finished_at is null) with check (true);
    create policy writer on ledger.run_organizations for select to inventory_writer using (true);
    create policy writer_insert on ledger.run_organizations for insert to inventory_writer
        with check (
            (
                select r.finished_at is null
                from ledger.runs r
                where r.run_id = run_organizations.run_id
            )
        );
    create policy writer_update on ledger.run_organizations for update to inventory_writer
        using (true) with check (true);
end
$$;

create procedure ledger.secure()
language plpgsql
set search_path = pg_catalog
as $$
declare
    ours constant text[] := '{ledger,inventory,reporting,people}';
    wanted constant text[] :=
        '{inventory_owner,inventory_writer,reporting_reader,reporting_restricted}';
    hidden constant text[] :=
        '{ledger.installation,ledger.run_lock,ledger.migrations,ledger.grants}';
    -- Personal data is for whom the schema people was opened to.
    people constant text := '(select has_schema_privilege(''people'', ''USAGE''))';
    -- A subquery that depends on nothing: the planner makes one hash table of it.
    by_key constant text :=
        '(deployment, organization_id) in (select deployment, organization_id from ledger.granted_keys)';
    by_name constant text :=
        'organization in (select organization from ledger.granted_organizations)';
    present text[];
    item record;
    rows_of_readers text;
    rows_of_restricted text;
begin
    -- Roles belong to the whole server: another database may be making them at this moment.
    for item in select unnest(wanted) as role loop
        begin
            if to_regrole(item.role) is null then
                execute format('create role %I nologin', item.role);
            end if;
        exception
            when insufficient_privilege then
                raise warning '%: no right to create the role; see docs/operations.md', item.role;
            when duplicate_object or unique_violation then
                null;
        end;
    end loop;
    select coalesce(array_agg(r.role), '{}') into present
    from unnest(wanted) as r (role)
    where to_regrole(r.role) is not null;

    -- The owner.
    if 'inventory_owner' = any (present) and not pg_has_role('inventory_owner', 'USAGE') then
        begin
            execute format('grant inventory_owner to %I', current_user);
        exception
            when insufficient_privilege or unique_violation then
                null;
        end;
    end if;
    if 'inventory_owner' = any (present) and pg_has_role('inventory_owner', 'USAGE') then
        -- For a migration that makes a schema.
        if has_database_privilege(current_database(), 'CREATE WITH GRANT OPTION') then
            execute format('grant create on database %I to inventory_owner', current_database());
        end if;
        for item in
            select format('schema %I', n.nspname) as object
            from pg_namespace n
            where n.nspname = any (ours) and n.nspowner <> to_regrole('inventory_owner')
        loop
            execute format('alter %s owner to inventory_owner', item.object);
        end loop;
        for item in
            select case c.relkind when 'v' then 'view' else 'table' end || ' '
                || c.oid::regclass as object
            from pg_class c
            where c.relnamespace::regnamespace::text = any (ours) and c.relkind in ('r', 'p', 'v')
                and c.relowner <> to_regrole('inventory_owner')
            union all
            select 'routine ' || p.oid::regprocedure
            from pg_proc p
            where p.pronamespace::regnamespace::text = any (ours)
                and p.proowner <> to_regrole('inventory_owner')
        loop
            execute format('alter %s owner to inventory_owner', item.object);
        end loop;
    else
        raise warning 'inventory_owner: % has no right to hand over to it, and stays the owner; see docs/operations.md',
            current_user;
    end if;

    -- Views read with the rights of whoever asks.
    for item in
        select c.oid::regclass as relation
        from pg_class c
        where c.relnamespace::regnamespace::text = any (ours) and c.relkind = 'v'
            and not coalesce('security_invoker=true' = any (c.reloptions), false)
            and c.oid::regclass::text !~ '^ledger\.grant'
    loop
        execute format('alter view %s set (security_invoker = true)', item.relation);
    end loop;

    revoke execute on all routines in schema ledger, inventory, reporting, people from public;

    -- Rows.
    for item in
        select format('%I on %s', p.polname, c.oid::regclass) as policy
        from pg_policy p
        join pg_class c on c.oid = p.polrelid
        where c.relnamespace::regnamespace::text = any (ours)
    loop
        execute 'drop policy ' || item.policy;
    end loop;
    for item in
        select
            c.oid::regclass as relation,
            c.oid::regclass::text as name,
            c.relowner::regrole as owner,
            array(select attname::text from pg_attribute where attrelid = c.oid and attnum > 0)
                as columns
        from pg_class c
        where c.relnamespace::regnamespace::text = any (ours) and c.relkind in ('r', 'p')
    loop
        execute format('alter table %s enable row level security', item.relation);
        execute format('alter table %s force row level security', item.relation);
        execute format(
            'create policy owner on %s to %s using (true) with check (true)',
            item.relation, item.owner
        );
        rows_of_readers := case
            when item.name = any (hidden) then null
            when item.name = 'inventory.users' then people
            when item.name = 'inventory.history' then format('resource <> ''users'' or %s', people)
            else 'true'
        end;
        rows_of_restricted := case
            when item.name = any (hidden) then null
            when item.name = 'inventory.users' then format('%s and %s', people, by_key)
            when item.name = 'inventory.history'
                then format('(resource <> ''users'' or %s) and %s', people, by_key)
            when item.name in ('ledger.resources', 'ledger.horizons') then 'true'
            when item.name = 'ledger.listings'
                then 'deployment in (select deployment from ledger.granted_keys)'
            -- Few rows of many runs: one look-up for each that is asked for.
            when item.name = 'ledger.runs'
                then '(select true from ledger.granted_runs g where g.run_id = runs.run_id limit 1)'
            when item.name = 'ledger.run_organizations' then
                '(organization, organization_id) in'
                ' (select organization, organization_id from ledger.granted_books)'
                ' or organization_id is null and ' || by_name
            -- Whose record it is, the books of its run say: names may be given to another.
            when item.name = 'ledger.rejected_records' then
                '(select true from ledger.run_organizations n where n.run_id = rejected_records.run_id'
                ' and n.organization = rejected_records.organization'
                ' and n.resource = rejected_records.resource)'
            when item.columns @> '{deployment,organization_id}' and item.name <> 'ledger.organizations'
                then by_key
            when item.columns @> '{organization}' then by_name
        end;
        if 'reporting_reader' = any (present) and rows_of_readers is not null then
            execute format(
                'create policy reader on %s for select to reporting_reader using (%s)',
                item.relation, rows_of_readers
            );
        end if;
        if 'reporting_restricted' = any (present) and rows_of_restricted is not null then
            execute format(
                'create policy restricted on %s for select to reporting_restricted using (%s)',
                item.relation, rows_of_restricted
            );
        end if;
    end loop;

    for item in
        select r.role
        from unnest('{reporting_reader,reporting_restricted}'::text[]) as r (role)
        where r.role = any (present)
    loop
        call ledger.secure_reader(item.role);
    end loop;
    if 'inventory_writer' = any (present) then
        call ledger.secure_writer();
    end if;
end
$$;

comment on procedure ledger.secure() is
    'Makes roles, owners, privileges and policies what they should be, as far as whoever calls it may; to be called after each change of tables, views, functions, roles or owners.';

call ledger.secure();

-- Whoever was granted single tables or views by hand gets no rows of them any more.
do $$
declare
    item record;
begin
    for item in
        with granted as (
            select distinct
                coalesce(r.rolname, 'PUBLIC') as grantee, r.oid,
                case when c.relkind = 'v' then 'reporting_reader' else 'inventory_writer' end as role
            from pg_catalog.pg_class c
            cross join lateral (
                select x.grantee
                from pg_catalog.aclexplode(c.relacl) x
                where x.grantee <> c.relowner
                union all
                select x.grantee
                from pg_catalog.pg_attribute t
                cross join lateral pg_catalog.aclexplode(t.attacl) x
                where t.attrelid = c.oid
            ) a
            left join pg_catalog.pg_roles r on r.oid = a.grantee
            where c.relnamespace::regnamespace::text in (
                    'reporting', 'people', 'inventory', 'ledger'
                )
                and c.relkind in ('r', 'v')
        )
        select g.role, string_agg(g.grantee, ', ' order by g.grantee) as grantees
        from granted g
        where g.grantee not in (
                'reporting_reader', 'reporting_restricted', 'inventory_writer', 'inventory_owner'
            )
            and not exists (
                select
                from pg_catalog.pg_roles r
                where pg_catalog.pg_has_role(g.oid, r.oid, 'USAGE')
                    and (
                        r.rolsuper
                        or r.rolname in ('inventory_writer', 'inventory_owner')
                        or r.rolname = 'reporting_reader' and g.role = 'reporting_reader'
                    )
            )
        group by g.role
    loop
        raise warning 'policies hide all rows from these, until they are members of %: %',
            item.role, item.grantees;
    end loop;
end
$$;
