-- Deletes the oldest run that is not kept, with all its books. The last complete one stays: since when
-- none was complete is to be known.
-- $1 timestamptz: since when runs are kept.  Gives one row where there was one.
delete from ledger.runs
where run_id = (
    select run_id
    from ledger.runs
    where finished_at < $1
        and run_id is distinct from (
            select run_id
            from ledger.runs
            where status = 'complete'
            order by finished_at desc
            limit 1
        )
    order by finished_at
    limit 1
)
returning 1
