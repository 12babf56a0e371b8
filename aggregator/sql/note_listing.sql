-- Notes what the partner's list of a deployment contains, and who left it; rows that are as they
-- should be are not touched. Whoever the list of another key contained is not gone because this
-- one does not show it.
-- $1 text: deployment, $2 timestamptz: when it was read, $3 bytea: digest of the partner key,
-- $4 jsonb: [{organization, organization_id, organization_name or null}].
-- Gives organization and is_gone for each row changed.
with listed as (
    select * from jsonb_to_recordset($4) as r (
        organization text, organization_id text, organization_name text
    )
), before as (
    select listed_at, key_digest from ledger.listings where deployment = $1
), noted as (
    insert into ledger.listings (deployment, listed_at, key_digest)
    values ($1, $2, $3)
    on conflict (deployment) do update
    set listed_at = excluded.listed_at, key_digest = excluded.key_digest
), superseded as (
    -- A name under which nothing was ever read, of an organization that goes by another one now.
    delete from ledger.organizations o using listed r
    where o.deployment = $1 and o.upstream_id = r.organization_id
        and o.organization <> r.organization and o.organization_id is null and not o.configured
)
update ledger.organizations o
set upstream_id = coalesce(r.organization_id, o.upstream_id),
    organization_name = case when o.identity_checked_at is null
        then coalesce(r.organization_name, o.organization_name) else o.organization_name end,
    is_listed = r.organization is not null,
    last_listed_at = b.listed_at,
    gone_upstream_since = case when r.organization is null and b.key_digest = $3 then $2 end
from ledger.organizations was
left join listed r using (organization)
left join before b on true
where o.organization = was.organization
    and was.deployment = $1
    and case
        when r.organization is not null then
            not was.is_listed
            or was.upstream_id is distinct from r.organization_id
            or (
                was.identity_checked_at is null
                and coalesce(r.organization_name, was.organization_name)
                    is distinct from was.organization_name
            )
        else
            was.is_listed
            and not exists (
                select
                from listed other
                where other.organization_id = coalesce(was.organization_id, was.upstream_id)
            )
    end
returning o.organization, o.gone_upstream_since is not null as is_gone
