-- An organization whose name in the configuration changed: what the ledger knows of it goes to the
-- new name, and the old name, which nobody configures any more, goes.
-- $1 jsonb: as in pin_identities.  Gives old_name, new_name and organization_id, for rename_books.
with renamed as (
    select old.organization as old_name, new.organization as new_name, old.organization_id
    from jsonb_to_recordset($1) as r (organization text, organization_id text)
    join ledger.organizations new on new.organization = r.organization
    join ledger.organizations old
        on old.deployment = new.deployment and old.organization_id = r.organization_id
        and old.organization <> new.organization and not old.configured
), moved as (
    insert into ledger.scope_days (organization, resource, day, api_calls, connections)
    select m.new_name, d.resource, d.day, d.api_calls, d.connections
    from renamed m join ledger.scope_days d on d.organization = m.old_name
    on conflict do nothing
), observed as (
    insert into ledger.observations (organization, resource, observed_from, observed_to)
    select m.new_name, v.resource, v.observed_from, v.observed_to
    from renamed m join ledger.observations v on v.organization = m.old_name
    on conflict do nothing
), continued as (
    insert into ledger.scopes as s (
        organization, resource, last_attempt_at, last_outcome, last_error, last_read_at,
        last_complete_at, records, withheld, observed_since, observed_until, rights, rights_seen,
        rights_hold
    )
    select
        m.new_name, o.resource, o.last_attempt_at, o.last_outcome, o.last_error, o.last_read_at,
        o.last_complete_at, o.records, o.withheld, o.observed_since, o.observed_until, o.rights,
        o.rights_seen, o.rights_hold
    from renamed m join ledger.scopes o on o.organization = m.old_name
    where o.observed_since is not null
    on conflict (organization, resource) do update
    set last_attempt_at = coalesce(s.last_attempt_at, excluded.last_attempt_at),
        last_outcome = coalesce(s.last_outcome, excluded.last_outcome),
        last_read_at = excluded.last_read_at,
        records = excluded.records,
        withheld = excluded.withheld,
        observed_since = excluded.observed_since,
        observed_until = excluded.observed_until,
        rights = excluded.rights,
        rights_seen = excluded.rights_seen,
        rights_hold = excluded.rights_hold
    where s.observed_since is null
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
returning m.old_name, m.new_name, m.organization_id
