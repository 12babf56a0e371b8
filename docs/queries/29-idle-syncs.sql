-- Which syncs are switched off, run by hand only, or fail?
--
-- State and next_execution_at are as of last_seen_at, and told of bulk syncs only: NULL for model syncs
-- and where the server does not say. A sync can fail since then, or have recovered.
with sync as (
    select 'bulk_sync' as kind, organization, name, active, schedule, current_status, schemas_failed,
        status_message, last_completed_at, next_execution_at, updated_by_name, last_seen_at
    from reporting.bulk_syncs
    union all
    select 'model_sync', organization, name, active, schedule, null, null, null, null, null,
        updated_by_name, last_seen_at
    from reporting.model_syncs
)
select organization, kind, name,
    case
        when not active then 'switched off'
        when schemas_failed > 0 then 'failing'
        else 'by hand'
    end as why,
    schedule, current_status, schemas_failed, status_message, last_completed_at, next_execution_at,
    updated_by_name, last_seen_at
from sync
where not active or schemas_failed > 0 or schedule = 'manual'
order by organization, why, kind, name;
