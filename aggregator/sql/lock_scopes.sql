-- Locks scopes for this transaction, in one order for all writers.
-- $1 text[]: organizations, $2 text: resource, $3 bigint: our generation.
-- Gives organization and the generation that wrote it last, for those that no newer run has written.
select organization, generation
from (
    select organization, generation
    from ledger.scopes
    where organization = any ($1) and resource = $2
    order by organization
    for update
) locked
where generation <= $3
