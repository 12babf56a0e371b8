-- Moves the versions that the staged records replace to the history. A version lasts at least a
-- microsecond, whatever the clock did since it began, so that no two begin at the same moment.
-- $1 text: resource, $2 bigint: generation.
insert into inventory.history (
    resource, deployment, organization_id, id, valid_from, valid_to, change, changed_fields,
    first_seen_at, generation, record
)
select
    $1, c.deployment, c.organization_id, c.id, c.valid_from,
    greatest(now(), c.valid_from + interval '1 microsecond'), c.change, c.changed_fields,
    c.first_seen_at, c.generation,
    (select to_jsonb(v) from (select {columns}) v)
from (
    select c.*
    from inventory.{table} c
    join pg_temp.stage_{table} s using (deployment, organization_id, id)
    where c.content_hash <> s.content_hash and c.generation <= $2
) c
order by c.deployment, c.organization_id, c.id
