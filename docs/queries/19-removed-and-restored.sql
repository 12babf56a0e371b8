-- What was removed in the last 30 days, and what came back?
--
-- A removal is proven, and dated by the run that proved it: it went at some time before. What answers
-- lack without proof is not here but in 05-withheld.sql. is_back: it was restored later. What is read
-- of a connection beside it (proxy, schemas, sources and usage) goes with it, and is not listed.
with asked as (
    select now() - interval '30 days' as since
)
select c.changed_at, c.organization, c.resource, c.id, c.name, c.change,
    c.change = 'removed' and coalesce(
        lead(c.change) over (
            partition by c.resource, c.deployment, c.organization_id, c.id order by c.changed_at
        ) = 'restored', false
    ) as is_back
from reporting.changes c
cross join asked
where c.change in ('removed', 'restored') and c.changed_at >= asked.since
    and c.resource not in (
        'connection_proxy', 'connection_schemas', 'connection_sources', 'connection_usage'
    )
order by c.changed_at desc, c.organization, c.resource, c.id;
