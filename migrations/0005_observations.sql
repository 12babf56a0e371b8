-- When we looked: so that "it was not there" and "we did not look" differ, also in the past.
-- All times here are the database's, as valid_from is: only so a look and what it stored agree.

create function ledger.observation_gap() returns interval
language sql immutable parallel safe
return interval '26 hours';
comment on function ledger.observation_gap() is
    'Two looks that are further apart leave a gap between them: a daily job, and some slack.';

alter table ledger.run_organizations add column request_id text, add column recorded_at timestamptz;
comment on column ledger.run_organizations.request_id is
    'The server''s X-Request-Id of the last answer to the list.';
-- A run that ended was closed by the database after all it wrote; of others only our clock tells.
update ledger.run_organizations n
set recorded_at = case
        when r.status in ('running', 'abandoned')
            then coalesce(n.finished_at, r.finished_at, r.started_at)
        else coalesce(r.finished_at, n.finished_at, r.started_at)
    end
from ledger.runs r
where r.run_id = n.run_id;
alter table ledger.run_organizations
    alter column recorded_at set default now(),
    alter column recorded_at set not null;
drop index ledger.run_organizations_organization;
create index run_organizations_organization
    on ledger.run_organizations (organization, resource, recorded_at);

alter table ledger.scopes
    add column observed_since timestamptz,
    add column observed_until timestamptz;
comment on column ledger.scopes.observed_since is
    'Begin of the latest interval in which the scope was looked at again and again.';
comment on column ledger.scopes.observed_until is 'The latest look that read the scope to its end.';

create table ledger.observations (
    organization text not null references ledger.organizations on update cascade on delete cascade,
    resource text not null,
    observed_from timestamptz not null,
    observed_to timestamptz not null,
    primary key (organization, resource, observed_from)
);
comment on table ledger.observations is
    'Intervals in which a scope was looked at, before the latest, which is in ledger.scopes.';

-- What earlier runs noted. An organization that has another name by now is found by its id.
with attempt as (
    select
        coalesce(same.organization, renamed.organization) as organization, n.resource,
        r.generation, n.recorded_at, n.outcome in ('complete', 'partial') as was_read
    from ledger.run_organizations n
    join ledger.runs r using (run_id)
    left join ledger.organizations same
        on same.organization = n.organization
        and coalesce(same.organization_id = n.organization_id, true)
    left join (
        select organization_id, min(organization) as organization
        from ledger.organizations
        group by organization_id
        having count(*) = 1
    ) renamed on renamed.organization_id = n.organization_id
    where n.outcome not in ('deferred', 'cancelled')
), step as (
    select
        *,
        not (
            was_read and lag(was_read, 1, false) over earlier
            and recorded_at - lag(recorded_at) over earlier <= ledger.observation_gap()
        ) as is_begin
    from attempt
    where organization is not null
    window earlier as (partition by organization, resource order by generation)
), numbered as (
    select
        *,
        count(*) filter (where is_begin)
            over (partition by organization, resource order by generation) as number
    from step
)
insert into ledger.observations (organization, resource, observed_from, observed_to)
select organization, resource, min(recorded_at), max(recorded_at)
from numbered
where was_read
group by organization, resource, number
on conflict do nothing;

with latest as (
    delete from ledger.observations v
    where not exists (
        select
        from ledger.observations later
        where later.organization = v.organization and later.resource = v.resource
            and later.observed_from > v.observed_from
    )
    returning *
)
update ledger.scopes s
set observed_since = l.observed_from, observed_until = l.observed_to
from latest l
where s.organization = l.organization and s.resource = l.resource;

alter table inventory.history add column withheld_since timestamptz;
comment on column inventory.history.withheld_since is
    'Since when answers did not contain the row, where its removal was withheld before it was proven.';

create view reporting.observations as
select organization, resource, observed_from, observed_to, false as is_open
from ledger.observations
union all
select
    organization, resource, observed_since, observed_until,
    last_outcome in ('complete', 'partial')
        and now() - observed_until <= ledger.observation_gap()
from ledger.scopes
where observed_since is not null;

comment on view reporting.observations is
    'One row for each time without a gap in which a resource of an organization was looked at. A gap is an attempt that failed, or 26 hours without a look; what was there then is not known.';
comment on column reporting.observations.organization is 'Our name of the organization.';
comment on column reporting.observations.resource is 'What was looked at, such as connections.';
comment on column reporting.observations.observed_from is 'The first look (UTC).';
comment on column reporting.observations.observed_to is 'The last look so far (UTC).';
comment on column reporting.observations.is_open is
    'Whether the next look can continue it: no attempt failed since, and it is not too long ago.';

create or replace view reporting.run_organizations as
select
    run_id, organization, organization_id, resource, outcome, error, http_status, requests,
    retries, waited_seconds, seen, created, updated, removed, restored, withheld, rejected,
    started_at, finished_at, unchanged, walk_races, request_id, recorded_at
from ledger.run_organizations;

comment on column reporting.run_organizations.request_id is
    'The server''s X-Request-Id of the last answer to the list: what its support can look up.';
comment on column reporting.run_organizations.recorded_at is
    'When the database stored it (UTC), by its own clock, which valid_from is of too.';

