-- What stops working with each broken connection, and where?
--
-- What reaches furthest comes first; copies are in their root's row. Numbers are NULL where we know of
-- nothing but did not look everywhere; not_looked says where (is_certain: nowhere). A copy in an
-- organization without a key is counted in copies, what uses it there is not known. Organizations that
-- are disabled or gone upstream are left out, as in fleet_summary.
select organization, connection_name, type_id, status_error, status_since, copies, organizations,
    affected_bulk_syncs, affected_model_syncs, affected_downstream_syncs, schedules,
    next_execution_at, is_certain, not_looked
from reporting.blast_radius
where is_expected and root_connection_id is null
order by affected_organizations desc nulls last,
    coalesce(affected_bulk_syncs, 0) + coalesce(affected_model_syncs, 0) desc,
    organization, connection_name;
