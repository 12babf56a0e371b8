-- Which connections make the most API calls, and which are limited by the service?
--
-- Calls in the 24 hours before last_seen_at. rate_limited is NULL where the server says nothing of it
-- (rate_limit_reported is false on older servers); the time at which a limit ends is no promise. A
-- connection that does not report calls may make many. Organizations that are disabled or gone upstream
-- are left out.
select organization, name, type_name, api_calls_last_24_hours,
    round(
        100.0 * api_calls_last_24_hours
            / nullif(sum(api_calls_last_24_hours) over (partition by organization), 0), 1
    ) as percent_of_organization,
    rate_limited, rate_limited_since, rate_limit_expires_at, rate_limit_reported, last_seen_at
from reporting.connections
where is_expected and (api_calls_last_24_hours is not null or rate_limited)
order by rate_limited desc nulls last, api_calls_last_24_hours desc nulls last, organization, name
limit 100;
