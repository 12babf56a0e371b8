-- Which connections change most often, and in what?
--
-- Of the last 30 days, counted by run that saw something change: several edits between two runs are
-- one. Changes of health are left out, for them see 12-flapping.sql.
with asked as (
    select now() - interval '30 days' as since
)
select c.organization, c.id as connection_id,
    (array_agg(c.name order by c.changed_at desc))[1] as name,
    count(distinct c.changed_at) as changes, array_agg(distinct c.field order by c.field) as fields,
    max(c.changed_at) as last_changed_at
from reporting.changes c
cross join asked
where c.resource = 'connections' and c.change = 'updated' and c.changed_at >= asked.since
    and c.field not in ('status', 'status_error', 'updated_at')
group by c.organization, c.deployment, c.organization_id, c.id
order by changes desc, c.organization, name
limit 50;
