-- Organizations that were tried before, the stalest first.
-- $1 text[]: resources.  Gives organization, and whether its key worked: the last attempt at anything
-- of it was complete, and none was refused with 401.
select
    s.organization,
    bool_or(s.last_outcome = 'complete') and not bool_or(s.last_outcome = 'unauthorized') as worked
from ledger.scopes s
where s.resource = any ($1) and s.last_attempt_at is not null
group by s.organization
order by bool_or(s.last_complete_at is null) desc, min(s.last_complete_at), s.organization
