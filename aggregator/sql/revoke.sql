-- Takes all that was granted to a login.
-- $1 text: login.  Gives how many grants that were.
with gone as (
    delete from ledger.grants where login = $1 returning login
)
select count(*) from gone
