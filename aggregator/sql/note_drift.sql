-- Notes what the answers of some scopes looked like: opens drift that is new or back, closes what
-- the answer does not have any more. What is as it was is not touched.
-- $1 text: resource, $2 jsonb: [{organization, read_at, everywhere, somewhere, nowhere: [path],
--   found: [{kind, path, mark}]}]
with answer as (
    select * from jsonb_to_recordset($2) as r (
        organization text, read_at timestamptz, everywhere text[], somewhere text[],
        nowhere text[], found jsonb
    )
), open as (
    select d.organization, d.kind, d.path, d.mark
    from answer a
    join ledger.drift d using (organization)
    where d.resource = $1 and d.last_seen_at is null
), found as (
    select a.organization, f.kind, f.path, f.mark
    from answer a
    cross join lateral jsonb_to_recordset(a.found) as f (kind text, path text, mark text)
    union
    select a.organization, 'vanished_field', p.path, ''
    from answer a
    join ledger.shapes s on s.organization = a.organization and s.resource = $1
    cross join lateral unnest(a.nowhere) as p (path)
    where p.path = any (s.fields)
    union  -- what vanished stays so until a record has it again
    select o.organization, o.kind, o.path, o.mark
    from open o
    join answer a using (organization)
    where o.kind = 'vanished_field' and o.path <> all (a.everywhere || a.somewhere)
), shape as (
    insert into ledger.shapes (organization, resource, fields)
    select a.organization, $1, a.everywhere
    from answer a
    left join ledger.shapes s on s.organization = a.organization and s.resource = $1
    where a.everywhere || a.somewhere || a.nowhere <> '{}'  -- else there was no record
        and s.fields is distinct from a.everywhere
    order by a.organization
    on conflict (organization, resource) do update set fields = excluded.fields
), closed as (
    update ledger.drift d
    set last_seen_at = greatest(d.first_seen_at, s.last_read_at)
    from open o
    left join found f using (organization, kind, path, mark)
    left join ledger.scopes s on s.organization = o.organization and s.resource = $1
    where f.kind is null
        and d.organization = o.organization and d.resource = $1 and d.kind = o.kind
        and d.path = o.path and d.mark = o.mark
)
insert into ledger.drift (organization, resource, kind, path, mark, first_seen_at)
select f.organization, $1, f.kind, f.path, f.mark, a.read_at
from found f
join answer a using (organization)
left join open o using (organization, kind, path, mark)
where o.kind is null
order by f.organization, f.kind, f.path, f.mark
on conflict (organization, resource, kind, path, mark) do update set last_seen_at = null
