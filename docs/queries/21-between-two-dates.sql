-- Which connections are not as they were two weeks ago?
--
-- A row is a connection whose state or version differs between the two moments: present, absent or
-- unknown (nobody can say: then it may or may not have changed). What changed and changed back is not
-- seen; reporting.connection_changes has every step.
with asked as (
    select now() - interval '14 days' as earlier, now() as later
), before as (
    select s.* from asked cross join lateral reporting.connections_as_of(asked.earlier) s
), after as (
    select s.* from asked cross join lateral reporting.connections_as_of(asked.later) s
)
select a.organization, a.last_known_name as name, b.state as state_before, a.state as state_after,
    b.status as status_before, a.status as status_after, b.endpoint as endpoint_before,
    a.endpoint as endpoint_after, a.updated_by_name, a.observed_at
from after a
join before b using (organization, deployment, organization_id, connection_id)
where (b.state, b.valid_from) is distinct from (a.state, a.valid_from)
order by a.organization, name, a.connection_id;
