-- What exists: connections as they are, their readings, and the past of every resource.
create table inventory.history (
    resource text not null,
    deployment text not null,
    organization_id text not null,
    id text not null,
    valid_from timestamptz not null,
    valid_to timestamptz not null,
    change text not null,
    changed_fields text[],
    first_seen_at timestamptz not null,
    generation bigint not null,
    record jsonb not null,
    primary key (resource, deployment, organization_id, id, valid_from, change)
);
comment on table inventory.history is
    'Closed versions of every resource, tracked fields as JSON; a removal is a row of no duration.';
create index history_valid_to on inventory.history (resource, valid_to);

create table inventory.connections (
    deployment text not null,
    organization_id text not null,
    id text not null,
    name text,
    type_id text,
    type_name text,
    type_logo_url text,
    type_logo_dark_url text,
    operations text[],
    status text,
    status_error text,
    endpoint text,
    saved boolean,
    configuration jsonb,
    policies text[],
    parent_connection_id text,
    created_at timestamptz,
    created_by_id text,
    created_by_name text,
    created_by_type text,
    updated_at timestamptz,
    updated_by_id text,
    updated_by_name text,
    updated_by_type text,
    extra jsonb,
    sanitized boolean not null default false,
    content_hash bytea not null,
    change text not null default 'created',
    changed_fields text[],
    valid_from timestamptz not null default now(),
    first_seen_at timestamptz not null default now(),
    generation bigint not null,
    primary key (deployment, organization_id, id)
);
comment on table inventory.connections is 'The open version of every connection.';
create index connections_parent on inventory.connections (deployment, parent_connection_id)
    where parent_connection_id is not null;

create table inventory.connections_readings (
    deployment text not null,
    organization_id text not null,
    id text not null,
    api_calls_last_24_hours bigint,
    rate_limit_reported boolean not null,
    rate_limited boolean,
    rate_limited_since timestamptz,
    rate_limit_expires_at timestamptz,
    read_at timestamptz not null default now(),
    primary key (deployment, organization_id, id)
);
comment on table inventory.connections_readings is
    'Volatile values of connections that report any; apart, so that a reading never rewrites a row.';

create table inventory.api_usage_days (
    deployment text not null,
    organization_id text not null,
    id text not null,
    day date not null,
    last_value bigint,
    max_value bigint,
    primary key (deployment, organization_id, id, day)
);
comment on table inventory.api_usage_days is
    'API calls by UTC day, a row only for days on which the reading changed; NULL ends a series.';

create function inventory.keep_api_usage() returns trigger
language plpgsql
set search_path = ''
as $$
declare
    today constant date := (now() at time zone 'UTC')::date;
begin
    if tg_op = 'INSERT' then
        insert into inventory.api_usage_days
        select n.deployment, n.organization_id, n.id, today,
               n.api_calls_last_24_hours, n.api_calls_last_24_hours
        from new_rows n
        where n.api_calls_last_24_hours is not null
        on conflict (deployment, organization_id, id, day) do update
        set last_value = excluded.last_value,
            max_value = greatest(api_usage_days.max_value, excluded.max_value);
    elsif tg_op = 'UPDATE' then
        -- The old value belongs to today too if the scope was already read today.
        insert into inventory.api_usage_days
        select n.deployment, n.organization_id, n.id, today, n.api_calls_last_24_hours,
               greatest(n.api_calls_last_24_hours, case when d.day is not null
                                                        then o.api_calls_last_24_hours end)
        from new_rows n
        join old_rows o using (deployment, organization_id, id)
        left join ledger.organizations g using (deployment, organization_id)
        left join ledger.scope_days d
            on d.organization = g.organization and d.resource = 'connections' and d.day = today
        where n.api_calls_last_24_hours is distinct from o.api_calls_last_24_hours
        on conflict (deployment, organization_id, id, day) do update
        set last_value = excluded.last_value,
            max_value = greatest(api_usage_days.max_value, excluded.max_value);
    else
        insert into inventory.api_usage_days
        select o.deployment, o.organization_id, o.id, today, null,
               case when d.day is not null then o.api_calls_last_24_hours end
        from old_rows o
        left join ledger.organizations g using (deployment, organization_id)
        left join ledger.scope_days d
            on d.organization = g.organization and d.resource = 'connections' and d.day = today
        where o.api_calls_last_24_hours is not null
        on conflict (deployment, organization_id, id, day) do update
        set last_value = null,
            max_value = greatest(api_usage_days.max_value, excluded.max_value);
    end if;
    return null;
end
$$;

create trigger keep_api_usage_insert after insert on inventory.connections_readings
    referencing new table as new_rows for each statement
    execute function inventory.keep_api_usage();
create trigger keep_api_usage_update after update on inventory.connections_readings
    referencing old table as old_rows new table as new_rows for each statement
    execute function inventory.keep_api_usage();
create trigger keep_api_usage_delete after delete on inventory.connections_readings
    referencing old table as old_rows for each statement
    execute function inventory.keep_api_usage();
