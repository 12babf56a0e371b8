-- Which connections are shared with other organizations, and how is the original?
--
-- A row is a copy. Health is checked on the original only: parent_is_healthy is what counts, NULL where
-- we do not know it. child_has_key false: what uses the copy there is not known. Copies in organizations
-- that nobody reads are only found where the resource shared_connections is on.
select organization, parent_name, parent_status, parent_is_healthy, child_organization,
    child_organization_name, name, is_healthy, child_has_key, source, last_seen_at
from reporting.shared_connections
order by parent_is_healthy nulls last, organization nulls last, parent_name, child_organization, name;
