-- Connection types of a deployment's stored connections, with what is stored of them. Outside a
-- transaction of ours names are ours to spell out.
-- $1 text: deployment.  Gives type_id, shown (JSON text, as the list of types showed it last).
select
    c.type_id,
    pg_catalog.jsonb_strip_nulls(
        pg_catalog.jsonb_build_object(
            'name', t.name,
            'logo_url', t.logo_url,
            'logo_dark_url', t.logo_dark_url,
            'use_oauth', t.use_oauth,
            'capabilities', t.capabilities
        )
    )::text as shown
from (
    select distinct type_id
    from inventory.connections
    where deployment = $1 and type_id is not null
) c
left join inventory.connection_types t on t.deployment = $1 and t.id = c.type_id
