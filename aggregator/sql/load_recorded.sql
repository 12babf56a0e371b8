-- How scopes of a run ended, as far as it is recorded.
-- $1 uuid: run, $2 text[]: organizations.
select
    organization, resource, finished_at, outcome, error, seen, created, updated, unchanged,
    removed, restored, withheld, rejected
from ledger.run_organizations
where run_id = $1 and organization = any ($2)
