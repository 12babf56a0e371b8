-- How many API calls did each type of connection make, by month?
--
-- Servers tell a moving number of the last 24 hours; each day (UTC) counts with its last reading, so a
-- month is an estimate. days_read: days of the month on which any such connection was read. readings:
-- how many such numbers api_calls adds up, one for a connection and a day; fewer than connections times
-- days_read: some were not read, or not there, on some of these days. Calls of other days are missing.
-- Types that report no calls are not here, and removed connections have no type.
select date_trunc('month', u.day)::date as month, u.type_id,
    sum(u.api_calls_last_24_hours)::bigint as api_calls, count(distinct u.day) as days_read,
    count(u.api_calls_last_24_hours) as readings,
    count(distinct (u.deployment, u.organization_id, u.connection_id)) as connections,
    count(distinct u.organization) as organizations
from reporting.api_usage_daily u
group by 1, 2
order by month desc, api_calls desc nulls last, u.type_id;
