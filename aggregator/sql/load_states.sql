-- What the ledger knows of some organizations.
-- $1 text[]: organizations.  Gives a row for each scope, or one without scope.
select
    o.organization, o.organization_id, o.key_digest, o.identity_checked_at, s.resource,
    s.last_outcome, s.records, s.withheld, s.bytes_digest, s.tracked_digest, s.readings_digest,
    s.generation, s.rights_seen, s.rights_hold, s.kinds, s.details_read_at
from ledger.organizations o
left join ledger.scopes s using (organization)
where o.organization = any ($1)
