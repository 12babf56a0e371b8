-- Which syncs are switched off, run by hand only, or fail?
--
-- why is the first of these that is so: switched off; failing, by its state or that of one of its
-- objects; by hand (also failing ones can have the schedule manual). State and next_execution_at are as
-- of last_seen_at, and told of bulk syncs only: NULL for model syncs, so no model sync is failing here,
-- and where the server does not say. A sync can fail since then, or have recovered.
with sync as (
    select 'bulk_sync' as kind, organization, name, active, schedule, current_status, schemas_failed,
        status_message, last_completed_at, next_execution_at, updated_by_name, last_seen_at,
        schemas_failed > 0 or lower(current_status) in ('failed', 'errors') as is_failing
    from reporting.bulk_syncs
    union all
    select 'model_sync', organization, name, active, schedule, null, null, null, null, null,
        updated_by_name, last_seen_at, null
    from reporting.model_syncs
)
select organization, kind, name,
    case
        when not active then 'switched off'
        when is_failing then 'failing'
        else 'by hand'
    end as why,
    schedule, current_status, schemas_failed, status_message, last_completed_at, next_execution_at,
    updated_by_name, last_seen_at
from sync
where not active or is_failing or schedule = 'manual'
order by organization, why, kind, name;
