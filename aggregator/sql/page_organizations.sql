-- Every organization, those to look at first.  Takes: how many.
select
    organization, status, last_complete_at, connections, healthy_connections,
    unhealthy_connections, withheld_connections,
    array(select array[t.key, t.value] from jsonb_each_text(tags) t order by t.key) as tags,
    count(*) over () as total
from reporting.organizations
order by
    array_position(array['failed', 'never', 'no_key', 'stale', 'complete'], status) nulls last,
    unhealthy_connections desc nulls last, organization
limit $1
