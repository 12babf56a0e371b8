-- Closed versions of a resource that ended before a moment. Of what is not there any more the last
-- removal is kept, so that it is known when it went, and that it is old should it come back; but
-- not of people, who are forgotten.
-- $1 text: resource, $2 timestamptz: since when history is kept.
-- Gives rows, and the days of the oldest and the newest.
select
    count(*) as rows,
    (min(h.valid_to) at time zone 'UTC')::date as oldest,
    (max(h.valid_to) at time zone 'UTC')::date as newest
from inventory.history h
where h.resource = $1 and h.valid_to < $2
    and (
        h.change <> 'removed'
        or h.resource = 'users'
        or exists (
            select
            from inventory.{table} c
            where c.deployment = h.deployment and c.organization_id = h.organization_id
                and c.id = h.id
        )
        or exists (
            select
            from inventory.history later
            where later.resource = h.resource and later.deployment = h.deployment
                and later.organization_id = h.organization_id and later.id = h.id
                and later.valid_from > h.valid_from
        )
    )
