-- What is stored of one scope.
-- $1 text: resource, $2 text: deployment, $3 text: organization id.
-- Gives id, content_hash, for how many complete runs the row has been missing, and why it was kept.
select
    c.id, c.content_hash, coalesce(w.runs, 0) as missing_runs,
    coalesce(w.reason, '') as withheld_because
from inventory.{table} c
left join ledger.withheld w
    on w.resource = $1 and w.deployment = c.deployment
    and w.organization_id = c.organization_id and w.id = c.id
where c.deployment = $2 and c.organization_id = $3
