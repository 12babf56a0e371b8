-- Which organizations were last read completely more than a day ago?
--
-- The oldest first; those that never were come before all others, their age is NULL. Whatever the
-- other views show of them is as old as last_complete_at. Disabled organizations, and those that are
-- gone upstream, are not asked for.
with asked as (
    select now() - interval '1 day' as since
)
select o.organization, o.status, o.last_complete_at,
    date_trunc('minute', now() - o.last_complete_at) as age, o.last_outcome, o.last_error,
    o.resources_not_complete, o.connections
from reporting.organizations o
cross join asked
where o.is_expected and coalesce(o.last_complete_at < asked.since, true)
order by o.last_complete_at nulls first, o.organization;
