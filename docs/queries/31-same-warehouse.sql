-- Which warehouses, hosts and accounts do several organizations use, each by a connection of its own?
--
-- Names of hosts are read from configurations, best effort: one machine can have several names, and
-- masked ones are not found. Shared copies are one connection. Truth is as old as the organizations are
-- read: see 02-older-than-a-day.sql; of those without a key nothing is in it.
select endpoint, type_ids, cardinality(organizations) as organizations_count, organizations,
    connections, distinct_connections
from reporting.same_endpoint
order by organizations_count desc, endpoint, type_ids;
