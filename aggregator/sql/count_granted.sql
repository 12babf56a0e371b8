-- How many organizations a login sees.
-- $1 text: login.
select count(*) from ledger.grantees where login = $1
