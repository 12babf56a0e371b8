-- The drift radar: where answers differ from what the documentation of the API says. No values.
create table ledger.shapes (
    organization text not null references ledger.organizations on update cascade on delete cascade,
    resource text not null,
    fields text[] not null,
    primary key (organization, resource)
);
comment on table ledger.shapes is
    'Documented fields that every record of a scope''s last answer had; a field that no record has any more has vanished.';

create table ledger.drift (
    organization text not null references ledger.organizations on update cascade on delete cascade,
    resource text not null,
    kind text not null,
    path text not null,
    mark text not null default '',
    first_seen_at timestamptz not null,
    last_seen_at timestamptz,
    primary key (organization, resource, kind, path, mark)
);
comment on table ledger.drift is
    'Differences between a scope''s answers and the documentation of the API, past ones included.';
comment on column ledger.drift.mark is
    'Keyed digest of a new value, or the JSON type that was met; the value itself is not kept.';
comment on column ledger.drift.last_seen_at is
    'NULL: it is in the last answer, so it was seen when its scope was last read.';
create index drift_path on ledger.drift (path);
create index drift_first_seen on ledger.drift (first_seen_at);

create view reporting.api_drift as
select
    d.resource,
    d.kind,
    d.path,
    case when d.kind = 'new_value' then d.mark end as value_digest,
    case when d.kind = 'changed_type' then d.mark end as found_type,
    count(*) filter (where d.last_seen_at is null) as organizations,
    count(*) as organizations_ever,
    min(d.first_seen_at) as first_seen_at,
    max(coalesce(d.last_seen_at, s.last_read_at, d.first_seen_at)) as last_seen_at,
    bool_or(d.last_seen_at is null) as is_current,
    (array_agg(d.organization order by d.last_seen_at desc nulls first, d.first_seen_at, d.organization))[1]
        as example_organization
from ledger.drift d
left join ledger.scopes s using (organization, resource)
group by d.resource, d.kind, d.path, d.mark;

comment on view reporting.api_drift is
    'One row for each way in which answers differ, or once differed, from the API''s documentation; it never shows a value.';
comment on column reporting.api_drift.resource is 'What was read, such as connections.';
comment on column reporting.api_drift.kind is
    'unknown_field: the documentation does not have it; vanished_field: it was in the records of an organization and is in none now; changed_type: it has another JSON type; new_value: its vocabulary has a new term; conflicting_duplicates: records with one id and different content.';
comment on column reporting.api_drift.path is
    'The field, such as type.operations[] (entries of a list); * stands for more names than are told apart, (set) for a name that looks like a secret.';
comment on column reporting.api_drift.value_digest is
    'For a new value: a digest that tells it from other new values; * where there are too many to be a vocabulary.';
comment on column reporting.api_drift.found_type is 'For a changed type: the JSON type that was met.';
comment on column reporting.api_drift.organizations is 'Organizations whose last answer has it.';
comment on column reporting.api_drift.organizations_ever is 'Organizations that ever had it.';
comment on column reporting.api_drift.first_seen_at is 'When a run first met it anywhere (UTC).';
comment on column reporting.api_drift.last_seen_at is 'When it was last there (UTC).';
comment on column reporting.api_drift.is_current is 'Whether the last answer of any organization has it.';
comment on column reporting.api_drift.example_organization is 'One of these organizations, preferably one that has it now.';
