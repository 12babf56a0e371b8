-- Which connections does nothing use?
--
-- No model, bulk sync or model sync needs them, nor a copy of them. Before you delete one: is_certain
-- says that all that could use it was read within 26 hours and that it made no calls; not_looked names
-- what was not. Organizations whose syncs were never read are not in this list at all, nor those that
-- are disabled or gone upstream.
select organization, connection_name, type_name, is_healthy, is_certain, not_looked,
    api_calls_last_24_hours, copies, created_at, updated_at, last_seen_at
from reporting.unused_connections
where is_expected
order by is_certain desc, organization, connection_name;
