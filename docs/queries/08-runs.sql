-- How long did the runs of the last two weeks take, how often was a request sent again, and how did
-- they end?
--
-- A row is a day (UTC) on which a run began. retry_percent of more than a few says that servers fail
-- or limit us; waited_seconds adds up all organizations, which wait at the same time. A day without
-- a row had no run: nothing of it is known. Runs that still go on have no duration yet.
with asked as (
    select now() - interval '14 days' as since
), waited as (
    select n.run_id, sum(n.waited_seconds) as seconds
    from reporting.run_organizations n
    join reporting.runs r using (run_id)
    cross join asked
    where r.started_at >= asked.since
    group by n.run_id
)
select (r.started_at at time zone 'UTC')::date as day,
    count(*) as runs,
    count(*) filter (where r.status = 'complete') as complete_runs,
    round(percentile_cont(0.5) within group (order by r.duration_seconds)::numeric, 1)
        as median_seconds,
    round(max(r.duration_seconds)::numeric, 1) as longest_seconds,
    sum(r.requests)::bigint as requests,
    round(100.0 * sum(r.retries) / nullif(sum(r.requests), 0), 1) as retry_percent,
    round(sum(w.seconds)::numeric, 1) as waited_seconds,
    min(r.organizations_complete) as least_organizations_complete,
    max(r.organizations_total) as organizations,
    max(r.headline) as headline
from reporting.runs r
cross join asked
left join waited w using (run_id)
where r.started_at >= asked.since
group by 1
order by day desc;
