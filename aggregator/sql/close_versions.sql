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
    from pg_temp.stage_{table} s
    cross join lateral (
        select *
        from inventory.{table} t
        where t.deployment = s.deployment and t.organization_id = s.organization_id
            and t.id = s.id
        offset 0  -- one look-up by key for each staged row, whatever the statistics say
    ) c
    where c.content_hash <> s.content_hash and c.generation <= $2
) c
order by c.deployment, c.organization_id, c.id
