-- What is not complete, by organization and reason, the longest unknown first.  Takes: how many.
with organization as (
    select organization, count(*) as resources from reporting.coverage group by organization
)
select
    c.organization, c.status, c.last_outcome, c.last_error,
    min(c.last_complete_at) as last_complete_at,
    max(c.last_attempt_at) as last_attempt_at,
    array_agg(c.resource order by c.resource) as resources,
    count(*) = min(o.resources) as is_all,
    count(*) over () as total
from reporting.coverage c
join organization o using (organization)
where c.status <> 'complete'
group by c.organization, c.status, c.last_outcome, c.last_error
order by min(c.last_complete_at) nulls first, c.organization, count(*) desc, c.status
limit $1
