-- Deletes what prunable_history.sql counts, up to a number of rows.
-- $1 text: resource, $2 timestamptz: since when history is kept, $3 integer: how many.
-- Gives one row for each that is deleted.
delete from inventory.history
where ctid = any(array(
    select h.ctid
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
    limit $3
))
returning 1
