-- Which policies stand on connections, and which roles do they let do what?
--
-- A row is a policy, an action and a role. Policies and roles are read where these resources are on
-- (AGGREGATOR_RESOURCES): elsewhere policy and role are NULL beside their ids. Connections without a
-- policy are in the last rows, where policy_id is NULL: what holds for them is the organization's.
with guarded as (
    select c.deployment, c.organization_id, c.organization, p.policy_id, count(*) as connections,
        min(c.last_seen_at) as last_seen_at
    from reporting.connections c
    left join lateral unnest(c.policies) as p (policy_id) on true
    group by c.deployment, c.organization_id, c.organization, p.policy_id
)
select g.organization, p.name as policy, g.policy_id, a.action, r.name as role, x.role_id,
    g.connections, g.last_seen_at
from guarded g
left join reporting.policies p using (deployment, organization_id, policy_id)
left join lateral jsonb_to_recordset(p.policy_actions) as a (action text, role_ids text[]) on true
left join lateral unnest(a.role_ids) as x (role_id) on true
left join reporting.roles r
    on r.deployment = g.deployment and r.organization_id = g.organization_id
    and r.role_id = x.role_id
order by g.policy_id is null, g.organization, policy, g.policy_id, a.action, role, x.role_id;
