-- Everything known of one connection, in each organization that has or had it.
-- $1 text: id.  Gives document, one JSON text.
with version as (
    select * from reporting.connection_history where connection_id = $1
), place as (
    select distinct organization, deployment, organization_id, organization_name from version
), attempt as (
    -- A retired name (name~id) was the plain one while its organization was read.
    select
        p.deployment, p.organization_id, n.run_id, n.recorded_at, n.outcome, n.error, n.request_id,
        n.outcome in ('complete', 'partial') and exists (
            -- Under one name an organization of the same id may have been read on two deployments.
            select
            from reporting.observations b
            where b.organization = p.organization and b.resource = n.resource
                and n.recorded_at between b.observed_from and b.observed_to
        ) and exists (
            select
            from version v
            where v.deployment = p.deployment and v.organization_id = p.organization_id
                and v.valid_from <= n.recorded_at and coalesce(v.valid_to > n.recorded_at, true)
                and coalesce(v.withheld_since > n.recorded_at, true)
        ) as saw_it
    from place p
    join reporting.run_organizations n
        on n.resource = 'connections' and n.organization = split_part(p.organization, '~', 1)
        and (
            n.organization_id = p.organization_id
            or n.organization_id is null and n.organization = p.organization
        )
), explained as (
    select
        p.organization, p.deployment, p.organization_id, p.organization_name,
        case
            when c.connection_id is null then 'removed'
            when c.withheld_since is not null then 'withheld'
            when o.is_observed then 'present'
            else 'unobserved'
        end as state,
        v.name, v.type_id, v.first_seen_at,
        case when c.connection_id is null then v.removed_at end as removed_at,
        c.withheld_since, c.withheld_reason,
        -- As it was read last; nothing of one that is removed.
        c.status, c.is_healthy, case when c.status <> '' then c.status_since end as status_since,
        c.status_error, c.endpoint, c.type_name,
        coalesce(o.is_observed, false) as is_observed, o.last_look_at,
        (
            select to_jsonb(a)
            from (
                select run_id, recorded_at, outcome, error
                from attempt
                where deployment = p.deployment and organization_id = p.organization_id
                    and outcome not in ('deferred', 'cancelled')
                order by recorded_at desc
                limit 1
            ) a
        ) as last_attempt,
        (
            select to_jsonb(a)
            from (
                select run_id, recorded_at, request_id
                from attempt
                where deployment = p.deployment and organization_id = p.organization_id and saw_it
                order by recorded_at desc
                limit 1
            ) a
        ) as last_confirmed,
        v.versions,
        (
            select jsonb_build_object(
                'saw_it', count(*) filter (where saw_it),
                'first_saw_it_at', min(recorded_at) filter (where saw_it),
                'last_saw_it_at', max(recorded_at) filter (where saw_it),
                'latest', coalesce(
                    jsonb_agg(
                        to_jsonb(a) - '{deployment,organization_id,number}'::text[]
                        order by number
                    ) filter (where number <= 10),
                    '[]'
                )
            )
            from (
                select *, row_number() over (order by recorded_at desc) as number
                from attempt
                where deployment = p.deployment and organization_id = p.organization_id
            ) a
        ) as runs
    from place p
    left join reporting.connections c
        on c.deployment = p.deployment and c.organization_id = p.organization_id
        and c.connection_id = $1
    left join lateral (
        select bool_or(is_open) as is_observed, max(observed_to) as last_look_at
        from reporting.observations
        where organization = p.organization and resource = 'connections'
    ) o on true
    cross join lateral (
        select
            min(v.valid_from) as first_seen_at,
            max(v.valid_from) filter (where v.change = 'removed') as removed_at,
            (array_agg(v.name order by v.valid_from desc))[1] as name,
            (array_agg(v.type_id order by v.valid_from desc))[1] as type_id,
            jsonb_agg(
                jsonb_build_object(
                    'valid_from', v.valid_from, 'valid_to', v.valid_to, 'change', v.change,
                    'fields', (
                        select coalesce(
                            jsonb_agg(
                                jsonb_build_object(
                                    'field', f.field, 'old_value', f.old_value,
                                    'new_value', f.new_value
                                )
                                order by f.field
                            ),
                            '[]'
                        )
                        from reporting.connection_changes f
                        where f.connection_id = $1 and f.deployment = v.deployment
                            and f.organization_id = v.organization_id
                            and f.changed_at = v.valid_from and f.field is not null
                    )
                )
                order by v.valid_from
            ) as versions
        from version v
        where v.deployment = p.deployment and v.organization_id = p.organization_id
    ) v
)
select jsonb_build_object(
    'connection_id', $1::text,
    'as_of', now(),
    'organizations', coalesce(jsonb_agg(to_jsonb(e) order by e.organization), '[]')
)::text as document
from explained e
