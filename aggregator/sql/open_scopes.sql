-- Makes sure that scopes exist.
-- $1 text[]: organizations, $2 text: resource.
insert into ledger.scopes (organization, resource)
select organization, $2 from unnest($1::text[]) as o (organization)
on conflict do nothing
