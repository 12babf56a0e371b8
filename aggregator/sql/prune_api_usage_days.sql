-- Deletes API calls of days that are not kept, of some organizations. The last number before them
-- stays, for it holds until the next change.
-- $1 timestamptz: since when API usage is kept, $2 text[]: deployments, $3 text[]: organization ids.
-- Gives one row for each that is deleted.
delete from inventory.api_usage_days d
using unnest($2::text[], $3::text[]) as o (deployment, organization_id)
where d.deployment = o.deployment and d.organization_id = o.organization_id
    and d.day < ($1 at time zone 'UTC')::date
    and (d.last_value is null or exists (
        select
        from inventory.api_usage_days later
        where later.deployment = d.deployment and later.organization_id = d.organization_id
            and later.id = d.id and later.day > d.day
            and later.day < ($1 at time zone 'UTC')::date
    ))
returning 1
