-- Which records could not be stored in the last week, and why?
--
-- A row is a reason, with how many different records it kept out; records without an id count once each
-- time. is_current: the run that last read the resource, at last_read_at, still met it, so these records
-- are missing, or shown as they were before. NULL: an attempt failed since, so nobody knows.
with asked as (
    select now() - interval '7 days' as since
), rejected as (
    select r.organization, r.resource, r.reason,
        count(distinct i.record_id) + count(*) filter (where i.record_id is null) as records,
        min(i.record_id) as example_id, min(r.rejected_at) as first_rejected_at,
        max(r.rejected_at) as last_rejected_at, array_agg(distinct r.run_id) as run_ids
    from reporting.rejected_records r
    cross join asked
    cross join lateral (select nullif(r.record_id, '') as record_id) i
    where r.rejected_at >= asked.since
    group by r.organization, r.resource, r.reason
)
select r.organization, r.resource, r.reason, r.records, r.example_id, r.first_rejected_at,
    r.last_rejected_at, case when a.run_id = l.run_id then l.run_id = any (r.run_ids) end as is_current,
    l.recorded_at as last_read_at
from rejected r
left join lateral (
    select n.run_id, n.recorded_at
    from reporting.run_organizations n
    where n.organization = r.organization and n.resource = r.resource
        and n.outcome in ('complete', 'partial')
    order by n.recorded_at desc
    limit 1
) l on true
left join lateral (
    select n.run_id
    from reporting.run_organizations n
    where n.organization = r.organization and n.resource = r.resource
        and n.outcome not in ('deferred', 'cancelled')
    order by n.recorded_at desc
    limit 1
) a on true
order by r.records desc, r.organization, r.resource, r.reason;
