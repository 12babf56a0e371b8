-- Changes of the last 7 days but first loads, the newest first.  Takes: how many.
select
    changed_at, organization, resource, name, change, field,
    count(*) over () as total
from reporting.changes
where changed_at > now() - interval '7 days' and not is_first_load
order by changed_at desc, organization, resource, id, field
limit $1
