-- The ledger: whom we collect from, what every run did, and how far each scope is known.
create schema if not exists ledger; -- the migration runner keeps its own table there
create schema inventory;

create table ledger.installation (
    only_row boolean primary key default true check (only_row),
    pepper bytea not null
);
comment on table ledger.installation is
    'Random key of this database for the digests that tell whether an API key changed.';
insert into ledger.installation (pepper)
values (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));

create table ledger.run_lock (
    only_row boolean primary key default true check (only_row)
);
comment on table ledger.run_lock is 'Whoever holds the lock of its row is the one active run.';
insert into ledger.run_lock default values;

create table ledger.organizations (
    organization text primary key,
    deployment text not null,
    organization_id text,
    organization_name text,
    tags jsonb not null default '{}',
    enabled boolean not null default true,
    configured boolean not null default true,
    key_digest bytea,
    key_class text,
    role text,
    mode text,
    profile text,
    identity_checked_at timestamptz,
    first_seen_at timestamptz not null default now()
);
comment on table ledger.organizations is
    'Organizations known from any source; organization_id is pinned on first success.';
create unique index organizations_pinned_id
    on ledger.organizations (deployment, organization_id);

create table ledger.runs (
    run_id uuid primary key,
    generation bigint not null unique generated always as identity,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    status text not null default 'running',
    exit_code smallint,
    version text not null,
    planned jsonb,
    duration_seconds double precision,
    requests bigint,
    retries bigint,
    organizations_total integer,
    organizations_complete integer,
    organizations_partial integer,
    organizations_failed integer,
    organizations_deferred integer,
    outcomes jsonb,
    resources jsonb,
    headline text
);
comment on column ledger.runs.planned is
    'Scopes of an unfinished run as {resource: [organization]}; lets the next run close its books.';
create index runs_started on ledger.runs (started_at);

create table ledger.scopes (
    organization text not null references ledger.organizations on update cascade on delete cascade,
    resource text not null,
    generation bigint not null default 0,
    last_attempt_at timestamptz,
    last_outcome text,
    last_error text,
    last_read_at timestamptz,
    last_complete_at timestamptz,
    bytes_digest bytea,
    tracked_digest bytea,
    readings_digest bytea,
    records integer not null default 0,
    withheld integer not null default 0,
    primary key (organization, resource)
);
comment on table ledger.scopes is
    'State of one resource of one organization; its row lock and generation fence every write.';

create table ledger.scope_days (
    organization text not null references ledger.organizations on update cascade on delete cascade,
    resource text not null,
    day date not null,
    primary key (organization, resource, day)
);
comment on table ledger.scope_days is
    'UTC days on which a scope was read; lets daily views carry unchanged values forward.';

create table ledger.run_organizations (
    run_id uuid not null references ledger.runs on delete cascade,
    organization text not null,
    resource text not null,
    organization_id text,
    outcome text not null,
    error text,
    http_status smallint,
    requests integer not null default 0,
    retries integer not null default 0,
    waited_seconds double precision not null default 0,
    seen integer not null default 0,
    created integer not null default 0,
    updated integer not null default 0,
    unchanged integer not null default 0,
    removed integer not null default 0,
    restored integer not null default 0,
    withheld integer not null default 0,
    rejected integer not null default 0,
    started_at timestamptz,
    finished_at timestamptz,
    primary key (run_id, organization, resource)
);
create index run_organizations_organization
    on ledger.run_organizations (organization, resource, finished_at);

create table ledger.rejected_records (
    rejected_record_id bigint primary key generated always as identity,
    run_id uuid not null references ledger.runs on delete cascade,
    organization text not null,
    resource text not null,
    record_id text,
    reason text not null,
    record jsonb,
    rejected_at timestamptz not null default now()
);
create index rejected_records_run on ledger.rejected_records (run_id);

create table ledger.withheld (
    resource text not null,
    deployment text not null,
    organization_id text not null,
    id text not null,
    reason text not null,
    runs integer not null default 1,
    since timestamptz not null default now(),
    last_seen_at timestamptz,
    primary key (resource, deployment, organization_id, id)
);
comment on table ledger.withheld is
    'Rows that an answer did not contain and that are kept until their removal is proven.';
comment on column ledger.withheld.runs is 'Complete runs in a row that did not contain the row.';
