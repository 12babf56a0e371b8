-- Which connection types came into use this month?
--
-- Months are those of UTC. in_use_since is when the first connection of the type was created, as the
-- server says, or else when a run first saw one; removed ones count. Organizations that nobody reads
-- may have used it long ago.
with asked as (
    select date_trunc('month', now(), 'UTC') as since
), type as (
    select type_id, max(type_name) as type_name, min(coalesce(created_at, valid_from)) as in_use_since
    from reporting.connection_history
    group by type_id
)
select t.type_id, t.type_name, t.in_use_since, coalesce(n.connections, 0) as connections,
    coalesce(n.organizations, 0) as organizations
from type t
cross join asked
left join reporting.connection_types_in_use n using (type_id)
where t.in_use_since >= asked.since
order by t.in_use_since, t.type_id;
