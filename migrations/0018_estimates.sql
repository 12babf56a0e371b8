-- What planners know of what people and servers wrote, EXPLAIN tells whoever may ask: it estimates how
-- many rows have a host below 'm', over the rows of all organizations, before any policy. Columns of
-- which nothing is gathered have no estimates. Keys and terms keep theirs, for plans need them.
do $$
declare
    item record;
begin
    for item in
        select c.oid::regclass as relation, a.attname
        from pg_catalog.pg_class c
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relkind = 'r' and c.relnamespace::regnamespace::text in ('ledger', 'inventory')
            and a.atttypid = 'text'::regtype
            and a.attname in (
                'name', 'sync_name', 'organization_name', 'endpoint', 'email', 'target_object',
                'identifier', 'status_error', 'status_message', 'error', 'last_error', 'reason',
                'headline', 'created_by_id', 'created_by_name', 'updated_by_id', 'updated_by_name',
                'sso_domain', 'sso_org_id', 'issuer', 'request_id', 'record_id', 'mark', 'path',
                'enricher_id', 'profile'
            )
    loop
        execute format('alter table %s alter column %I set statistics 0', item.relation, item.attname);
    end loop;
end
$$;
