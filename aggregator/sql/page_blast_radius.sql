-- Unhealthy connections of expected organizations by what needs them, the widest first.  Takes: how many.
select
    connection_name, organization, type_id, status_since, affected_organizations, copies,
    affected_bulk_syncs, affected_model_syncs, affected_models, is_certain,
    count(*) over () as total
from reporting.blast_radius
where is_expected and root_connection_id is null
order by
    affected_organizations desc nulls last,
    coalesce(affected_bulk_syncs, 0) + coalesce(affected_model_syncs, 0) desc,
    copies desc, connection_id, organization
limit $1
