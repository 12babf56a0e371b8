-- What do we not know, or not know any more, and why?
--
-- A row is an organization and a way in which the last reading of some of its resources fell short.
-- stale: what is shown of them is from last_complete_at (of the oldest); failed and never: they were
-- never known whole; no_key: no key of ours reads the organization. No rows: all was read.
select organization, status, last_outcome, last_error,
    array_agg(resource order by resource) as resources,
    max(last_attempt_at) as last_attempt_at, min(last_complete_at) as last_complete_at
from reporting.coverage
where status <> 'complete'
group by organization, status, last_outcome, last_error
order by organization, status, last_outcome;
