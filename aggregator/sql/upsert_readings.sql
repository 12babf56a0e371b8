-- Writes the staged readings that differ, in key order.
insert into inventory.{table}_readings (deployment, organization_id, id, {readings}, read_at)
select s.deployment, s.organization_id, s.id, {staged_readings}, now()
from pg_temp.stage_{table}_readings s
left join lateral (
    select *
    from inventory.{table}_readings t
    where t.deployment = s.deployment and t.organization_id = s.organization_id and t.id = s.id
    offset 0  -- one look-up by key for each staged row, whatever the statistics say
) r on true
where r.id is null or ({staged_readings}) is distinct from ({stored_readings})
order by s.deployment, s.organization_id, s.id
on conflict (deployment, organization_id, id) do update
set ({readings}) = row ({excluded_readings}), read_at = excluded.read_at
