-- Removal by proof: the rights under which a scope's rows were seen, and races of list and edits.
alter table ledger.scopes
    add column rights text,
    add column rights_seen jsonb not null default '{}',
    add column rights_hold boolean not null default false;
comment on column ledger.scopes.rights is
    'What the key was allowed when the scope was last complete with no row missing, and the key was asked.';
comment on column ledger.scopes.rights_seen is
    'The same for the latest few rights, with when that was: rows that came later may need others.';
comment on column ledger.scopes.rights_hold is
    'Whether no row came later, and the rights were the same the time before.';
update ledger.scopes s
set rights = r.rights,
    rights_seen = jsonb_build_object(r.rights, now()),
    rights_hold = true
from ledger.organizations o
cross join lateral (
    select concat_ws(
        '/',
        coalesce(o.key_class, '-'), coalesce(o.role, '-'), coalesce(o.mode, '-'),
        coalesce(o.profile, '-')
    ) as rights
) r
where o.organization = s.organization and o.identity_checked_at is not null;

alter table inventory.connections add column rights text;
comment on column inventory.connections.rights is
    'What the key was allowed when it first showed the row, or showed it again; NULL: not known.';

alter table ledger.withheld alter column runs set default 0;
comment on column ledger.withheld.runs is
    'Complete runs in a row whose answer did not contain the row, with nothing to doubt but its size.';

alter table ledger.run_organizations add column walk_races integer not null default 0;
create or replace view reporting.run_organizations as
select
    run_id, organization, organization_id, resource, outcome, error, http_status, requests,
    retries, waited_seconds, seen, created, updated, removed, restored, withheld, rejected,
    started_at, finished_at, unchanged, walk_races
from ledger.run_organizations;
comment on column reporting.run_organizations.walk_races is
    'Records that the list did not contain although a read by id found them: edits raced with it.';
