-- The books of closed runs are closed, whose they are stays known, and so does who was granted what.

-- Only the owner may change what the books of a closed run say. To follow a rename is no change; what
-- has no id keeps its name, for nobody knows whose it was.
create or replace function ledger.keep_closed() returns trigger
language plpgsql
set search_path = ''
as $$
begin
    if exists (
            select
            from ledger.runs r
            where r.run_id in (old.run_id, new.run_id) and r.finished_at is not null
        )
        and not (
            to_jsonb(old) - 'organization' = to_jsonb(new) - 'organization'
            and exists (
                select
                from ledger.organizations o
                where o.organization = new.organization
                    and o.organization_id = new.organization_id
            )
        )
        and not (
            select pg_catalog.pg_has_role(c.relowner, 'USAGE')
            from pg_catalog.pg_class c
            where c.oid = tg_relid
        )
    then
        raise insufficient_privilege using message = 'the run is closed';
    end if;
    return new;
end
$$;
create or replace trigger keep_closed before update on ledger.run_organizations
    for each row execute function ledger.keep_closed();

-- What has no id is of whoever had the name then: not of who got it later, and not of who lost it.
create or replace view ledger.granted_runs with (security_barrier = true) as
select n.run_id
from ledger.granted_books g
join ledger.run_organizations n on n.organization = g.organization
left join ledger.organizations o
    on o.organization = g.organization
    and o.organization_id is not distinct from g.organization_id
where case
        when n.organization_id is null then n.recorded_at > o.first_seen_at
        else n.organization_id = g.organization_id
    end;

-- A grant by name is one by id as soon as there is an id, for a run that follows a rename deletes the
-- old name. Whoever writes organizations has no right to grants, so this is done with the owner's.
create function ledger.keep_grants() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
    insert into ledger.grants (login, deployment, organization_id, granted_at)
    select g.login, new.deployment, new.organization_id, g.granted_at
    from ledger.grants g
    where g.organization = new.organization
    on conflict do nothing;
    delete from ledger.grants g where g.organization = new.organization;
    return null;
end
$$;
create trigger keep_grants after update of organization_id on ledger.organizations
    for each row
    when (old.organization_id is null and new.organization_id is not null)
    execute function ledger.keep_grants();

insert into ledger.grants (login, deployment, organization_id, granted_at)
select g.login, o.deployment, o.organization_id, g.granted_at
from ledger.grants g
join ledger.organizations o using (organization)
where o.organization_id is not null
on conflict do nothing;
delete from ledger.grants g
using ledger.organizations o
where o.organization = g.organization and o.organization_id is not null;

create or replace procedure ledger.secure_writer()
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
    -- A table of its own with this trigger would let it say whose grants these are.
    revoke execute on function ledger.keep_grants() from inventory_writer;
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
                'ledger.grants', 'ledger.migrations', 'ledger.runs', 'ledger.run_organizations',
                'ledger.rejected_records'
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
    for item in select unnest('{run_organizations,rejected_records}'::text[]) as name loop
        execute format(
            'create policy writer on ledger.%I for select to inventory_writer using (true)',
            item.name
        );
        execute format(
            'create policy writer_insert on ledger.%1$I for insert to inventory_writer with check ('
            '(select r.finished_at is null from ledger.runs r where r.run_id = %1$I.run_id))',
            item.name
        );
    end loop;
    create policy writer_update on ledger.run_organizations for update to inventory_writer
        using (true) with check (true);
end
$$;

create or replace procedure ledger.secure()
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
                ' or organization_id is null and ' || by_name ||
                -- A name may have been another's before; rarely it must be looked up since when it is not.
                ' and (recorded_at > (select max(o.first_seen_at) from ledger.organizations o)'
                ' or recorded_at > (select o.first_seen_at from ledger.organizations o'
                ' where o.organization = run_organizations.organization))'
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

call ledger.secure();
