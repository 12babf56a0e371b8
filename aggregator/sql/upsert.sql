-- Writes the staged records that are new or differ, in key order.
-- $1 text: resource, $2 bigint: generation.  Gives organization_id, change and how many.
with differing as (
    select
        s.*,
        case
            when c.id is not null then 'updated'
            when gone.first_seen_at is not null then 'restored'
            else 'created'
        end as change,
        case when c.id is not null then array(
            select n.key
            from jsonb_each(to_jsonb(s)) n join jsonb_each(to_jsonb(c)) o using (key)
            where n.value <> o.value and n.key not in ('content_hash', 'rights')
            order by n.key
        ) end as changed_fields,
        coalesce(gone.first_seen_at, now()) as first_seen_at,
        greatest(now(), gone.removed_at + interval '1 microsecond') as valid_from
    from pg_temp.stage_{table} s
    left join lateral (
        select *
        from inventory.{table} t
        where t.deployment = s.deployment and t.organization_id = s.organization_id
            and t.id = s.id
        offset 0  -- one look-up by key for each staged row, whatever the statistics say
    ) c on true
    left join lateral (
        select min(h.first_seen_at) as first_seen_at, max(h.valid_to) as removed_at
        from inventory.history h
        where c.id is null and h.resource = $1 and h.deployment = s.deployment
            and h.organization_id = s.organization_id and h.id = s.id and h.change = 'removed'
    ) gone on true
    where c.id is null or c.content_hash <> s.content_hash
), written as (
    insert into inventory.{table} as t (
        deployment, organization_id, id, {columns}, content_hash, rights, change, changed_fields,
        valid_from, first_seen_at, generation
    )
    select
        deployment, organization_id, id, {columns}, content_hash, rights, change, changed_fields,
        valid_from, first_seen_at, $2
    from differing
    order by deployment, organization_id, id
    on conflict (deployment, organization_id, id) do update
    set ({columns}) = row ({excluded_columns}),
        content_hash = excluded.content_hash, change = excluded.change,
        changed_fields = excluded.changed_fields,
        valid_from = greatest(excluded.valid_from, t.valid_from + interval '1 microsecond'),
        generation = excluded.generation
    where t.generation <= excluded.generation
    returning deployment, organization_id, change
)
select deployment, organization_id, change, count(*)::integer as records
from written
group by deployment, organization_id, change
