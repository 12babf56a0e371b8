-- Which organizations do we know of that no key of ours reads, and which are gone?
--
-- no_key: the partner's list has it, or it was configured once; what is in it is not known, and no
-- number over the fleet is complete without it. gone_upstream_since: the partner's list lacks it
-- since then; its last rows are kept. Without a partner key nobody tells what else exists.
select organization, organization_id, organization_name, status, listed_upstream_at,
    gone_upstream_since, first_seen_at, last_complete_at
from reporting.organizations
where status = 'no_key' or gone_upstream_since is not null
order by gone_upstream_since nulls first, organization;
