-- How healthy is the fleet, and how far can these numbers be trusted?
--
-- One row. distinct_connections counts shared copies as the one connection they lead to; the strict
-- numbers are NULL unless every expected organization was complete in the last run that tried it.
-- oldest_observed_at: some of these numbers are that old; NULL: an organization was never read whole.
-- healthy_percent_of_known leaves out connections without a status; the shares on the page of
-- aggregator report are of all connections.
select organizations_complete, organizations_expected, is_complete, oldest_observed_at,
    connections, distinct_connections, healthy_connections, unhealthy_connections,
    connections_without_status, withheld_connections, unhealthy_organizations,
    round(100.0 * healthy_connections / nullif(healthy_connections + unhealthy_connections, 0), 1)
        as healthy_percent_of_known,
    strict_connections, strict_unhealthy_connections
from reporting.fleet_summary;
