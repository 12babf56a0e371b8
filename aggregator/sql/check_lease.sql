-- Whether a run may write: the run lock's transaction still lives, and nobody declared the run dead.
-- Until the end of this transaction nobody can: that would have to change the row locked here.
-- $1 text: the lock's transaction, $2 uuid: run.  Gives locked; status, null before the run began.
select
    case  -- a number that the server has not reached is an error to it: lost in a crash or failover
        when $1::text::xid8 < pg_current_xact_id()
            then coalesce(pg_xact_status($1::text::xid8) = 'in progress', false)
        else false
    end as locked,
    (select status from ledger.runs where run_id = $2 for share) as status
