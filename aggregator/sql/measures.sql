-- What metrics say beside the account of a run: how the whole inventory stands.
-- $1 uuid: run, null where it has no account.  Gives document, one JSON text; times are seconds since 1970, null: never.
select jsonb_build_object(
    'limit_wait_seconds', (
        select sum(waited_seconds) from ledger.run_organizations where run_id = $1
    ),
    'last_complete_run_at', (
        select extract(epoch from max(finished_at)) from ledger.runs where status = 'complete'
    ),
    'withheld', (
        select coalesce(jsonb_object_agg(w.resource, w.rows), '{}')
        from (
            select s.resource, sum(s.withheld) as rows
            from ledger.scopes s
            join ledger.resources r using (resource)
            where r.is_enabled
            group by s.resource
        ) w
    ),
    'organizations', (
        select coalesce(jsonb_object_agg(o.status, o.organizations), '{}')
        from (
            select status, count(*) as organizations from reporting.organizations group by status
        ) o
    ),
    'oldest_complete_at', extract(epoch from min(e.last_complete_at)),
    'never_complete', count(*) filter (where e.is_enabled and e.last_complete_at is null),
    'connections', coalesce(sum(e.connections), 0),
    'healthy_connections', coalesce(sum(e.healthy_connections), 0),
    'unhealthy_connections', coalesce(sum(e.unhealthy_connections), 0)
)::text as document
from (
    select
        is_enabled, case when is_enabled then last_complete_at end as last_complete_at,
        connections, healthy_connections, unhealthy_connections
    from (
        select *, is_expected and status <> 'no_key' as is_enabled from reporting.organizations
    ) o
) e
