-- Notes how scopes ended; digests and times of scopes that were not read stay. A look continues the
-- interval of the look before, unless an attempt failed between them or they are too far apart.
-- $1 text: resource, $2 bigint: generation, $3 jsonb: [{organization, outcome, error, attempt_at,
--   was_read, bytes_digest, tracked_digest, readings_digest (hex), records, withheld, rights, grew,
--   kinds, details_read}]
with ended as (
    select
        r.*, s.observed_since, s.observed_until, s.last_read_at is null as is_first,
        s.last_outcome not in ('complete', 'partial')
            or now() - s.observed_until > ledger.observation_gap() as is_gap,
        r.was_read and r.outcome = 'complete' and r.withheld = 0 and r.rights is not null
            as shows_rights
    from jsonb_to_recordset($3) as r (
        organization text, outcome text, error text, attempt_at timestamptz, was_read boolean,
        bytes_digest text, tracked_digest text, readings_digest text, records integer,
        withheld integer, rights text, grew boolean, kinds text[], details_read boolean
    )
    join ledger.scopes s on s.organization = r.organization and s.resource = $1
), closed as (
    insert into ledger.observations (organization, resource, observed_from, observed_to)
    select r.organization, $1, r.observed_since, r.observed_until
    from ended r
    where r.was_read and r.is_gap and r.observed_since is not null
    order by r.organization
    on conflict do nothing
), day as (
    insert into ledger.scope_days (organization, resource, day, api_calls, connections)
    select
        r.organization, $1, (now() at time zone 'UTC')::date, u.api_calls,
        nullif(u.connections, 0)
    from ended r
    left join lateral (
        select
            sum(v.api_calls_last_24_hours) as api_calls,
            count(v.api_calls_last_24_hours) as connections
        from ledger.organizations o
        join inventory.connections_readings v using (deployment, organization_id)
        where $1 = 'connections' and o.organization = r.organization
    ) u on true
    where r.was_read
        and not exists (
            select
            from ledger.scope_days d
            where d.organization = r.organization and d.resource = $1
                and d.day = (now() at time zone 'UTC')::date
        )
    order by r.organization
    on conflict do nothing
), first as (
    -- Also where there was nothing: what comes later is new.
    insert into inventory.first_reads (resource, deployment, organization_id, read_at)
    select $1, o.deployment, o.organization_id, now()
    from ended r
    join ledger.organizations o using (organization)
    left join ledger.resources k on k.resource = $1
    where r.was_read and r.is_first and o.organization_id is not null
        and coalesce(k.per <> 'deployment', true)
    order by o.deployment, o.organization_id
    on conflict do nothing
)
update ledger.scopes s
set generation = $2,
    last_attempt_at = r.attempt_at,
    last_outcome = r.outcome,
    last_error = r.error,
    last_read_at = case when r.was_read then r.attempt_at else s.last_read_at end,
    -- Its age is told by the database's clock, and a clock of ours that is ahead makes nothing fresh.
    last_complete_at = case when r.outcome = 'complete' then least(r.attempt_at, now())
                            else s.last_complete_at end,
    bytes_digest = case when r.was_read then decode(r.bytes_digest, 'hex')
                        else s.bytes_digest end,
    tracked_digest = case when r.was_read then decode(r.tracked_digest, 'hex')
                          else s.tracked_digest end,
    readings_digest = case when r.was_read then decode(r.readings_digest, 'hex')
                           else s.readings_digest end,
    records = case when r.was_read then r.records else s.records end,
    withheld = case when r.was_read then r.withheld else s.withheld end,
    kinds = case when r.was_read then r.kinds else s.kinds end,
    details_read_at = case when r.details_read then now() else s.details_read_at end,
    -- Rows that are missing were seen with the rights of then: these are to be had again, and
    -- today's are never taken for them. A verdict that was not written says nothing.
    rights = case when r.shows_rights then r.rights else s.rights end,
    rights_seen = case when not r.shows_rights then s.rights_seen else (
        select jsonb_build_object(r.rights, now()) || coalesce(jsonb_object_agg(key, value), '{}')
        from (
            select key, value
            from jsonb_each(s.rights_seen)
            where key <> r.rights
            order by value desc
            limit 3
        ) e
    ) end,
    -- After a change they are asked for again, until they are the same twice.
    rights_hold = case when r.shows_rights then r.rights = coalesce(s.rights, r.rights)
                       else s.rights_hold and not r.grew end,
    observed_since = case when not r.was_read then s.observed_since
                          when r.is_gap or s.observed_since is null then now()
                          else s.observed_since end,
    observed_until = case when r.was_read then greatest(now(), s.observed_until)
                          else s.observed_until end
from ended r
where s.organization = r.organization and s.resource = $1
