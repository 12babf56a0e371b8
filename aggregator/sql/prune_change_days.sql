-- Deletes counts of changes whose versions are not kept, up to a number of rows.
-- $1 timestamptz: since when history is kept, $2 integer: how many.
-- Gives one row for each that is deleted.
delete from inventory.change_days
where ctid = any(array(
    select ctid from inventory.change_days where day < ($1 at time zone 'UTC')::date limit $2
))
returning 1
