-- Coverage and freshness of everything.  Gives document, one JSON text.
select jsonb_build_object(
    'as_of', now(),
    'coverage', (
        select coalesce(jsonb_object_agg(status, organizations), '{}')
        from (
            select status, count(*) as organizations from reporting.organizations group by status
        ) c
    ),
    'last_run', (
        select to_jsonb(r)
        from (
            select run_id, status, exit_code, started_at, finished_at, headline
            from reporting.runs
            order by started_at desc
            limit 1
        ) r
    ),
    'organizations', (
        select coalesce(jsonb_agg(to_jsonb(o) order by o.organization), '[]')
        from (
            select
                organization, deployment, organization_id, organization_name, status,
                last_attempt_at, last_complete_at,
                extract(epoch from now() - last_complete_at)::bigint as age_seconds,
                last_outcome, last_error, connections, healthy_connections,
                unhealthy_connections, withheld_connections, listed_upstream_at,
                gone_upstream_since, is_expected, resources_complete, resources_not_complete
            from reporting.organizations
        ) o
    )
)::text as document
