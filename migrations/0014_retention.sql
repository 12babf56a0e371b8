-- Since when the past is kept: what was pruned is not known, and is never said not to have been.
create table ledger.horizons (
    kind text primary key,
    kept_since timestamptz not null
);
comment on table ledger.horizons is
    'What aggregator prune has deleted: history, api_usage or runs from before a moment, a UTC midnight.';

create view reporting.retention with (security_invoker = true) as
select kind, kept_since
from ledger.horizons;

comment on view reporting.retention is
    'One row for each kind of record of the past of which old ones were deleted; none: all is kept since the first run.';
comment on column reporting.retention.kind is
    'history (versions, changes, observations), api_usage (API calls by day) or runs (runs and rejected records).';
comment on column reporting.retention.kept_since is
    'All of it is kept since then (UTC); what is missing before it says nothing.';

-- connections_as_of stands on it: before the horizon nobody looked, as far as anybody can still tell.
create or replace view reporting.observations with (security_invoker = true) as
select organization, resource, greatest(observed_from, kept_since) as observed_from, observed_to, is_open
from (
    select organization, resource, observed_from, observed_to, false as is_open
    from ledger.observations
    union all
    select
        organization, resource, observed_since, observed_until,
        last_outcome in ('complete', 'partial')
            and now() - observed_until <= ledger.observation_gap()
    from ledger.scopes
    where observed_since is not null
) v
cross join (
    select (select h.kept_since from ledger.horizons h where h.kind = 'history') as kept_since
) k
where v.observed_to >= coalesce(k.kept_since, v.observed_to);

comment on column reporting.observations.observed_from is
    'The first look (UTC), or since when history is kept, if that is later: see retention.';
comment on function reporting.connections_as_of(timestamptz) is
    'Every connection known as it was at a moment. state: present; absent (we looked, and it was not there); unknown (nobody looked then, or it was missing and its removal not proven yet, or history is not kept that long: see retention). observed_at: the latest look up to that moment; where the runs of then are not kept, the first of its interval. The fields are those of connection_history, NULL unless present.';

do $$
declare
    item record;
begin
    for item in
        select a.attrelid::regclass as view, a.attname as name, col_description(attrelid, attnum) as said
        from pg_catalog.pg_attribute a
        join pg_catalog.pg_class c on c.oid = a.attrelid
        where c.relnamespace::regnamespace::text in ('reporting', 'people') and c.relkind = 'v'
            and a.attname = 'old_value'
    loop
        execute format(
            'comment on column %s.%I is %L',
            item.view, item.name,
            rtrim(item.said, '.')
                || ', or where the version before it is not kept any more: see retention.'
        );
    end loop;
    for item in
        select v.name as view, obj_description(v.name::regclass) as said
        from unnest(array[
            'reporting.connection_history', 'reporting.connection_changes', 'reporting.changes',
            'reporting.changes_daily', 'reporting.api_usage_daily',
            'reporting.organization_api_usage_daily', 'reporting.runs',
            'reporting.run_organizations', 'reporting.rejected_records'
        ]) as v (name)
    loop
        execute format(
            'comment on view %s is %L',
            item.view, rtrim(item.said, '.') || '. As far back as it is kept: see retention.'
        );
    end loop;
end
$$;

call ledger.secure();
