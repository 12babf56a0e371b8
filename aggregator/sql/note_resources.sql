-- Notes the resources of this version and which of them are enabled.
-- $1 text[]: resources, $2 text[]: what each is read per, $3 boolean[]: enabled.
insert into ledger.resources (resource, per, is_enabled)
select * from unnest($1::text[], $2::text[], $3::boolean[])
on conflict (resource) do update set per = excluded.per, is_enabled = excluded.is_enabled
where (resources.per, resources.is_enabled) is distinct from (excluded.per, excluded.is_enabled)
