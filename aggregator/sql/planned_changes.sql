-- What a generation changed in some scopes, seen from inside its transaction: for plans.
-- $1 text: resource, $2 bigint: generation, $3 text[]: deployments, $4 text[]: organization ids,
-- $5 integer: most rows of a kind and scope.
-- Gives deployment, organization_id, change, id, name, changed_fields, reason.
with scope as (
    select deployment, organization_id
    from unnest($3::text[], $4::text[]) as x (deployment, organization_id)
), change as (
    select
        deployment, organization_id, c.change, c.id, to_jsonb(c) ->> 'name' as name,
        c.changed_fields, null as reason
    from scope join inventory.{table} c using (deployment, organization_id)
    where c.generation = $2
    union all
    select
        deployment, organization_id, h.change, h.id, h.record ->> 'name', null, null
    from scope join inventory.history h using (deployment, organization_id)
    where h.resource = $1 and h.change = 'removed' and h.generation = $2
    union all
    select
        deployment, organization_id, 'withheld', w.id, to_jsonb(c) ->> 'name', null, w.reason
    from scope
    join ledger.withheld w using (deployment, organization_id)
    join inventory.{table} c using (deployment, organization_id, id)
    where w.resource = $1
), numbered as (
    select
        *,
        row_number() over (partition by deployment, organization_id, change order by id) as number
    from change
)
select deployment, organization_id, change, id, name, changed_fields, reason
from numbered
where number <= $5 or changed_fields is not null
order by deployment, organization_id, change, id
