-- Who changed the host or account that a connection points to?
--
-- updated_by_name is who last edited the connection, as the server said when a run saw the new host:
-- if several edited it between two runs, the last of them, and NULL where the server does not say.
-- Hosts are read from configurations, best effort; a masked one is not seen to change.
with asked as (
    select now() - interval '90 days' as since, '%' as host  -- such as '%.example.com'
)
select c.changed_at, c.organization, h.name, h.type_name, c.old_value #>> '{}' as old_host,
    c.new_value #>> '{}' as new_host, h.updated_by_name, h.updated_by_type, h.updated_at
from reporting.connection_changes c
cross join asked
join reporting.connection_history h
    on h.deployment = c.deployment and h.organization_id = c.organization_id
    and h.connection_id = c.connection_id and h.valid_from = c.changed_at and h.change = c.change
where c.field = 'endpoint' and c.changed_at >= asked.since
    and (c.old_value #>> '{}' like asked.host or c.new_value #>> '{}' like asked.host)
order by c.changed_at desc, c.organization, h.name;
