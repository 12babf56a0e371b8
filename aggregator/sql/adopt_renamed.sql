-- An organization whose name in the configuration changed: its days, its drift and what its last
-- answer looked like go to the new name, and the old name, which nobody configures any more, goes.
-- $1 jsonb: as in pin_identities.
with renamed as (
    select old.organization as old_name, new.organization as new_name
    from jsonb_to_recordset($1) as r (organization text, organization_id text)
    join ledger.organizations new on new.organization = r.organization
    join ledger.organizations old
        on old.deployment = new.deployment and old.organization_id = r.organization_id
        and old.organization <> new.organization and not old.configured
), moved as (
    insert into ledger.scope_days (organization, resource, day)
    select m.new_name, d.resource, d.day
    from renamed m join ledger.scope_days d on d.organization = m.old_name
    on conflict do nothing
), drift as (
    insert into ledger.drift (
        organization, resource, kind, path, mark, first_seen_at, last_seen_at
    )
    select m.new_name, d.resource, d.kind, d.path, d.mark, d.first_seen_at, d.last_seen_at
    from renamed m join ledger.drift d on d.organization = m.old_name
    on conflict do nothing
), shape as (
    insert into ledger.shapes (organization, resource, fields)
    select m.new_name, s.resource, s.fields
    from renamed m join ledger.shapes s on s.organization = m.old_name
    on conflict do nothing
)
delete from ledger.organizations o using renamed m where o.organization = m.old_name
