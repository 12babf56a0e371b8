-- What was there a week ago, and of which organizations can nobody say?
--
-- was_looked_at false: nobody looked at that moment, so 0 is not 0, and what is known from before or
-- after is unknown. So is, also where somebody looked, what answers lacked without proof. observed_at
-- is the look that the numbers stand on.
with asked as (
    select now() - interval '7 days' as moment
), past as (
    select s.organization, s.state, s.is_healthy, s.observed_at
    from asked
    cross join lateral reporting.connections_as_of(asked.moment) s
), looked as (
    select distinct v.organization
    from reporting.observations v
    cross join asked
    where v.resource = 'connections' and v.observed_from <= asked.moment
        and (asked.moment <= v.observed_to or v.is_open)
)
select o.organization, l.organization is not null as was_looked_at,
    count(*) filter (where p.state = 'present') as present,
    count(*) filter (where p.state = 'present' and not p.is_healthy) as unhealthy,
    count(*) filter (where p.state = 'unknown') as unknown,
    max(p.observed_at) as observed_at
from reporting.organizations o
left join looked l using (organization)
left join past p using (organization)
group by o.organization, l.organization
order by was_looked_at, o.organization;
