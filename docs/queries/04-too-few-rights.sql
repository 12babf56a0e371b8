-- Which of our keys may not read all that they should?
--
-- A row is an organization and how the server refused: unauthorized (a dead key), forbidden (too few
-- rights), wrong_key_type or org_mismatch (another organization's key). last_complete_at is until when
-- all of these resources were known; NULL: at least one never was. key_class says whose key it is,
-- NULL while none ever worked. A key that sees less without being refused is not found here.
select c.organization, o.key_class, c.last_outcome,
    array_agg(c.resource order by c.resource) as resources,
    case when bool_and(c.last_complete_at is not null) then min(c.last_complete_at) end
        as last_complete_at,
    max(c.last_attempt_at) as last_attempt_at
from reporting.coverage c
join reporting.organizations o using (organization)
where c.last_outcome in ('unauthorized', 'forbidden', 'wrong_key_type', 'org_mismatch', 'bad_key')
group by c.organization, o.key_class, c.last_outcome
order by c.organization, c.last_outcome;
