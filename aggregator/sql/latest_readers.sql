-- Whose keys have read something that a whole deployment has in common, the latest first.
-- $1 text: resource.  Gives organization.
select organization
from ledger.scopes
where resource = $1 and last_outcome = 'complete'
order by last_complete_at desc, organization
