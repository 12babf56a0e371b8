-- Moves rows whose removal is proven to the history.
-- $1 text: resource, $2 bigint: generation, $3 text[]: deployments, $4 text[]: organization ids,
-- $5 text[]: ids.  Gives deployment, organization_id and how many.
with gone as (
    delete from inventory.{table} c
    using unnest($3::text[], $4::text[], $5::text[]) as x (deployment, organization_id, id)
    where c.deployment = x.deployment and c.organization_id = x.organization_id and c.id = x.id
        and c.generation <= $2
    returning c.*
), closed as (
    insert into inventory.history (
        resource, deployment, organization_id, id, valid_from, valid_to, change, changed_fields,
        first_seen_at, generation, record, withheld_since
    )
    select
        $1, g.deployment, g.organization_id, g.id, version.valid_from,
        m.moment, version.change, version.changed_fields, g.first_seen_at, version.generation,
        (select to_jsonb(v) from (select {columns}) v), version.withheld_since
    from gone g
    left join ledger.withheld w
        on w.resource = $1 and w.deployment = g.deployment
        and w.organization_id = g.organization_id and w.id = g.id
    cross join lateral (
        select greatest(now(), g.valid_from + interval '1 microsecond') as moment
    ) m
    cross join lateral (
        values
            (g.valid_from, g.change, g.changed_fields, g.generation, w.since),
            (m.moment, 'removed', null, $2, null)
    ) as version (valid_from, change, changed_fields, generation, withheld_since)
    order by g.deployment, g.organization_id, g.id
)
select deployment, organization_id, count(*)::integer as records
from gone
group by deployment, organization_id
