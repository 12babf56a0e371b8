-- What metrics say of single organizations, those longest without a complete read first.
-- $1 integer: how many at most.
-- Gives organization, status, last_complete_at (seconds since 1970, null: never), connections and
-- unhealthy_connections.
select
    organization, status, extract(epoch from last_complete_at)::double precision as last_complete_at,
    connections, unhealthy_connections
from reporting.organizations
where is_expected
order by reporting.organizations.last_complete_at nulls first, organization
limit $1
