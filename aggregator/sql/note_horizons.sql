-- Notes since when things are kept; that is never earlier than it was.
-- $1 text[]: kinds, $2 timestamptz[]: since when.
insert into ledger.horizons as h (kind, kept_since)
select * from unnest($1::text[], $2::timestamptz[])
on conflict (kind) do update set kept_since = greatest(h.kept_since, excluded.kept_since)
