-- Deletes days of reading for which API usage is not kept, up to a number of rows.
-- $1 timestamptz: since when API usage is kept, $2 integer: how many.
-- Gives one row for each that is deleted.
delete from ledger.scope_days
where ctid = any(array(
    select ctid from ledger.scope_days where day < ($1 at time zone 'UTC')::date limit $2
))
returning 1
