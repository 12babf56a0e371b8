-- Every pinned organization id.  Gives deployment, organization_id, organization, active.
select deployment, organization_id, organization, configured and enabled as active
from ledger.organizations
where organization_id is not null
