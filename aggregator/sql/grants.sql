-- Every grant.
-- Gives login, role_exists, organization (its name now) or tag (JSON text), and how many organizations that is.
select
    g.login,
    r.oid is not null as role_exists,
    coalesce(o.organization, g.organization) as organization,
    g.tag::text as tag,
    case
        when g.tag is null then 1
        else (select count(*) from ledger.organizations t where t.tags @> g.tag)
    end as organizations
from ledger.grants g
left join ledger.organizations o
    on o.deployment = g.deployment and o.organization_id = g.organization_id
left join pg_roles r on r.rolname = g.login
order by g.login, organization, tag
