-- What do we not know, or not know any more, and why?
--
-- A row is an organization and a way in which the last reading of some of its resources fell short.
-- stale: what is shown of them is from last_complete_at (of the oldest); failed and never: they were
-- never known whole; no_key: no key of ours reads the organization; complete: they were read whole, but
-- that was more than 26 hours ago, and no run has tried them since (each put them off, or none ran).
-- No rows: all was read, and in the last 26 hours.
with asked as (
    select now() - interval '26 hours' as since
)
select c.organization, c.status, c.last_outcome, c.last_error,
    array_agg(c.resource order by c.resource) as resources,
    max(c.last_attempt_at) as last_attempt_at, min(c.last_complete_at) as last_complete_at
from reporting.coverage c
cross join asked
where c.status <> 'complete' or c.last_complete_at < asked.since
group by c.organization, c.status, c.last_outcome, c.last_error
order by c.organization, c.status, c.last_outcome;
