-- Grants whatever has a tag.
-- $1 text: login, $2 jsonb: {key: value}.  Gives how many organizations have it now.
with added as (
    insert into ledger.grants (login, tag) values ($1::text, $2::jsonb) on conflict do nothing
)
select count(*) from ledger.organizations where tags @> $2::jsonb
