-- Connection types in use, the most used first.  Takes: how many.
select
    type_id, type_name, organizations, connections, distinct_connections, healthy_connections,
    unhealthy_connections, connections_without_status, withheld_connections,
    count(*) over () as total
from reporting.connection_types_in_use
order by connections desc nulls last, type_id
limit $1
