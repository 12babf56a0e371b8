-- Expected organizations by status of all their resources, the good ones first.
select status, count(*) as organizations
from reporting.organizations
where is_expected
group by status
order by array_position(array['complete', 'stale', 'failed', 'never', 'no_key'], status)
