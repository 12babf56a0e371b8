-- Who changed the host or account that a connection points to?
--
-- updated_by_name is who last edited the connection, as the server said when a run saw the new host:
-- if several edited it between two runs, the last of them, and NULL where the server does not say.
-- change restored: it was removed in between. Hosts are read from configurations, best effort; a masked
-- one is not seen to change. No host is known, so no change is seen, of these types: Airtable, GitHub,
-- Google Ads, Google Sheets, Intercom, Klaviyo, Stripe; nor of others whose configuration names none.
-- Where the version before is not kept any more (reporting.retention) nothing is compared.
with asked as (
    select now() - interval '90 days' as since, '%' as host  -- such as '%.example.com'
)
select h.valid_from as changed_at, h.organization, h.name, h.type_name, h.change,
    b.endpoint as old_host, h.endpoint as new_host, h.updated_by_name, h.updated_by_type, h.updated_at
from reporting.connection_history h
cross join asked
cross join lateral (
    select p.endpoint
    from reporting.connection_history p
    where p.deployment = h.deployment and p.organization_id = h.organization_id
        and p.connection_id = h.connection_id and p.valid_to <= h.valid_from
    order by p.valid_to desc
    limit 1
) b
where h.valid_from >= asked.since
    and (h.change = 'restored' or h.change = 'updated' and 'endpoint' = any (h.changed_fields))
    and coalesce(b.endpoint <> h.endpoint, true)
    and (b.endpoint like asked.host or h.endpoint like asked.host)
order by changed_at desc, h.organization, h.name;
