-- Pins whose keys they proved to be; without a key digest the key itself was not asked about, and
-- only the id that the records gave is pinned.
-- $1 jsonb: [{organization, organization_id, organization_name, key_digest (hex), key_class, role,
--             mode, profile}]
update ledger.organizations o
set organization_id = coalesce(r.organization_id, o.organization_id),
    organization_name = coalesce(r.organization_name, o.organization_name),
    key_digest = case when checked then decode(r.key_digest, 'hex') else o.key_digest end,
    key_class = case when checked then r.key_class else o.key_class end,
    role = case when checked then r.role else o.role end,
    mode = case when checked then r.mode else o.mode end,
    profile = case when checked then r.profile else o.profile end,
    identity_checked_at = case when checked then now() else o.identity_checked_at end
from jsonb_to_recordset($1) as r (
    organization text, organization_id text, organization_name text, key_digest text,
    key_class text, role text, mode text, profile text
)
cross join lateral (select r.key_digest is not null as checked) c
where o.organization = r.organization
