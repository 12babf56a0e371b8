-- Pins what keys proved to be.
-- $1 jsonb: [{organization, organization_id, organization_name, key_digest (hex), key_class, role,
--             mode, profile}]
update ledger.organizations o
set organization_id = coalesce(r.organization_id, o.organization_id),
    organization_name = coalesce(r.organization_name, o.organization_name),
    key_digest = decode(r.key_digest, 'hex'),
    key_class = r.key_class, role = r.role, mode = r.mode, profile = r.profile,
    identity_checked_at = now()
from jsonb_to_recordset($1) as r (
    organization text, organization_id text, organization_name text, key_digest text,
    key_class text, role text, mode text, profile text
)
where o.organization = r.organization
