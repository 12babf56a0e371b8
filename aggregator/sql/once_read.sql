-- Organizations that a key of ours has read once and that may still be there.
-- Gives organization, deployment, organization_id, has_key: whether a key reads it as far as is known,
-- and was_listed: whether a partner's list has ever named it.
select
    organization, deployment, pinned_id as organization_id, status <> 'no_key' as has_key,
    listed_upstream_at is not null as was_listed
from ledger.coverage
where pinned_id is not null and gone_upstream_since is null
    and position('~' in organization) = 0  -- a retired name: another organization has it now
order by organization
