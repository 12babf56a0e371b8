-- What changed on each of the last seven days?
--
-- A day (UTC) without a run shows no change because nobody looked: see runs. A change is dated by the
-- run that saw it, so what happened during a gap appears on the day after it. What is there when an
-- organization is read for the first time is no change. All resources but people count, where they are
-- read: a connection that is removed counts again for its proxy, schemas, sources and usage.
with asked as (
    select (now() at time zone 'UTC')::date - 6 as first_day
), day as (
    select first_day + generate_series(0, 6) as day
    from asked
), changed as (
    select c.day,
        sum(c.changes) filter (where c.change = 'created')::bigint as created,
        sum(c.changes) filter (where c.change = 'updated')::bigint as updated,
        sum(c.changes) filter (where c.change = 'removed')::bigint as removed,
        sum(c.changes) filter (where c.change = 'restored')::bigint as restored,
        count(distinct c.organization) as organizations
    from reporting.changes_daily c
    cross join asked
    where c.day >= asked.first_day and not c.is_first_load
    group by c.day
), ran as (
    select (r.started_at at time zone 'UTC')::date as day, count(*) as runs
    from reporting.runs r
    group by 1
)
select d.day, coalesce(r.runs, 0) as runs, coalesce(c.created, 0) as created,
    coalesce(c.updated, 0) as updated, coalesce(c.removed, 0) as removed,
    coalesce(c.restored, 0) as restored, coalesce(c.organizations, 0) as organizations
from day d
left join ran r using (day)
left join changed c using (day)
order by d.day desc;
