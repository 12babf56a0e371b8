-- Notes what the answers of some scopes looked like: opens drift that is new or back, closes what
-- the answer does not have any more, keeps the last 200 that are closed. What is as it was is not
-- touched.
-- $1 text: resource, $2 jsonb: [{organization, read_at, everywhere, somewhere, nowhere: [path],
--   found: [{kind, path, mark}]}]
with answer as (
    select * from jsonb_to_recordset($2) as r (
        organization text, read_at timestamptz, everywhere text[], somewhere text[],
        nowhere text[], found jsonb
    )
), noted as (
    select d.*
    from answer a
    cross join lateral (
        select organization, kind, path, mark, last_seen_at
        from ledger.drift
        where organization = a.organization and resource = $1
        offset 0  -- one look-up by key for each scope, whatever the statistics say
    ) d
), shape as (
    select a.organization, a.nowhere, a.everywhere, s.fields
    from answer a
    left join lateral (
        select fields
        from ledger.shapes
        where organization = a.organization and resource = $1
        offset 0  -- as above
    ) s on true
), found as (
    select a.organization, f.kind, f.path, f.mark
    from answer a
    cross join lateral jsonb_to_recordset(a.found) as f (kind text, path text, mark text)
    union
    select s.organization, 'vanished_field', p.path, ''
    from shape s
    cross join lateral unnest(s.nowhere) as p (path)
    where p.path = any (s.fields)
    union  -- what vanished stays so until a record has it again
    select n.organization, n.kind, n.path, n.mark
    from noted n
    join answer a using (organization)
    where n.last_seen_at is null and n.kind = 'vanished_field'
        and n.path <> all (a.everywhere || a.somewhere)
), gone as (
    select n.*
    from noted n
    left join found f using (organization, kind, path, mark)
    where f.kind is null
), closed as (
    update ledger.drift d
    set last_seen_at = greatest(d.first_seen_at, s.last_read_at)
    from gone g
    left join ledger.scopes s on s.organization = g.organization and s.resource = $1
    where g.last_seen_at is null
        and d.organization = g.organization and d.resource = $1 and d.kind = g.kind
        and d.path = g.path and d.mark = g.mark
), forgotten as (
    delete from ledger.drift d
    using (
        select
            organization, kind, path, mark,
            row_number() over (partition by organization order by last_seen_at desc) as place
        from gone
        where last_seen_at is not null
    ) g
    where g.place > 200
        and d.organization = g.organization and d.resource = $1 and d.kind = g.kind
        and d.path = g.path and d.mark = g.mark
), shaped as (
    insert into ledger.shapes (organization, resource, fields)
    select s.organization, $1, s.everywhere
    from shape s
    join answer a using (organization)
    where a.everywhere || a.somewhere || a.nowhere <> '{}'  -- else there was no record
        and s.fields is distinct from s.everywhere
    order by s.organization
    on conflict (organization, resource) do update set fields = excluded.fields
)
insert into ledger.drift (organization, resource, kind, path, mark, first_seen_at)
select f.organization, $1, f.kind, f.path, f.mark, a.read_at
from found f
join answer a using (organization)
left join noted n using (organization, kind, path, mark)
where n.kind is null or n.last_seen_at is not null
order by f.organization, f.kind, f.path, f.mark
on conflict (organization, resource, kind, path, mark) do update set last_seen_at = null
