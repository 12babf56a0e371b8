-- Which connections have been unhealthy for longest?
--
-- is_since_exact is false where no run saw it turn: it has been unhealthy for at least that long. All
-- of it was so at last_seen_at; since then nobody looked. A copy is listed (is_shared) only where what
-- it is a copy of is not unhealthy itself, or not known: else that is listed for all its copies.
-- Organizations that are disabled or gone upstream are left out, as in fleet_summary.
select u.organization, u.name, u.type_name, u.endpoint, u.status_error, u.unhealthy_since,
    date_trunc('hour', now() - u.unhealthy_since) as unhealthy_for, u.is_since_exact, u.is_shared,
    u.last_seen_at
from reporting.unhealthy_connections u
join reporting.blast_radius b using (deployment, organization_id, connection_id)
where u.is_expected and b.root_connection_id is null
order by u.unhealthy_since, u.organization, u.name
limit 100;
