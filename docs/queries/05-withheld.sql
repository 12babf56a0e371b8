-- Which rows do answers lack although nobody has proven that they are gone?
--
-- They are still shown, and counted, everywhere. last_seen_at is when an answer last had them,
-- withheld_reason why that is not enough to remove them. Of other resources than these,
-- reporting.coverage has the number (withheld).
select 'connections' as resource, organization, connection_id as id, name, withheld_since,
    withheld_reason, last_seen_at
from reporting.connections
where withheld_since is not null
union all
select 'bulk_syncs', organization, bulk_sync_id, name, withheld_since, withheld_reason, last_seen_at
from reporting.bulk_syncs
where withheld_since is not null
union all
select 'model_syncs', organization, model_sync_id, name, withheld_since, withheld_reason, last_seen_at
from reporting.model_syncs
where withheld_since is not null
union all
select 'models', organization, model_id, name, withheld_since, withheld_reason, last_seen_at
from reporting.models
where withheld_since is not null
order by withheld_since, resource, organization, id;
