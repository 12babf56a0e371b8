-- Which models does no sync send anywhere?
--
-- True as of syncs_read_at, when the model syncs of the organization were last read completely; NULL:
-- they never were, so nobody knows. A model may still be there for others: joined says that one is.
with sent as (
    select distinct deployment, organization_id, unnest(model_ids) as model_id
    from reporting.model_syncs
), joined as (
    select distinct deployment, organization_id, unnest(related_model_ids) as model_id
    from reporting.models
)
select m.organization, m.name, m.type, j.model_id is not null as joined, m.created_by_name,
    m.updated_at, m.last_seen_at, c.last_complete_at as syncs_read_at
from reporting.models m
left join sent s using (deployment, organization_id, model_id)
left join joined j using (deployment, organization_id, model_id)
left join reporting.coverage c on c.organization = m.organization and c.resource = 'model_syncs'
where s.model_id is null
order by m.organization, m.name;
