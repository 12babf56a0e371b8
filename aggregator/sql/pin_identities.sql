-- Pins whose keys they proved to be; without a key digest the key itself was not asked about, and
-- only the id that the records gave is pinned. Rights are those of the last complete run.
-- $1 jsonb: [{organization, organization_id, organization_name, key_digest (hex), key_class, role,
--             mode, profile, complete}]
update ledger.organizations o
set organization_id = coalesce(r.organization_id, o.organization_id),
    organization_name = coalesce(r.organization_name, o.organization_name),
    key_digest = case when checked then decode(r.key_digest, 'hex') else o.key_digest end,
    key_class = case when rights then r.key_class else o.key_class end,
    role = case when rights then r.role else o.role end,
    mode = case when rights then r.mode else o.mode end,
    profile = case when rights then r.profile else o.profile end,
    identity_checked_at = case when checked then now() else o.identity_checked_at end
from jsonb_to_recordset($1) as r (
    organization text, organization_id text, organization_name text, key_digest text,
    key_class text, role text, mode text, profile text, complete boolean
)
join ledger.organizations was using (organization)
cross join lateral (
    select
        r.key_digest is not null as checked,
        r.key_digest is not null and (r.complete or was.identity_checked_at is null) as rights
) c
where o.organization = r.organization