create or replace view reporting.connection_history as
with versions as (
    select
        h.deployment, h.organization_id, h.id, h.valid_from, h.valid_to, h.change,
        h.changed_fields, v.*, h.withheld_since
    from inventory.history h
    cross join lateral jsonb_to_record(h.record) as v (
        name text, type_id text, type_name text, operations text[], status text,
        status_error text, endpoint text, saved boolean, configuration jsonb, policies text[],
        parent_connection_id text, created_at timestamptz, created_by_id text,
        created_by_name text, created_by_type text, updated_at timestamptz, updated_by_id text,
        updated_by_name text, updated_by_type text, extra jsonb
    )
    where h.resource = 'connections'
    union all
    select
        deployment, organization_id, id, valid_from, null, change, changed_fields,
        name, type_id, type_name, operations, status, status_error, endpoint, saved,
        configuration, policies, parent_connection_id, created_at, created_by_id,
        created_by_name, created_by_type, updated_at, updated_by_id, updated_by_name,
        updated_by_type, extra,
        (
            select w.since
            from ledger.withheld w
            where w.resource = 'connections' and w.deployment = c.deployment
                and w.organization_id = c.organization_id and w.id = c.id
        )
    from inventory.connections c
)
select
    o.organization,
    v.deployment,
    v.organization_id,
    o.organization_name,
    v.id as connection_id,
    v.valid_from,
    v.valid_to,
    v.change,
    v.changed_fields,
    v.name,
    v.type_id,
    v.type_name,
    v.operations,
    v.status,
    lower(nullif(v.status, '')) = 'healthy' as is_healthy,
    v.status_error,
    v.endpoint,
    v.saved,
    v.configuration,
    v.policies,
    v.parent_connection_id,
    v.created_at,
    v.created_by_id,
    v.created_by_name,
    v.created_by_type,
    v.updated_at,
    v.updated_by_id,
    v.updated_by_name,
    v.updated_by_type,
    v.extra,
    v.withheld_since
from versions v
join ledger.organizations o
    on o.deployment = v.deployment and o.organization_id = v.organization_id;

comment on column reporting.connection_history.withheld_since is
    'Since when answers did not contain it although its removal was not proven (UTC); until valid_to nobody knows whether it was there.';

create function reporting.connections_as_of(moment timestamptz)
returns table (
    organization text, deployment text, organization_id text, organization_name text,
    connection_id text, state text, last_known_name text, observed_at timestamptz,
    valid_from timestamptz, valid_to timestamptz, name text, type_id text, type_name text,
    operations text[], status text, is_healthy boolean, status_error text, endpoint text,
    saved boolean, configuration jsonb, policies text[], parent_connection_id text,
    created_at timestamptz, created_by_id text, created_by_name text, created_by_type text,
    updated_at timestamptz, updated_by_id text, updated_by_name text, updated_by_type text,
    extra jsonb
)
language sql stable parallel safe
begin atomic
    select
        k.organization, k.deployment, k.organization_id, k.organization_name, k.connection_id,
        s.state, k.name, o.observed_at, p.*
    from (
        -- Of each connection the version of that moment, or else its newest.
        select distinct on (h.organization, h.deployment, h.organization_id, h.connection_id)
            h.*,
            h.valid_from <= moment and coalesce(h.valid_to > moment, true) as is_valid
        from reporting.connection_history h
        order by
            h.organization, h.deployment, h.organization_id, h.connection_id, is_valid desc,
            h.valid_from desc, h.valid_to desc
    ) k
    left join (
        select distinct on (v.organization)
            v.organization,
            moment <= case when v.is_open then now() else v.observed_to end as is_observed,
            case when moment >= v.observed_to then v.observed_to else (
                select greatest(max(n.recorded_at), v.observed_from)
                from reporting.run_organizations n
                where n.organization = v.organization and n.resource = 'connections'
                    and n.recorded_at <= moment and n.outcome in ('complete', 'partial')
            ) end as observed_at
        from reporting.observations v
        where v.resource = 'connections' and v.observed_from <= moment
        order by v.organization, v.observed_from desc
    ) o on o.organization = k.organization
    cross join lateral (
        select case
                when o.is_observed is not true then 'unknown'
                when not k.is_valid then 'absent'
                when k.withheld_since <= moment then 'unknown'
                else 'present'
            end as state
    ) s
    left join lateral (
        select
            k.valid_from, k.valid_to, k.name, k.type_id, k.type_name, k.operations, k.status,
            k.is_healthy, k.status_error, k.endpoint, k.saved, k.configuration, k.policies,
            k.parent_connection_id, k.created_at, k.created_by_id, k.created_by_name,
            k.created_by_type, k.updated_at, k.updated_by_id, k.updated_by_name,
            k.updated_by_type, k.extra
    ) p on s.state = 'present';
end;

comment on function reporting.connections_as_of(timestamptz) is
    'Every connection ever known as it was at a moment. state: present; absent (we looked, and it was not there); unknown (nobody looked then, or it was missing and its removal not proven yet). observed_at: the latest look up to that moment. The fields are those of connection_history, NULL unless present.';
