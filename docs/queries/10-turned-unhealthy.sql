-- Which organizations' Salesforce connections turned unhealthy this week, and are they still?
--
-- A row is one time that a connection turned. now is as of last_seen_at: of an organization that could
-- not be read since, nobody knows more; removed: it is not there any more. A connection that was
-- unhealthy when it was first seen did not turn; what came and went between two runs was not seen.
with asked as (
    select 'Salesforce' as type_name, now() - interval '7 days' as since
), version as (
    select h.*,
        lag(coalesce(h.is_healthy, true)) over (
            partition by h.deployment, h.organization_id, h.connection_id
            order by h.valid_from, h.valid_to
        ) as was_healthy
    from reporting.connection_history h
    cross join asked
    where h.type_name = asked.type_name
)
select v.organization, v.name, v.valid_from as turned_unhealthy_at, v.status_error,
    case
        when n.connection_id is null then 'removed'
        when n.is_healthy then 'healthy'
        when n.is_healthy is null then 'not known'
        else 'unhealthy'
    end as now,
    n.last_seen_at
from version v
cross join asked
left join reporting.connections n using (deployment, organization_id, connection_id)
where v.change = 'updated' and v.valid_from >= asked.since and v.was_healthy and not v.is_healthy
order by turned_unhealthy_at desc, v.organization, v.name;
