-- Every pinned organization id.  Gives deployment, organization_id, organization, active.
select deployment, organization_id, organization, configured as active
from ledger.organizations
where organization_id is not null
