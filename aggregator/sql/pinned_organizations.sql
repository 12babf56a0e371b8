-- Whose rows there can be.  Gives deployment and organization_id.
select distinct deployment, organization_id
from ledger.organizations
where organization_id is not null
order by deployment, organization_id
