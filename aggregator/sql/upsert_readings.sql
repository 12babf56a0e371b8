-- Writes the staged readings that differ, in key order.
insert into inventory.{table}_readings (deployment, organization_id, id, {readings}, read_at)
select s.deployment, s.organization_id, s.id, {staged_readings}, now()
from pg_temp.stage_{table}_readings s
left join inventory.{table}_readings r using (deployment, organization_id, id)
where r.id is null or ({staged_readings}) is distinct from ({stored_readings})
order by s.deployment, s.organization_id, s.id
on conflict (deployment, organization_id, id) do update
set ({readings}) = row ({excluded_readings}), read_at = excluded.read_at
