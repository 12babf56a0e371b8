-- Deletes intervals of looks that ended before history is kept, up to a number of rows.
-- $1 timestamptz: since when history is kept, $2 integer: how many.
-- Gives one row for each that is deleted.
delete from ledger.observations
where ctid = any(array(
    select ctid from ledger.observations where observed_to < $1 limit $2
))
returning 1
