-- Opens a run, once.
-- $1 uuid: run, $2 text: version, $3 jsonb: {resource: [organization]}.  Gives generation.
with scope as (
    insert into ledger.scopes (organization, resource)
    select o.organization, p.key
    from jsonb_each($3) p
    cross join lateral jsonb_array_elements_text(p.value) as o (organization)
    order by o.organization, p.key
    on conflict do nothing
)
insert into ledger.runs (run_id, version, planned)
values ($1, $2, $3)
on conflict (run_id) do update set version = excluded.version
returning generation
