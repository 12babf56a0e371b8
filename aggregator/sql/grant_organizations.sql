-- Grants organizations by their pinned ids, so that the grant follows a rename; by their names
-- while they have none, which a run that pins one at this moment must wait for.
-- $1 text: login, $2 text[]: organizations.
insert into ledger.grants (login, organization, deployment, organization_id)
select
    $1::text,
    case when organization_id is null then organization end,
    case when organization_id is not null then deployment end,
    organization_id
from ledger.organizations
where organization = any ($2::text[])
order by organization
for key share
on conflict do nothing
