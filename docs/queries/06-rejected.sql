-- Which records could not be stored in the last week, and why?
--
-- A row is a reason, with how many different records it kept out and whether the organization's last
-- run still met it: then these records are missing, or shown as they were before. Records without an
-- id count once each time.
with asked as (
    select now() - interval '7 days' as since
)
select r.organization, r.resource, r.reason,
    count(distinct r.record_id) + count(*) filter (where r.record_id is null) as records,
    min(r.record_id) as example_id, min(r.rejected_at) as first_rejected_at,
    max(r.rejected_at) as last_rejected_at,
    bool_or(r.rejected_at >= n.started_at) as is_current
from reporting.rejected_records r
cross join asked
left join (
    select organization, resource, max(started_at) as started_at
    from reporting.run_organizations
    group by organization, resource
) n using (organization, resource)
where r.rejected_at >= asked.since
group by r.organization, r.resource, r.reason
order by records desc, r.organization, r.resource, r.reason;
