-- Which connections have been unhealthy for longest?
--
-- is_since_exact is false where no run saw it turn: it has been unhealthy for at least that long. All
-- of it was so at last_seen_at; since then nobody looked. Copies are not listed, their parents are.
select organization, name, type_name, endpoint, status_error, unhealthy_since,
    date_trunc('hour', now() - unhealthy_since) as unhealthy_for, is_since_exact, last_seen_at
from reporting.unhealthy_connections
where not is_shared
order by unhealthy_since, organization, name
limit 100;
