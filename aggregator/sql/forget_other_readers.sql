-- Makes whoever else has read what a deployment has in common look again: what they saw may be stored
-- no longer.
-- $1 text: resource, $2 text[]: organizations that have read it now.
update ledger.scopes s
set bytes_digest = null, tracked_digest = null, readings_digest = null
from ledger.organizations o
join ledger.organizations reader using (deployment)
where s.resource = $1 and s.organization = o.organization and reader.organization = any ($2)
    and o.organization <> all ($2) and s.tracked_digest is not null
