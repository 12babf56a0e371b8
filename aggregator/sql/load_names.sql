-- Under which name each organization goes whose id any key or the partner's list has told.
-- Gives organization, deployment, pinned_id, upstream_id.
select organization, deployment, organization_id as pinned_id, upstream_id
from ledger.organizations
where organization_id is not null or upstream_id is not null
