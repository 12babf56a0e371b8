-- Which of some names are no organization's.
-- $1 text[]: names.  Gives one array.
select coalesce(array_agg(n.name), '{}')
from unnest($1::text[]) as n (name)
where not exists (select from ledger.organizations o where o.organization = n.name)
