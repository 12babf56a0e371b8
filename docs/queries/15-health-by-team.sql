-- How healthy are the connections of each team?
--
-- By the tag team of the registry file; put region or any other tag of yours in its place. NULL: no
-- such tag. organizations_complete of organizations were read in the last run that tried them; what is
-- counted of the others is older, at worst from oldest_observed_at (NULL: one was never read whole).
-- healthy_percent_of_known leaves out connections without a status.
with asked as (
    select 'team' as tag
)
select h.tags ->> asked.tag as team,
    sum(h.organizations_expected)::bigint as organizations,
    sum(h.organizations_complete)::bigint as organizations_complete,
    case when bool_and(h.oldest_observed_at is not null) then min(h.oldest_observed_at) end
        as oldest_observed_at,
    sum(h.connections)::bigint as connections,
    sum(h.unhealthy_connections)::bigint as unhealthy_connections,
    sum(h.connections_without_status)::bigint as connections_without_status,
    round(
        100.0 * sum(h.healthy_connections)
            / nullif(sum(h.healthy_connections + h.unhealthy_connections), 0), 1
    ) as healthy_percent_of_known,
    min(h.unhealthy_since) as unhealthy_since
from reporting.organization_health h
cross join asked
where h.organizations_expected = 1
group by 1
order by unhealthy_connections desc nulls last, team;
