-- Which organizations' Salesforce connections turned unhealthy this week, and are they still?
--
-- A row is one time that a connection turned. now is as of last_seen_at: of an organization that could
-- not be read since, nobody knows more; removed: it is not there any more. A connection that was
-- unhealthy when it was first seen did not turn; what came and went between two runs was not seen.
with asked as (
    select 'Salesforce' as type_name, now() - interval '7 days' as since
), turned as (
    select h.organization, h.deployment, h.organization_id, h.connection_id, h.name, h.valid_from,
        h.status_error
    from reporting.connection_changes c
    cross join asked
    join reporting.connection_history h
        on h.deployment = c.deployment and h.organization_id = c.organization_id
        and h.connection_id = c.connection_id and h.valid_from = c.changed_at
        and h.change = c.change
    where c.field = 'status' and c.changed_at >= asked.since and h.type_name = asked.type_name
        and not h.is_healthy
        and coalesce(lower(nullif(c.old_value #>> '{}', '')), 'healthy') = 'healthy'
)
select t.organization, t.name, t.valid_from as turned_unhealthy_at, t.status_error,
    case
        when n.connection_id is null then 'removed'
        when n.is_healthy then 'healthy'
        when n.is_healthy is null then 'not known'
        else 'unhealthy'
    end as now,
    n.last_seen_at
from turned t
left join reporting.connections n using (deployment, organization_id, connection_id)
order by turned_unhealthy_at desc, t.organization, t.name;
