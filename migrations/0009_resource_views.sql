-- What BI tools read of the further resources: what is there, and how it came to be so.

create view ledger.current_looks as
select o.deployment, o.organization_id, o.organization, s.resource
from ledger.scopes s
join ledger.organizations o using (organization)
where s.last_complete_at >= now() - ledger.observation_gap() and o.organization_id is not null;
comment on view ledger.current_looks is
    'Scopes that were read completely not too long ago: only of these "it is not there" can be said.';

create view inventory.versions as
select
    resource, deployment, organization_id, id, valid_from, valid_to, change, changed_fields, record,
    withheld_since
from inventory.history
union all
select
    c.resource, c.deployment, c.organization_id, c.id, c.valid_from, null, c.change,
    c.changed_fields, c.record, w.since
from (
    select
        'organizations' as resource, deployment, organization_id, id, valid_from, change, changed_fields,
        to_jsonb(c) as record
    from inventory.organizations c
    union all
    select
        'connection_types' as resource, deployment, organization_id, id, valid_from, change, changed_fields,
        to_jsonb(c) as record
    from inventory.connection_types c
    union all
    select
        'bulk_syncs' as resource, deployment, organization_id, id, valid_from, change, changed_fields,
        to_jsonb(c) as record
    from inventory.bulk_syncs c
    union all
    select
        'model_syncs' as resource, deployment, organization_id, id, valid_from, change, changed_fields,
        to_jsonb(c) as record
    from inventory.model_syncs c
    union all
    select
        'models' as resource, deployment, organization_id, id, valid_from, change, changed_fields,
        to_jsonb(c) as record
    from inventory.models c
    union all
    select
        'users' as resource, deployment, organization_id, id, valid_from, change, changed_fields,
        to_jsonb(c) as record
    from inventory.users c
    union all
    select
        'policies' as resource, deployment, organization_id, id, valid_from, change, changed_fields,
        to_jsonb(c) as record
    from inventory.policies c
    union all
    select
        'roles' as resource, deployment, organization_id, id, valid_from, change, changed_fields,
        to_jsonb(c) as record
    from inventory.roles c
    union all
    select
        'connection_usage' as resource, deployment, organization_id, id, valid_from, change, changed_fields,
        to_jsonb(c) as record
    from inventory.connection_usage c
    union all
    select
        'connection_schemas' as resource, deployment, organization_id, id, valid_from, change, changed_fields,
        to_jsonb(c) as record
    from inventory.connection_schemas c
    union all
    select
        'connection_sources' as resource, deployment, organization_id, id, valid_from, change, changed_fields,
        to_jsonb(c) as record
    from inventory.connection_sources c
    union all
    select
        'connection_proxy' as resource, deployment, organization_id, id, valid_from, change, changed_fields,
        to_jsonb(c) as record
    from inventory.connection_proxy c
    union all
    select
        'shared_connections' as resource, deployment, organization_id, id, valid_from, change, changed_fields,
        to_jsonb(c) as record
    from inventory.shared_connections c
) c
left join ledger.withheld w using (resource, deployment, organization_id, id);
comment on view inventory.versions is
    'Every version of every resource but connections, closed and open; ask for one resource.';

create view inventory.changes as
select
    v.resource,
    v.valid_from as changed_at,
    o.organization,
    v.deployment,
    v.organization_id,
    v.id,
    v.record,
    v.change,
    f.field,
    p.record -> f.field as old_value,
    case when f.field is not null then v.record -> f.field end as new_value
from inventory.versions v
left join ledger.organizations o
    on o.deployment = v.deployment and o.organization_id = v.organization_id
left join lateral unnest(v.changed_fields) as f (field) on true
left join inventory.history p
    on f.field is not null and p.resource = v.resource and p.deployment = v.deployment
    and p.organization_id = v.organization_id and p.id = v.id and p.valid_to = v.valid_from
    and p.change <> 'removed';
comment on view inventory.changes is
    'Every changed field of every resource but connections; ask for one resource.';

create view reporting.connection_types as
with used as (
    select
        c.deployment,
        c.type_id,
        count(*) as connections,
        count(distinct c.organization_id) as organizations
    from inventory.connections c
    join ledger.coverage o on o.deployment = c.deployment and o.pinned_id = c.organization_id
    where o.is_expected
    group by c.deployment, c.type_id
), looked as (
    select o.deployment, bool_and(l.organization is not null) as is_certain
    from ledger.coverage o
    left join ledger.current_looks l
        on l.organization = o.organization and l.resource = 'connections'
    where o.is_expected
    group by o.deployment
), seen as (
    select o.deployment, max(s.last_read_at) as last_read_at
    from ledger.scopes s
    join ledger.organizations o using (organization)
    where s.resource = 'connection_types'
    group by o.deployment
)
select
    c.deployment,
    c.id as type_id,
    c.name,
    c.logo_url,
    c.logo_dark_url,
    c.use_oauth,
    c.capabilities,
    c.configuration_fields,
    case when u.type_id is not null or l.is_certain then coalesce(u.connections, 0) end
        as connections,
    case when u.type_id is not null or l.is_certain then coalesce(u.organizations, 0) end
        as organizations,
    coalesce(l.is_certain, false) as is_certain,
    c.extra,
    c.sanitized,
    c.first_seen_at,
    c.valid_from as last_changed_at,
    coalesce(w.last_seen_at, s.last_read_at) as last_seen_at,
    w.since as withheld_since,
    w.reason as withheld_reason
from inventory.connection_types c
left join used u on u.deployment = c.deployment and u.type_id = c.id
left join looked l on l.deployment = c.deployment
left join seen s on s.deployment = c.deployment
left join ledger.withheld w
    on w.resource = 'connection_types' and w.deployment = c.deployment
    and w.organization_id = c.organization_id and w.id = c.id;

comment on view reporting.connection_types is
    'One row for each connection type that a deployment knows, with how often it is used.';
comment on column reporting.connection_types.deployment is 'Host name of the Polytomic server.';
comment on column reporting.connection_types.type_id is
    'Type, such as postgresql, as in reporting.connections.';
comment on column reporting.connection_types.name is 'Type as shown to people.';
comment on column reporting.connection_types.logo_url is 'Its logo.';
comment on column reporting.connection_types.logo_dark_url is 'Its logo for dark pages.';
comment on column reporting.connection_types.use_oauth is 'Whether it is set up by OAuth.';
comment on column reporting.connection_types.capabilities is
    'What it can be, such as source and destination, sorted.';
comment on column reporting.connection_types.configuration_fields is
    'Its configuration''s fields: type, title, whether sensitive, required or read-only; NULL: not read, as of types that nobody uses.';
comment on column reporting.connection_types.connections is
    'Connections of this type in expected organizations, as far as we know; NULL where we know of none but did not look everywhere.';
comment on column reporting.connection_types.organizations is
    'Expected organizations that have such a connection; NULL as connections.';
comment on column reporting.connection_types.is_certain is
    'Whether the connections of all expected organizations of the deployment were read completely in the last 26 hours.';
comment on column reporting.connection_types.extra is
    'Fields this release does not know, and values of an unexpected type, masked.';
comment on column reporting.connection_types.sanitized is
    'Whether characters that Postgres cannot store were replaced in it.';
comment on column reporting.connection_types.first_seen_at is 'When a run first saw it (UTC).';
comment on column reporting.connection_types.last_changed_at is
    'When a run last saw a tracked field change (UTC).';
comment on column reporting.connection_types.last_seen_at is
    'When an answer last contained it (UTC); how old this row''s truth is.';
comment on column reporting.connection_types.withheld_since is
    'Since when answers do not contain it although its removal is not proven; NULL normally.';
comment on column reporting.connection_types.withheld_reason is 'Why its removal is withheld.';

create view reporting.organization_history as
select
    o.organization,
    v.deployment,
    v.organization_id,
    o.organization_name,
    v.valid_from,
    v.valid_to,
    v.change,
    v.changed_fields,
    r.name,
    r.sso_domain,
    r.sso_org_id,
    r.issuer,
    r.extra,
    v.withheld_since
from inventory.versions v
join ledger.organizations o
    on o.deployment = v.deployment and o.organization_id = v.organization_id
cross join lateral jsonb_to_record(v.record) as r (
    name text, sso_domain text, sso_org_id text, issuer text, extra jsonb
)
where v.resource = 'organizations';

comment on view reporting.organization_history is
    'One row for each version of each organization, as runs saw it. A removal is a row of its own: valid_from and valid_to are both the moment of removal.';
comment on column reporting.organization_history.organization is 'Our name of the organization.';
comment on column reporting.organization_history.deployment is 'Host name of the Polytomic server.';
comment on column reporting.organization_history.organization_id is 'Polytomic''s id of the organization.';
comment on column reporting.organization_history.organization_name is
    'Polytomic''s name of the organization.';
comment on column reporting.organization_history.valid_from is
    'When a run first saw this version (UTC), inclusive.';
comment on column reporting.organization_history.valid_to is
    'When a run saw it replaced or removed (UTC), exclusive; NULL: it is valid now.';
comment on column reporting.organization_history.change is
    'How this version began: created, updated, restored; or removed, the moment it went away.';
comment on column reporting.organization_history.changed_fields is
    'Fields that differ from the version before; NULL unless change is updated.';
comment on column reporting.organization_history.name is 'Its name in Polytomic.';
comment on column reporting.organization_history.sso_domain is 'Domain of its single sign-on.';
comment on column reporting.organization_history.sso_org_id is 'Its id at the single sign-on provider.';
comment on column reporting.organization_history.issuer is 'Issuer of its single sign-on.';
comment on column reporting.organization_history.extra is
    'Fields this release does not know, and values of an unexpected type, masked.';
comment on column reporting.organization_history.withheld_since is
    'Since when answers did not contain it although its removal was not proven (UTC); until valid_to nobody knows whether it was there.';

create view reporting.organization_changes as
select
    changed_at, organization, record ->> 'name' as name, change, field, old_value, new_value,
    deployment, organization_id
from inventory.changes
where resource = 'organizations' and organization is not null;

comment on view reporting.organization_changes is
    'One row for each changed field of each organization; one row without a field where it was created, removed or restored.';
comment on column reporting.organization_changes.changed_at is 'When a run saw the change (UTC).';
comment on column reporting.organization_changes.organization is 'Our name of the organization.';
comment on column reporting.organization_changes.name is 'Name after the change.';
comment on column reporting.organization_changes.change is 'created, updated, removed or restored.';
comment on column reporting.organization_changes.field is
    'The field that changed; NULL where the whole row came or went.';
comment on column reporting.organization_changes.old_value is 'Value before, masked where it must be.';
comment on column reporting.organization_changes.new_value is 'Value after, masked where it must be.';
comment on column reporting.organization_changes.deployment is 'Host name of the Polytomic server.';
comment on column reporting.organization_changes.organization_id is 'Polytomic''s id of the organization.';

create view reporting.connection_type_history as
select
    v.deployment,
    v.id as type_id,
    v.valid_from,
    v.valid_to,
    v.change,
    v.changed_fields,
    r.name,
    r.logo_url,
    r.logo_dark_url,
    r.use_oauth,
    r.capabilities,
    r.configuration_fields,
    r.extra,
    v.withheld_since
from inventory.versions v
cross join lateral jsonb_to_record(v.record) as r (
    name text, logo_url text, logo_dark_url text, use_oauth boolean, capabilities text[],
    configuration_fields jsonb, extra jsonb
)
where v.resource = 'connection_types';

comment on view reporting.connection_type_history is
    'One row for each version of each connection type, as runs saw it. A removal is a row of its own: valid_from and valid_to are both the moment of removal.';
comment on column reporting.connection_type_history.deployment is 'Host name of the Polytomic server.';
comment on column reporting.connection_type_history.type_id is 'Type, such as postgresql.';
comment on column reporting.connection_type_history.valid_from is
    'When a run first saw this version (UTC), inclusive.';
comment on column reporting.connection_type_history.valid_to is
    'When a run saw it replaced or removed (UTC), exclusive; NULL: it is valid now.';
comment on column reporting.connection_type_history.change is
    'How this version began: created, updated, restored; or removed, the moment it went away.';
comment on column reporting.connection_type_history.changed_fields is
    'Fields that differ from the version before; NULL unless change is updated.';
comment on column reporting.connection_type_history.name is 'Type as shown to people.';
comment on column reporting.connection_type_history.logo_url is 'Its logo.';
comment on column reporting.connection_type_history.logo_dark_url is 'Its logo for dark pages.';
comment on column reporting.connection_type_history.use_oauth is 'Whether it is set up by OAuth.';
comment on column reporting.connection_type_history.capabilities is
    'What it can be, such as source and destination, sorted.';
comment on column reporting.connection_type_history.configuration_fields is
    'Its configuration''s fields: type, title, whether sensitive, required or read-only; NULL: not read, as of types that nobody uses.';
comment on column reporting.connection_type_history.extra is
    'Fields this release does not know, and values of an unexpected type, masked.';
comment on column reporting.connection_type_history.withheld_since is
    'Since when answers did not contain it although its removal was not proven (UTC); until valid_to nobody knows whether it was there.';

create view reporting.connection_type_changes as
select
    changed_at, id as type_id, record ->> 'name' as name, change, field, old_value, new_value,
    deployment
from inventory.changes
where resource = 'connection_types';

comment on view reporting.connection_type_changes is
    'One row for each changed field of each connection type; one row without a field where it was created, removed or restored.';
comment on column reporting.connection_type_changes.changed_at is 'When a run saw the change (UTC).';
comment on column reporting.connection_type_changes.type_id is 'Type, such as postgresql.';
comment on column reporting.connection_type_changes.name is 'Name after the change.';
comment on column reporting.connection_type_changes.change is 'created, updated, removed or restored.';
comment on column reporting.connection_type_changes.field is
    'The field that changed; NULL where the whole row came or went.';
comment on column reporting.connection_type_changes.old_value is 'Value before, masked where it must be.';
comment on column reporting.connection_type_changes.new_value is 'Value after, masked where it must be.';
comment on column reporting.connection_type_changes.deployment is 'Host name of the Polytomic server.';

create view reporting.bulk_syncs as
select
    o.organization,
    c.deployment,
    c.organization_id,
    o.organization_name,
    c.id as bulk_sync_id,
    c.name,
    c.active,
    c.mode,
    c.source_connection_id,
    c.destination_connection_id,
    c.schedule,
    c.schedules,
    c.source_configuration,
    c.destination_configuration,
    c.automatically_add_new_fields,
    c.automatically_add_new_objects,
    c.normalize_names,
    c.concurrency_limit,
    c.resync_concurrency_limit,
    c.data_cutoff_timestamp,
    c.disable_record_timestamps,
    c.policies,
    c.created_at,
    c.created_by_id,
    c.created_by_name,
    c.created_by_type,
    c.updated_at,
    c.updated_by_id,
    c.updated_by_name,
    c.updated_by_type,
    r.current_status,
    r.next_execution_at,
    r.last_started_at,
    r.last_completed_at,
    r.schemas_total,
    r.schemas_failed,
    r.records,
    r.errors,
    r.warnings,
    r.status_message,
    r.read_at as status_read_at,
    c.extra,
    c.sanitized,
    c.first_seen_at,
    c.valid_from as last_changed_at,
    coalesce(w.last_seen_at, s.last_read_at) as last_seen_at,
    w.since as withheld_since,
    w.reason as withheld_reason
from inventory.bulk_syncs c
join ledger.organizations o
    on o.deployment = c.deployment and o.organization_id = c.organization_id
left join ledger.scopes s on s.organization = o.organization and s.resource = 'bulk_syncs'
left join inventory.bulk_syncs_readings r
    on r.deployment = c.deployment and r.organization_id = c.organization_id and r.id = c.id
left join ledger.withheld w
    on w.resource = 'bulk_syncs' and w.deployment = c.deployment
    and w.organization_id = c.organization_id and w.id = c.id;

comment on view reporting.bulk_syncs is
    'One row for each bulk sync that exists as far as we know, over all organizations.';
comment on column reporting.bulk_syncs.organization is 'Our name of the organization.';
comment on column reporting.bulk_syncs.deployment is 'Host name of the Polytomic server.';
comment on column reporting.bulk_syncs.organization_id is 'Polytomic''s id of the organization.';
comment on column reporting.bulk_syncs.organization_name is 'Polytomic''s name of the organization.';
comment on column reporting.bulk_syncs.bulk_sync_id is
    'Polytomic''s id; unique together with deployment and organization_id.';
comment on column reporting.bulk_syncs.name is 'Name; not unique, and may be empty.';
comment on column reporting.bulk_syncs.active is 'Whether it is switched on.';
comment on column reporting.bulk_syncs.mode is 'How it writes, as the server spells it; an open vocabulary.';
comment on column reporting.bulk_syncs.source_connection_id is 'The connection it reads from.';
comment on column reporting.bulk_syncs.destination_connection_id is 'The connection it writes to.';
comment on column reporting.bulk_syncs.schedule is
    'How often it runs by its default schedule, such as hourly or manual; an open vocabulary.';
comment on column reporting.bulk_syncs.schedules is
    'All its schedules, the default and additional ones, as the server has them.';
comment on column reporting.bulk_syncs.source_configuration is
    'Settings of its source, masked as configurations are.';
comment on column reporting.bulk_syncs.destination_configuration is
    'Settings of its destination, masked as configurations are.';
comment on column reporting.bulk_syncs.automatically_add_new_fields is
    'Which new fields it takes up by itself: all, none, …';
comment on column reporting.bulk_syncs.automatically_add_new_objects is
    'Which new objects it takes up by itself: all, none, …';
comment on column reporting.bulk_syncs.normalize_names is
    'Whether it normalizes names: enabled, disabled or legacy.';
comment on column reporting.bulk_syncs.concurrency_limit is
    'How many objects it copies at a time; NULL: the server''s default.';
comment on column reporting.bulk_syncs.resync_concurrency_limit is
    'The same for full copies; NULL: the server''s default.';
comment on column reporting.bulk_syncs.data_cutoff_timestamp is 'It leaves out data that is older (UTC).';
comment on column reporting.bulk_syncs.disable_record_timestamps is
    'Whether it adds no timestamps to records.';
comment on column reporting.bulk_syncs.policies is 'Ids of the permission policies on it, sorted.';
comment on column reporting.bulk_syncs.created_at is 'When it was created in Polytomic (UTC).';
comment on column reporting.bulk_syncs.created_by_id is 'Id of who created it.';
comment on column reporting.bulk_syncs.created_by_name is 'Name of who created it.';
comment on column reporting.bulk_syncs.created_by_type is 'What created it, such as user.';
comment on column reporting.bulk_syncs.updated_at is 'When it was last edited in Polytomic (UTC).';
comment on column reporting.bulk_syncs.updated_by_id is 'Id of who last edited it.';
comment on column reporting.bulk_syncs.updated_by_name is 'Name of who last edited it.';
comment on column reporting.bulk_syncs.updated_by_type is 'What last edited it, such as user.';
comment on column reporting.bulk_syncs.current_status is
    'Its state when it was last read, as the server spells it; NULL: not read.';
comment on column reporting.bulk_syncs.next_execution_at is 'When it runs next, as last read (UTC).';
comment on column reporting.bulk_syncs.last_started_at is 'The latest begin of one of its objects (UTC).';
comment on column reporting.bulk_syncs.last_completed_at is 'The latest end of one of its objects (UTC).';
comment on column reporting.bulk_syncs.schemas_total is 'Its objects.';
comment on column reporting.bulk_syncs.schemas_failed is 'Its objects that failed.';
comment on column reporting.bulk_syncs.records is 'Records of their last executions.';
comment on column reporting.bulk_syncs.errors is 'Errors of their last executions.';
comment on column reporting.bulk_syncs.warnings is 'Warnings of their last executions.';
comment on column reporting.bulk_syncs.status_message is 'What a failing object says, secrets masked.';
comment on column reporting.bulk_syncs.status_read_at is
    'When a run first read these values of its state (UTC); last_seen_at says how current they are.';
comment on column reporting.bulk_syncs.extra is
    'Fields this release does not know, and values of an unexpected type, masked.';
comment on column reporting.bulk_syncs.sanitized is
    'Whether characters that Postgres cannot store were replaced in it.';
comment on column reporting.bulk_syncs.first_seen_at is 'When a run first saw it (UTC).';
comment on column reporting.bulk_syncs.last_changed_at is 'When a run last saw a tracked field change (UTC).';
comment on column reporting.bulk_syncs.last_seen_at is
    'When an answer last contained it (UTC); how old this row''s truth is.';
comment on column reporting.bulk_syncs.withheld_since is
    'Since when answers do not contain it although its removal is not proven; NULL normally.';
comment on column reporting.bulk_syncs.withheld_reason is 'Why its removal is withheld.';

create view reporting.bulk_sync_history as
select
    o.organization,
    v.deployment,
    v.organization_id,
    o.organization_name,
    v.id as bulk_sync_id,
    v.valid_from,
    v.valid_to,
    v.change,
    v.changed_fields,
    r.name,
    r.active,
    r.mode,
    r.source_connection_id,
    r.destination_connection_id,
    r.schedule,
    r.schedules,
    r.source_configuration,
    r.destination_configuration,
    r.automatically_add_new_fields,
    r.automatically_add_new_objects,
    r.normalize_names,
    r.concurrency_limit,
    r.resync_concurrency_limit,
    r.data_cutoff_timestamp,
    r.disable_record_timestamps,
    r.policies,
    r.created_at,
    r.created_by_id,
    r.created_by_name,
    r.created_by_type,
    r.updated_at,
    r.updated_by_id,
    r.updated_by_name,
    r.updated_by_type,
    r.extra,
    v.withheld_since
from inventory.versions v
join ledger.organizations o
    on o.deployment = v.deployment and o.organization_id = v.organization_id
cross join lateral jsonb_to_record(v.record) as r (
    name text, active boolean, mode text, source_connection_id text, destination_connection_id text,
    schedule text, schedules jsonb, source_configuration jsonb, destination_configuration jsonb,
    automatically_add_new_fields text, automatically_add_new_objects text, normalize_names text,
    concurrency_limit integer, resync_concurrency_limit integer, data_cutoff_timestamp timestamptz,
    disable_record_timestamps boolean, policies text[], created_at timestamptz, created_by_id text,
    created_by_name text, created_by_type text, updated_at timestamptz, updated_by_id text,
    updated_by_name text, updated_by_type text, extra jsonb
)
where v.resource = 'bulk_syncs';

comment on view reporting.bulk_sync_history is
    'One row for each version of each bulk sync, as runs saw it. A removal is a row of its own: valid_from and valid_to are both the moment of removal.';
comment on column reporting.bulk_sync_history.organization is 'Our name of the organization.';
comment on column reporting.bulk_sync_history.deployment is 'Host name of the Polytomic server.';
comment on column reporting.bulk_sync_history.organization_id is 'Polytomic''s id of the organization.';
comment on column reporting.bulk_sync_history.organization_name is 'Polytomic''s name of the organization.';
comment on column reporting.bulk_sync_history.bulk_sync_id is 'Polytomic''s id.';
comment on column reporting.bulk_sync_history.valid_from is
    'When a run first saw this version (UTC), inclusive.';
comment on column reporting.bulk_sync_history.valid_to is
    'When a run saw it replaced or removed (UTC), exclusive; NULL: it is valid now.';
comment on column reporting.bulk_sync_history.change is
    'How this version began: created, updated, restored; or removed, the moment it went away.';
comment on column reporting.bulk_sync_history.changed_fields is
    'Fields that differ from the version before; NULL unless change is updated.';
comment on column reporting.bulk_sync_history.name is 'Name; not unique, and may be empty.';
comment on column reporting.bulk_sync_history.active is 'Whether it is switched on.';
comment on column reporting.bulk_sync_history.mode is
    'How it writes, as the server spells it; an open vocabulary.';
comment on column reporting.bulk_sync_history.source_connection_id is 'The connection it reads from.';
comment on column reporting.bulk_sync_history.destination_connection_id is 'The connection it writes to.';
comment on column reporting.bulk_sync_history.schedule is
    'How often it runs by its default schedule, such as hourly or manual; an open vocabulary.';
comment on column reporting.bulk_sync_history.schedules is
    'All its schedules, the default and additional ones, as the server has them.';
comment on column reporting.bulk_sync_history.source_configuration is
    'Settings of its source, masked as configurations are.';
comment on column reporting.bulk_sync_history.destination_configuration is
    'Settings of its destination, masked as configurations are.';
comment on column reporting.bulk_sync_history.automatically_add_new_fields is
    'Which new fields it takes up by itself: all, none, …';
comment on column reporting.bulk_sync_history.automatically_add_new_objects is
    'Which new objects it takes up by itself: all, none, …';
comment on column reporting.bulk_sync_history.normalize_names is
    'Whether it normalizes names: enabled, disabled or legacy.';
comment on column reporting.bulk_sync_history.concurrency_limit is
    'How many objects it copies at a time; NULL: the server''s default.';
comment on column reporting.bulk_sync_history.resync_concurrency_limit is
    'The same for full copies; NULL: the server''s default.';
comment on column reporting.bulk_sync_history.data_cutoff_timestamp is
    'It leaves out data that is older (UTC).';
comment on column reporting.bulk_sync_history.disable_record_timestamps is
    'Whether it adds no timestamps to records.';
comment on column reporting.bulk_sync_history.policies is 'Ids of the permission policies on it, sorted.';
comment on column reporting.bulk_sync_history.created_at is 'When it was created in Polytomic (UTC).';
comment on column reporting.bulk_sync_history.created_by_id is 'Id of who created it.';
comment on column reporting.bulk_sync_history.created_by_name is 'Name of who created it.';
comment on column reporting.bulk_sync_history.created_by_type is 'What created it, such as user.';
comment on column reporting.bulk_sync_history.updated_at is 'When it was last edited in Polytomic (UTC).';
comment on column reporting.bulk_sync_history.updated_by_id is 'Id of who last edited it.';
comment on column reporting.bulk_sync_history.updated_by_name is 'Name of who last edited it.';
comment on column reporting.bulk_sync_history.updated_by_type is 'What last edited it, such as user.';
comment on column reporting.bulk_sync_history.extra is
    'Fields this release does not know, and values of an unexpected type, masked.';
comment on column reporting.bulk_sync_history.withheld_since is
    'Since when answers did not contain it although its removal was not proven (UTC); until valid_to nobody knows whether it was there.';

create view reporting.bulk_sync_changes as
select
    changed_at, organization, id as bulk_sync_id, record ->> 'name' as name, change, field,
    old_value, new_value, deployment, organization_id
from inventory.changes
where resource = 'bulk_syncs' and organization is not null;

comment on view reporting.bulk_sync_changes is
    'One row for each changed field of each bulk sync; one row without a field where it was created, removed or restored.';
comment on column reporting.bulk_sync_changes.changed_at is 'When a run saw the change (UTC).';
comment on column reporting.bulk_sync_changes.organization is 'Our name of the organization.';
comment on column reporting.bulk_sync_changes.bulk_sync_id is 'Polytomic''s id.';
comment on column reporting.bulk_sync_changes.name is 'Name after the change.';
comment on column reporting.bulk_sync_changes.change is 'created, updated, removed or restored.';
comment on column reporting.bulk_sync_changes.field is
    'The field that changed; NULL where the whole row came or went.';
comment on column reporting.bulk_sync_changes.old_value is 'Value before, masked where it must be.';
comment on column reporting.bulk_sync_changes.new_value is 'Value after, masked where it must be.';
comment on column reporting.bulk_sync_changes.deployment is 'Host name of the Polytomic server.';
comment on column reporting.bulk_sync_changes.organization_id is 'Polytomic''s id of the organization.';

create view reporting.model_syncs as
select
    o.organization,
    c.deployment,
    c.organization_id,
    o.organization_name,
    c.id as model_sync_id,
    c.name,
    c.active,
    c.mode,
    c.model_ids,
    c.target_connection_id,
    c.target_object,
    c.schedule,
    c.schedules,
    c.schedule_connection_id,
    c.runs_after_sync_ids,
    c.runs_after_bulk_sync_ids,
    c.runs_after_success_only,
    c.sync_all_records,
    c.skip_initial_backfill,
    c.only_enrich_updates,
    c.created_at,
    c.created_by_id,
    c.created_by_name,
    c.created_by_type,
    c.updated_at,
    c.updated_by_id,
    c.updated_by_name,
    c.updated_by_type,
    c.extra,
    c.sanitized,
    c.first_seen_at,
    c.valid_from as last_changed_at,
    coalesce(w.last_seen_at, s.last_read_at) as last_seen_at,
    w.since as withheld_since,
    w.reason as withheld_reason
from inventory.model_syncs c
join ledger.organizations o
    on o.deployment = c.deployment and o.organization_id = c.organization_id
left join ledger.scopes s on s.organization = o.organization and s.resource = 'model_syncs'
left join ledger.withheld w
    on w.resource = 'model_syncs' and w.deployment = c.deployment
    and w.organization_id = c.organization_id and w.id = c.id;

comment on view reporting.model_syncs is
    'One row for each model sync that exists as far as we know, over all organizations.';
comment on column reporting.model_syncs.organization is 'Our name of the organization.';
comment on column reporting.model_syncs.deployment is 'Host name of the Polytomic server.';
comment on column reporting.model_syncs.organization_id is 'Polytomic''s id of the organization.';
comment on column reporting.model_syncs.organization_name is 'Polytomic''s name of the organization.';
comment on column reporting.model_syncs.model_sync_id is
    'Polytomic''s id; unique together with deployment and organization_id.';
comment on column reporting.model_syncs.name is 'Name; not unique, and may be empty.';
comment on column reporting.model_syncs.active is 'Whether it is switched on.';
comment on column reporting.model_syncs.mode is 'How it writes, as the server spells it; an open vocabulary.';
comment on column reporting.model_syncs.model_ids is 'The models it sends.';
comment on column reporting.model_syncs.target_connection_id is 'The connection it writes to.';
comment on column reporting.model_syncs.target_object is 'What it writes there, such as a table or Contact.';
comment on column reporting.model_syncs.schedule is
    'How often it runs, such as hourly, continuous or manual; an open vocabulary.';
comment on column reporting.model_syncs.schedules is 'Its schedule as the server has it, in a list of one.';
comment on column reporting.model_syncs.schedule_connection_id is
    'The connection its schedule waits for, such as dbt Cloud.';
comment on column reporting.model_syncs.runs_after_sync_ids is 'Model syncs after which it runs.';
comment on column reporting.model_syncs.runs_after_bulk_sync_ids is 'Bulk syncs after which it runs.';
comment on column reporting.model_syncs.runs_after_success_only is
    'Whether it runs only after they succeeded.';
comment on column reporting.model_syncs.sync_all_records is 'Whether it sends all records each time.';
comment on column reporting.model_syncs.skip_initial_backfill is
    'Whether it skipped the records that were there at first.';
comment on column reporting.model_syncs.only_enrich_updates is 'Whether it enriches changed records only.';
comment on column reporting.model_syncs.created_at is 'When it was created in Polytomic (UTC).';
comment on column reporting.model_syncs.created_by_id is 'Id of who created it.';
comment on column reporting.model_syncs.created_by_name is 'Name of who created it.';
comment on column reporting.model_syncs.created_by_type is 'What created it, such as user.';
comment on column reporting.model_syncs.updated_at is 'When it was last edited in Polytomic (UTC).';
comment on column reporting.model_syncs.updated_by_id is 'Id of who last edited it.';
comment on column reporting.model_syncs.updated_by_name is 'Name of who last edited it.';
comment on column reporting.model_syncs.updated_by_type is 'What last edited it, such as user.';
comment on column reporting.model_syncs.extra is
    'Fields this release does not know, and values of an unexpected type, masked.';
comment on column reporting.model_syncs.sanitized is
    'Whether characters that Postgres cannot store were replaced in it.';
comment on column reporting.model_syncs.first_seen_at is 'When a run first saw it (UTC).';
comment on column reporting.model_syncs.last_changed_at is
    'When a run last saw a tracked field change (UTC).';
comment on column reporting.model_syncs.last_seen_at is
    'When an answer last contained it (UTC); how old this row''s truth is.';
comment on column reporting.model_syncs.withheld_since is
    'Since when answers do not contain it although its removal is not proven; NULL normally.';
comment on column reporting.model_syncs.withheld_reason is 'Why its removal is withheld.';

create view reporting.model_sync_history as
select
    o.organization,
    v.deployment,
    v.organization_id,
    o.organization_name,
    v.id as model_sync_id,
    v.valid_from,
    v.valid_to,
    v.change,
    v.changed_fields,
    r.name,
    r.active,
    r.mode,
    r.model_ids,
    r.target_connection_id,
    r.target_object,
    r.schedule,
    r.schedules,
    r.schedule_connection_id,
    r.runs_after_sync_ids,
    r.runs_after_bulk_sync_ids,
    r.runs_after_success_only,
    r.sync_all_records,
    r.skip_initial_backfill,
    r.only_enrich_updates,
    r.created_at,
    r.created_by_id,
    r.created_by_name,
    r.created_by_type,
    r.updated_at,
    r.updated_by_id,
    r.updated_by_name,
    r.updated_by_type,
    r.extra,
    v.withheld_since
from inventory.versions v
join ledger.organizations o
    on o.deployment = v.deployment and o.organization_id = v.organization_id
cross join lateral jsonb_to_record(v.record) as r (
    name text, active boolean, mode text, model_ids text[], target_connection_id text,
    target_object text, schedule text, schedules jsonb, schedule_connection_id text,
    runs_after_sync_ids text[], runs_after_bulk_sync_ids text[], runs_after_success_only boolean,
    sync_all_records boolean, skip_initial_backfill boolean, only_enrich_updates boolean,
    created_at timestamptz, created_by_id text, created_by_name text, created_by_type text,
    updated_at timestamptz, updated_by_id text, updated_by_name text, updated_by_type text,
    extra jsonb
)
where v.resource = 'model_syncs';

comment on view reporting.model_sync_history is
    'One row for each version of each model sync, as runs saw it. A removal is a row of its own: valid_from and valid_to are both the moment of removal.';
comment on column reporting.model_sync_history.organization is 'Our name of the organization.';
comment on column reporting.model_sync_history.deployment is 'Host name of the Polytomic server.';
comment on column reporting.model_sync_history.organization_id is 'Polytomic''s id of the organization.';
comment on column reporting.model_sync_history.organization_name is 'Polytomic''s name of the organization.';
comment on column reporting.model_sync_history.model_sync_id is 'Polytomic''s id.';
comment on column reporting.model_sync_history.valid_from is
    'When a run first saw this version (UTC), inclusive.';
comment on column reporting.model_sync_history.valid_to is
    'When a run saw it replaced or removed (UTC), exclusive; NULL: it is valid now.';
comment on column reporting.model_sync_history.change is
    'How this version began: created, updated, restored; or removed, the moment it went away.';
comment on column reporting.model_sync_history.changed_fields is
    'Fields that differ from the version before; NULL unless change is updated.';
comment on column reporting.model_sync_history.name is 'Name; not unique, and may be empty.';
comment on column reporting.model_sync_history.active is 'Whether it is switched on.';
comment on column reporting.model_sync_history.mode is
    'How it writes, as the server spells it; an open vocabulary.';
comment on column reporting.model_sync_history.model_ids is 'The models it sends.';
comment on column reporting.model_sync_history.target_connection_id is 'The connection it writes to.';
comment on column reporting.model_sync_history.target_object is
    'What it writes there, such as a table or Contact.';
comment on column reporting.model_sync_history.schedule is
    'How often it runs, such as hourly, continuous or manual; an open vocabulary.';
comment on column reporting.model_sync_history.schedules is
    'Its schedule as the server has it, in a list of one.';
comment on column reporting.model_sync_history.schedule_connection_id is
    'The connection its schedule waits for, such as dbt Cloud.';
comment on column reporting.model_sync_history.runs_after_sync_ids is 'Model syncs after which it runs.';
comment on column reporting.model_sync_history.runs_after_bulk_sync_ids is 'Bulk syncs after which it runs.';
comment on column reporting.model_sync_history.runs_after_success_only is
    'Whether it runs only after they succeeded.';
comment on column reporting.model_sync_history.sync_all_records is 'Whether it sends all records each time.';
comment on column reporting.model_sync_history.skip_initial_backfill is
    'Whether it skipped the records that were there at first.';
comment on column reporting.model_sync_history.only_enrich_updates is
    'Whether it enriches changed records only.';
comment on column reporting.model_sync_history.created_at is 'When it was created in Polytomic (UTC).';
comment on column reporting.model_sync_history.created_by_id is 'Id of who created it.';
comment on column reporting.model_sync_history.created_by_name is 'Name of who created it.';
comment on column reporting.model_sync_history.created_by_type is 'What created it, such as user.';
comment on column reporting.model_sync_history.updated_at is 'When it was last edited in Polytomic (UTC).';
comment on column reporting.model_sync_history.updated_by_id is 'Id of who last edited it.';
comment on column reporting.model_sync_history.updated_by_name is 'Name of who last edited it.';
comment on column reporting.model_sync_history.updated_by_type is 'What last edited it, such as user.';
comment on column reporting.model_sync_history.extra is
    'Fields this release does not know, and values of an unexpected type, masked.';
comment on column reporting.model_sync_history.withheld_since is
    'Since when answers did not contain it although its removal was not proven (UTC); until valid_to nobody knows whether it was there.';

create view reporting.model_sync_changes as
select
    changed_at, organization, id as model_sync_id, record ->> 'name' as name, change, field,
    old_value, new_value, deployment, organization_id
from inventory.changes
where resource = 'model_syncs' and organization is not null;

comment on view reporting.model_sync_changes is
    'One row for each changed field of each model sync; one row without a field where it was created, removed or restored.';
comment on column reporting.model_sync_changes.changed_at is 'When a run saw the change (UTC).';
comment on column reporting.model_sync_changes.organization is 'Our name of the organization.';
comment on column reporting.model_sync_changes.model_sync_id is 'Polytomic''s id.';
comment on column reporting.model_sync_changes.name is 'Name after the change.';
comment on column reporting.model_sync_changes.change is 'created, updated, removed or restored.';
comment on column reporting.model_sync_changes.field is
    'The field that changed; NULL where the whole row came or went.';
comment on column reporting.model_sync_changes.old_value is 'Value before, masked where it must be.';
comment on column reporting.model_sync_changes.new_value is 'Value after, masked where it must be.';
comment on column reporting.model_sync_changes.deployment is 'Host name of the Polytomic server.';
comment on column reporting.model_sync_changes.organization_id is 'Polytomic''s id of the organization.';

create view reporting.models as
select
    o.organization,
    c.deployment,
    c.organization_id,
    o.organization_name,
    c.id as model_id,
    c.name,
    c.connection_id,
    c.enricher_connection_id,
    c.enricher_id,
    c.type,
    c.model_version,
    c.identifier,
    c.tracking_columns,
    c.labels,
    c.policies,
    c.related_model_ids,
    c.fields,
    c.created_at,
    c.created_by_id,
    c.created_by_name,
    c.created_by_type,
    c.updated_at,
    c.updated_by_id,
    c.updated_by_name,
    c.updated_by_type,
    c.extra,
    c.sanitized,
    c.first_seen_at,
    c.valid_from as last_changed_at,
    coalesce(w.last_seen_at, s.last_read_at) as last_seen_at,
    w.since as withheld_since,
    w.reason as withheld_reason
from inventory.models c
join ledger.organizations o
    on o.deployment = c.deployment and o.organization_id = c.organization_id
left join ledger.scopes s on s.organization = o.organization and s.resource = 'models'
left join ledger.withheld w
    on w.resource = 'models' and w.deployment = c.deployment
    and w.organization_id = c.organization_id and w.id = c.id;

comment on view reporting.models is
    'One row for each model that exists as far as we know, over all organizations. No SQL text, and no values.';
comment on column reporting.models.organization is 'Our name of the organization.';
comment on column reporting.models.deployment is 'Host name of the Polytomic server.';
comment on column reporting.models.organization_id is 'Polytomic''s id of the organization.';
comment on column reporting.models.organization_name is 'Polytomic''s name of the organization.';
comment on column reporting.models.model_id is
    'Polytomic''s id; unique together with deployment and organization_id.';
comment on column reporting.models.name is 'Name of the model.';
comment on column reporting.models.connection_id is 'The connection it reads from.';
comment on column reporting.models.enricher_connection_id is 'The connection that enriches it.';
comment on column reporting.models.enricher_id is 'Its enricher.';
comment on column reporting.models.type is 'What it is, as the server spells it.';
comment on column reporting.models.model_version is 'Its version in Polytomic.';
comment on column reporting.models.identifier is 'The field that identifies its records.';
comment on column reporting.models.tracking_columns is 'Fields by which changes are found.';
comment on column reporting.models.labels is 'Its labels.';
comment on column reporting.models.policies is 'Ids of the permission policies on it, sorted.';
comment on column reporting.models.related_model_ids is 'Models it is joined with.';
comment on column reporting.models.fields is 'Names of its fields, sorted; never values.';
comment on column reporting.models.created_at is 'When it was created in Polytomic (UTC).';
comment on column reporting.models.created_by_id is 'Id of who created it.';
comment on column reporting.models.created_by_name is 'Name of who created it.';
comment on column reporting.models.created_by_type is 'What created it, such as user.';
comment on column reporting.models.updated_at is 'When it was last edited in Polytomic (UTC).';
comment on column reporting.models.updated_by_id is 'Id of who last edited it.';
comment on column reporting.models.updated_by_name is 'Name of who last edited it.';
comment on column reporting.models.updated_by_type is 'What last edited it, such as user.';
comment on column reporting.models.extra is
    'Fields this release does not know, and values of an unexpected type, masked.';
comment on column reporting.models.sanitized is
    'Whether characters that Postgres cannot store were replaced in it.';
comment on column reporting.models.first_seen_at is 'When a run first saw it (UTC).';
comment on column reporting.models.last_changed_at is 'When a run last saw a tracked field change (UTC).';
comment on column reporting.models.last_seen_at is
    'When an answer last contained it (UTC); how old this row''s truth is.';
comment on column reporting.models.withheld_since is
    'Since when answers do not contain it although its removal is not proven; NULL normally.';
comment on column reporting.models.withheld_reason is 'Why its removal is withheld.';

create view reporting.model_history as
select
    o.organization,
    v.deployment,
    v.organization_id,
    o.organization_name,
    v.id as model_id,
    v.valid_from,
    v.valid_to,
    v.change,
    v.changed_fields,
    r.name,
    r.connection_id,
    r.enricher_connection_id,
    r.enricher_id,
    r.type,
    r.model_version,
    r.identifier,
    r.tracking_columns,
    r.labels,
    r.policies,
    r.related_model_ids,
    r.fields,
    r.created_at,
    r.created_by_id,
    r.created_by_name,
    r.created_by_type,
    r.updated_at,
    r.updated_by_id,
    r.updated_by_name,
    r.updated_by_type,
    r.extra,
    v.withheld_since
from inventory.versions v
join ledger.organizations o
    on o.deployment = v.deployment and o.organization_id = v.organization_id
cross join lateral jsonb_to_record(v.record) as r (
    name text, connection_id text, enricher_connection_id text, enricher_id text, type text,
    model_version bigint, identifier text, tracking_columns text[], labels text[], policies text[],
    related_model_ids text[], fields text[], created_at timestamptz, created_by_id text,
    created_by_name text, created_by_type text, updated_at timestamptz, updated_by_id text,
    updated_by_name text, updated_by_type text, extra jsonb
)
where v.resource = 'models';

comment on view reporting.model_history is
    'One row for each version of each model, as runs saw it. A removal is a row of its own: valid_from and valid_to are both the moment of removal.';
comment on column reporting.model_history.organization is 'Our name of the organization.';
comment on column reporting.model_history.deployment is 'Host name of the Polytomic server.';
comment on column reporting.model_history.organization_id is 'Polytomic''s id of the organization.';
comment on column reporting.model_history.organization_name is 'Polytomic''s name of the organization.';
comment on column reporting.model_history.model_id is 'Polytomic''s id.';
comment on column reporting.model_history.valid_from is 'When a run first saw this version (UTC), inclusive.';
comment on column reporting.model_history.valid_to is
    'When a run saw it replaced or removed (UTC), exclusive; NULL: it is valid now.';
comment on column reporting.model_history.change is
    'How this version began: created, updated, restored; or removed, the moment it went away.';
comment on column reporting.model_history.changed_fields is
    'Fields that differ from the version before; NULL unless change is updated.';
comment on column reporting.model_history.name is 'Name of the model.';
comment on column reporting.model_history.connection_id is 'The connection it reads from.';
comment on column reporting.model_history.enricher_connection_id is 'The connection that enriches it.';
comment on column reporting.model_history.enricher_id is 'Its enricher.';
comment on column reporting.model_history.type is 'What it is, as the server spells it.';
comment on column reporting.model_history.model_version is 'Its version in Polytomic.';
comment on column reporting.model_history.identifier is 'The field that identifies its records.';
comment on column reporting.model_history.tracking_columns is 'Fields by which changes are found.';
comment on column reporting.model_history.labels is 'Its labels.';
comment on column reporting.model_history.policies is 'Ids of the permission policies on it, sorted.';
comment on column reporting.model_history.related_model_ids is 'Models it is joined with.';
comment on column reporting.model_history.fields is 'Names of its fields, sorted; never values.';
comment on column reporting.model_history.created_at is 'When it was created in Polytomic (UTC).';
comment on column reporting.model_history.created_by_id is 'Id of who created it.';
comment on column reporting.model_history.created_by_name is 'Name of who created it.';
comment on column reporting.model_history.created_by_type is 'What created it, such as user.';
comment on column reporting.model_history.updated_at is 'When it was last edited in Polytomic (UTC).';
comment on column reporting.model_history.updated_by_id is 'Id of who last edited it.';
comment on column reporting.model_history.updated_by_name is 'Name of who last edited it.';
comment on column reporting.model_history.updated_by_type is 'What last edited it, such as user.';
comment on column reporting.model_history.extra is
    'Fields this release does not know, and values of an unexpected type, masked.';
comment on column reporting.model_history.withheld_since is
    'Since when answers did not contain it although its removal was not proven (UTC); until valid_to nobody knows whether it was there.';

create view reporting.model_changes as
select
    changed_at, organization, id as model_id, record ->> 'name' as name, change, field, old_value,
    new_value, deployment, organization_id
from inventory.changes
where resource = 'models' and organization is not null;

comment on view reporting.model_changes is
    'One row for each changed field of each model; one row without a field where it was created, removed or restored.';
comment on column reporting.model_changes.changed_at is 'When a run saw the change (UTC).';
comment on column reporting.model_changes.organization is 'Our name of the organization.';
comment on column reporting.model_changes.model_id is 'Polytomic''s id.';
comment on column reporting.model_changes.name is 'Name after the change.';
comment on column reporting.model_changes.change is 'created, updated, removed or restored.';
comment on column reporting.model_changes.field is
    'The field that changed; NULL where the whole row came or went.';
comment on column reporting.model_changes.old_value is 'Value before, masked where it must be.';
comment on column reporting.model_changes.new_value is 'Value after, masked where it must be.';
comment on column reporting.model_changes.deployment is 'Host name of the Polytomic server.';
comment on column reporting.model_changes.organization_id is 'Polytomic''s id of the organization.';

create view people.users as
select
    o.organization,
    c.deployment,
    c.organization_id,
    o.organization_name,
    c.id as user_id,
    c.email,
    c.role,
    c.role_ids,
    c.harbor_only,
    c.harbor_ids,
    c.extra,
    c.sanitized,
    c.first_seen_at,
    c.valid_from as last_changed_at,
    coalesce(w.last_seen_at, s.last_read_at) as last_seen_at,
    w.since as withheld_since,
    w.reason as withheld_reason
from inventory.users c
join ledger.organizations o
    on o.deployment = c.deployment and o.organization_id = c.organization_id
left join ledger.scopes s on s.organization = o.organization and s.resource = 'users'
left join ledger.withheld w
    on w.resource = 'users' and w.deployment = c.deployment
    and w.organization_id = c.organization_id and w.id = c.id;

comment on view people.users is
    'One row for each user of each organization: personal data, readable only by whom it is granted.';
comment on column people.users.organization is 'Our name of the organization.';
comment on column people.users.deployment is 'Host name of the Polytomic server.';
comment on column people.users.organization_id is 'Polytomic''s id of the organization.';
comment on column people.users.organization_name is 'Polytomic''s name of the organization.';
comment on column people.users.user_id is
    'Polytomic''s id; unique together with deployment and organization_id.';
comment on column people.users.email is 'E-mail address: personal data.';
comment on column people.users.role is 'Role, as older servers give it.';
comment on column people.users.role_ids is 'Ids of the roles, sorted.';
comment on column people.users.harbor_only is 'Whether it may use harbors only.';
comment on column people.users.harbor_ids is 'Its harbors.';
comment on column people.users.extra is
    'Fields this release does not know, and values of an unexpected type, masked.';
comment on column people.users.sanitized is
    'Whether characters that Postgres cannot store were replaced in it.';
comment on column people.users.first_seen_at is 'When a run first saw it (UTC).';
comment on column people.users.last_changed_at is 'When a run last saw a tracked field change (UTC).';
comment on column people.users.last_seen_at is
    'When an answer last contained it (UTC); how old this row''s truth is.';
comment on column people.users.withheld_since is
    'Since when answers do not contain it although its removal is not proven; NULL normally.';
comment on column people.users.withheld_reason is 'Why its removal is withheld.';

create view people.user_history as
select
    o.organization,
    v.deployment,
    v.organization_id,
    o.organization_name,
    v.id as user_id,
    v.valid_from,
    v.valid_to,
    v.change,
    v.changed_fields,
    r.email,
    r.role,
    r.role_ids,
    r.harbor_only,
    r.harbor_ids,
    r.extra,
    v.withheld_since
from inventory.versions v
join ledger.organizations o
    on o.deployment = v.deployment and o.organization_id = v.organization_id
cross join lateral jsonb_to_record(v.record) as r (
    email text, role text, role_ids text[], harbor_only boolean, harbor_ids text[], extra jsonb
)
where v.resource = 'users';

comment on view people.user_history is
    'One row for each version of each user, as runs saw it. A removal is a row of its own: valid_from and valid_to are both the moment of removal.';
comment on column people.user_history.organization is 'Our name of the organization.';
comment on column people.user_history.deployment is 'Host name of the Polytomic server.';
comment on column people.user_history.organization_id is 'Polytomic''s id of the organization.';
comment on column people.user_history.organization_name is 'Polytomic''s name of the organization.';
comment on column people.user_history.user_id is 'Polytomic''s id.';
comment on column people.user_history.valid_from is 'When a run first saw this version (UTC), inclusive.';
comment on column people.user_history.valid_to is
    'When a run saw it replaced or removed (UTC), exclusive; NULL: it is valid now.';
comment on column people.user_history.change is
    'How this version began: created, updated, restored; or removed, the moment it went away.';
comment on column people.user_history.changed_fields is
    'Fields that differ from the version before; NULL unless change is updated.';
comment on column people.user_history.email is 'E-mail address: personal data.';
comment on column people.user_history.role is 'Role, as older servers give it.';
comment on column people.user_history.role_ids is 'Ids of the roles, sorted.';
comment on column people.user_history.harbor_only is 'Whether it may use harbors only.';
comment on column people.user_history.harbor_ids is 'Its harbors.';
comment on column people.user_history.extra is
    'Fields this release does not know, and values of an unexpected type, masked.';
comment on column people.user_history.withheld_since is
    'Since when answers did not contain it although its removal was not proven (UTC); until valid_to nobody knows whether it was there.';

create view people.user_changes as
select
    changed_at, organization, id as user_id, record ->> 'email' as email, change, field, old_value,
    new_value, deployment, organization_id
from inventory.changes
where resource = 'users' and organization is not null;

comment on view people.user_changes is
    'One row for each changed field of each user; one row without a field where it was created, removed or restored.';
comment on column people.user_changes.changed_at is 'When a run saw the change (UTC).';
comment on column people.user_changes.organization is 'Our name of the organization.';
comment on column people.user_changes.user_id is 'Polytomic''s id.';
comment on column people.user_changes.email is 'E-mail address after the change.';
comment on column people.user_changes.change is 'created, updated, removed or restored.';
comment on column people.user_changes.field is
    'The field that changed; NULL where the whole row came or went.';
comment on column people.user_changes.old_value is 'Value before, masked where it must be.';
comment on column people.user_changes.new_value is 'Value after, masked where it must be.';
comment on column people.user_changes.deployment is 'Host name of the Polytomic server.';
comment on column people.user_changes.organization_id is 'Polytomic''s id of the organization.';

create view reporting.policies as
select
    o.organization,
    c.deployment,
    c.organization_id,
    o.organization_name,
    c.id as policy_id,
    c.name,
    c.is_system,
    c.policy_actions,
    c.extra,
    c.sanitized,
    c.first_seen_at,
    c.valid_from as last_changed_at,
    coalesce(w.last_seen_at, s.last_read_at) as last_seen_at,
    w.since as withheld_since,
    w.reason as withheld_reason
from inventory.policies c
join ledger.organizations o
    on o.deployment = c.deployment and o.organization_id = c.organization_id
left join ledger.scopes s on s.organization = o.organization and s.resource = 'policies'
left join ledger.withheld w
    on w.resource = 'policies' and w.deployment = c.deployment
    and w.organization_id = c.organization_id and w.id = c.id;

comment on view reporting.policies is
    'One row for each permission policy of each organization; those of the system repeat in each.';
comment on column reporting.policies.organization is 'Our name of the organization.';
comment on column reporting.policies.deployment is 'Host name of the Polytomic server.';
comment on column reporting.policies.organization_id is 'Polytomic''s id of the organization.';
comment on column reporting.policies.organization_name is 'Polytomic''s name of the organization.';
comment on column reporting.policies.policy_id is
    'Polytomic''s id; unique together with deployment and organization_id.';
comment on column reporting.policies.name is 'Name of the policy.';
comment on column reporting.policies.is_system is
    'Whether Polytomic made it; such a policy repeats in each organization.';
comment on column reporting.policies.policy_actions is
    'What which roles may do; NULL where the server does not say.';
comment on column reporting.policies.extra is
    'Fields this release does not know, and values of an unexpected type, masked.';
comment on column reporting.policies.sanitized is
    'Whether characters that Postgres cannot store were replaced in it.';
comment on column reporting.policies.first_seen_at is 'When a run first saw it (UTC).';
comment on column reporting.policies.last_changed_at is 'When a run last saw a tracked field change (UTC).';
comment on column reporting.policies.last_seen_at is
    'When an answer last contained it (UTC); how old this row''s truth is.';
comment on column reporting.policies.withheld_since is
    'Since when answers do not contain it although its removal is not proven; NULL normally.';
comment on column reporting.policies.withheld_reason is 'Why its removal is withheld.';

create view reporting.policy_history as
select
    o.organization,
    v.deployment,
    v.organization_id,
    o.organization_name,
    v.id as policy_id,
    v.valid_from,
    v.valid_to,
    v.change,
    v.changed_fields,
    r.name,
    r.is_system,
    r.policy_actions,
    r.extra,
    v.withheld_since
from inventory.versions v
join ledger.organizations o
    on o.deployment = v.deployment and o.organization_id = v.organization_id
cross join lateral jsonb_to_record(v.record) as r (
    name text, is_system boolean, policy_actions jsonb, extra jsonb
)
where v.resource = 'policies';

comment on view reporting.policy_history is
    'One row for each version of each permission policy, as runs saw it. A removal is a row of its own: valid_from and valid_to are both the moment of removal.';
comment on column reporting.policy_history.organization is 'Our name of the organization.';
comment on column reporting.policy_history.deployment is 'Host name of the Polytomic server.';
comment on column reporting.policy_history.organization_id is 'Polytomic''s id of the organization.';
comment on column reporting.policy_history.organization_name is 'Polytomic''s name of the organization.';
comment on column reporting.policy_history.policy_id is 'Polytomic''s id.';
comment on column reporting.policy_history.valid_from is
    'When a run first saw this version (UTC), inclusive.';
comment on column reporting.policy_history.valid_to is
    'When a run saw it replaced or removed (UTC), exclusive; NULL: it is valid now.';
comment on column reporting.policy_history.change is
    'How this version began: created, updated, restored; or removed, the moment it went away.';
comment on column reporting.policy_history.changed_fields is
    'Fields that differ from the version before; NULL unless change is updated.';
comment on column reporting.policy_history.name is 'Name of the policy.';
comment on column reporting.policy_history.is_system is
    'Whether Polytomic made it; such a policy repeats in each organization.';
comment on column reporting.policy_history.policy_actions is
    'What which roles may do; NULL where the server does not say.';
comment on column reporting.policy_history.extra is
    'Fields this release does not know, and values of an unexpected type, masked.';
comment on column reporting.policy_history.withheld_since is
    'Since when answers did not contain it although its removal was not proven (UTC); until valid_to nobody knows whether it was there.';

create view reporting.policy_changes as
select
    changed_at, organization, id as policy_id, record ->> 'name' as name, change, field, old_value,
    new_value, deployment, organization_id
from inventory.changes
where resource = 'policies' and organization is not null;

comment on view reporting.policy_changes is
    'One row for each changed field of each permission policy; one row without a field where it was created, removed or restored.';
comment on column reporting.policy_changes.changed_at is 'When a run saw the change (UTC).';
comment on column reporting.policy_changes.organization is 'Our name of the organization.';
comment on column reporting.policy_changes.policy_id is 'Polytomic''s id.';
comment on column reporting.policy_changes.name is 'Name after the change.';
comment on column reporting.policy_changes.change is 'created, updated, removed or restored.';
comment on column reporting.policy_changes.field is
    'The field that changed; NULL where the whole row came or went.';
comment on column reporting.policy_changes.old_value is 'Value before, masked where it must be.';
comment on column reporting.policy_changes.new_value is 'Value after, masked where it must be.';
comment on column reporting.policy_changes.deployment is 'Host name of the Polytomic server.';
comment on column reporting.policy_changes.organization_id is 'Polytomic''s id of the organization.';

create view reporting.roles as
select
    o.organization,
    c.deployment,
    c.organization_id,
    o.organization_name,
    c.id as role_id,
    c.name,
    c.is_system,
    c.extra,
    c.sanitized,
    c.first_seen_at,
    c.valid_from as last_changed_at,
    coalesce(w.last_seen_at, s.last_read_at) as last_seen_at,
    w.since as withheld_since,
    w.reason as withheld_reason
from inventory.roles c
join ledger.organizations o
    on o.deployment = c.deployment and o.organization_id = c.organization_id
left join ledger.scopes s on s.organization = o.organization and s.resource = 'roles'
left join ledger.withheld w
    on w.resource = 'roles' and w.deployment = c.deployment
    and w.organization_id = c.organization_id and w.id = c.id;

comment on view reporting.roles is
    'One row for each role of each organization; those of the system repeat in each.';
comment on column reporting.roles.organization is 'Our name of the organization.';
comment on column reporting.roles.deployment is 'Host name of the Polytomic server.';
comment on column reporting.roles.organization_id is 'Polytomic''s id of the organization.';
comment on column reporting.roles.organization_name is 'Polytomic''s name of the organization.';
comment on column reporting.roles.role_id is
    'Polytomic''s id; unique together with deployment and organization_id.';
comment on column reporting.roles.name is 'Name of the role.';
comment on column reporting.roles.is_system is
    'Whether Polytomic made it; such a role repeats in each organization.';
comment on column reporting.roles.extra is
    'Fields this release does not know, and values of an unexpected type, masked.';
comment on column reporting.roles.sanitized is
    'Whether characters that Postgres cannot store were replaced in it.';
comment on column reporting.roles.first_seen_at is 'When a run first saw it (UTC).';
comment on column reporting.roles.last_changed_at is 'When a run last saw a tracked field change (UTC).';
comment on column reporting.roles.last_seen_at is
    'When an answer last contained it (UTC); how old this row''s truth is.';
comment on column reporting.roles.withheld_since is
    'Since when answers do not contain it although its removal is not proven; NULL normally.';
comment on column reporting.roles.withheld_reason is 'Why its removal is withheld.';

create view reporting.role_history as
select
    o.organization,
    v.deployment,
    v.organization_id,
    o.organization_name,
    v.id as role_id,
    v.valid_from,
    v.valid_to,
    v.change,
    v.changed_fields,
    r.name,
    r.is_system,
    r.extra,
    v.withheld_since
from inventory.versions v
join ledger.organizations o
    on o.deployment = v.deployment and o.organization_id = v.organization_id
cross join lateral jsonb_to_record(v.record) as r (
    name text, is_system boolean, extra jsonb
)
where v.resource = 'roles';

comment on view reporting.role_history is
    'One row for each version of each role, as runs saw it. A removal is a row of its own: valid_from and valid_to are both the moment of removal.';
comment on column reporting.role_history.organization is 'Our name of the organization.';
comment on column reporting.role_history.deployment is 'Host name of the Polytomic server.';
comment on column reporting.role_history.organization_id is 'Polytomic''s id of the organization.';
comment on column reporting.role_history.organization_name is 'Polytomic''s name of the organization.';
comment on column reporting.role_history.role_id is 'Polytomic''s id.';
comment on column reporting.role_history.valid_from is 'When a run first saw this version (UTC), inclusive.';
comment on column reporting.role_history.valid_to is
    'When a run saw it replaced or removed (UTC), exclusive; NULL: it is valid now.';
comment on column reporting.role_history.change is
    'How this version began: created, updated, restored; or removed, the moment it went away.';
comment on column reporting.role_history.changed_fields is
    'Fields that differ from the version before; NULL unless change is updated.';
comment on column reporting.role_history.name is 'Name of the role.';
comment on column reporting.role_history.is_system is
    'Whether Polytomic made it; such a role repeats in each organization.';
comment on column reporting.role_history.extra is
    'Fields this release does not know, and values of an unexpected type, masked.';
comment on column reporting.role_history.withheld_since is
    'Since when answers did not contain it although its removal was not proven (UTC); until valid_to nobody knows whether it was there.';

create view reporting.role_changes as
select
    changed_at, organization, id as role_id, record ->> 'name' as name, change, field, old_value,
    new_value, deployment, organization_id
from inventory.changes
where resource = 'roles' and organization is not null;

comment on view reporting.role_changes is
    'One row for each changed field of each role; one row without a field where it was created, removed or restored.';
comment on column reporting.role_changes.changed_at is 'When a run saw the change (UTC).';
comment on column reporting.role_changes.organization is 'Our name of the organization.';
comment on column reporting.role_changes.role_id is 'Polytomic''s id.';
comment on column reporting.role_changes.name is 'Name after the change.';
comment on column reporting.role_changes.change is 'created, updated, removed or restored.';
comment on column reporting.role_changes.field is
    'The field that changed; NULL where the whole row came or went.';
comment on column reporting.role_changes.old_value is 'Value before, masked where it must be.';
comment on column reporting.role_changes.new_value is 'Value after, masked where it must be.';
comment on column reporting.role_changes.deployment is 'Host name of the Polytomic server.';
comment on column reporting.role_changes.organization_id is 'Polytomic''s id of the organization.';

create view reporting.connection_usage_history as
select
    o.organization,
    v.deployment,
    v.organization_id,
    o.organization_name,
    v.id as usage_id,
    v.valid_from,
    v.valid_to,
    v.change,
    v.changed_fields,
    r.connection_id,
    r.sync_id,
    r.sync_name,
    r.sync_type,
    r.reports_sync_stats,
    r.extra,
    v.withheld_since
from inventory.versions v
join ledger.organizations o
    on o.deployment = v.deployment and o.organization_id = v.organization_id
cross join lateral jsonb_to_record(v.record) as r (
    connection_id text, sync_id text, sync_name text, sync_type text, reports_sync_stats boolean,
    extra jsonb
)
where v.resource = 'connection_usage';

comment on view reporting.connection_usage_history is
    'One row for each version of each reported usage of a connection, as runs saw it. A removal is a row of its own: valid_from and valid_to are both the moment of removal.';
comment on column reporting.connection_usage_history.organization is 'Our name of the organization.';
comment on column reporting.connection_usage_history.deployment is 'Host name of the Polytomic server.';
comment on column reporting.connection_usage_history.organization_id is
    'Polytomic''s id of the organization.';
comment on column reporting.connection_usage_history.organization_name is
    'Polytomic''s name of the organization.';
comment on column reporting.connection_usage_history.usage_id is
    'The connection''s id, and the sync''s after a slash.';
comment on column reporting.connection_usage_history.valid_from is
    'When a run first saw this version (UTC), inclusive.';
comment on column reporting.connection_usage_history.valid_to is
    'When a run saw it replaced or removed (UTC), exclusive; NULL: it is valid now.';
comment on column reporting.connection_usage_history.change is
    'How this version began: created, updated, restored; or removed, the moment it went away.';
comment on column reporting.connection_usage_history.changed_fields is
    'Fields that differ from the version before; NULL unless change is updated.';
comment on column reporting.connection_usage_history.connection_id is 'Polytomic''s id of the connection.';
comment on column reporting.connection_usage_history.sync_id is
    'The sync that spent the calls; NULL: the connection''s total.';
comment on column reporting.connection_usage_history.sync_name is 'Name of the sync; may be empty.';
comment on column reporting.connection_usage_history.sync_type is 'model or bulk.';
comment on column reporting.connection_usage_history.reports_sync_stats is
    'Whether the service tells calls by sync, and not their total only.';
comment on column reporting.connection_usage_history.extra is
    'Fields this release does not know, and values of an unexpected type, masked.';
comment on column reporting.connection_usage_history.withheld_since is
    'Since when answers did not contain it although its removal was not proven (UTC); until valid_to nobody knows whether it was there.';

create view reporting.connection_usage_changes as
select
    changed_at, organization, record ->> 'connection_id' as connection_id,
    record ->> 'sync_id' as sync_id, record ->> 'sync_name' as sync_name, change, field, old_value,
    new_value, deployment, organization_id
from inventory.changes
where resource = 'connection_usage' and organization is not null;

comment on view reporting.connection_usage_changes is
    'One row for each changed field of each reported usage of a connection; one row without a field where it was created, removed or restored.';
comment on column reporting.connection_usage_changes.changed_at is 'When a run saw the change (UTC).';
comment on column reporting.connection_usage_changes.organization is 'Our name of the organization.';
comment on column reporting.connection_usage_changes.connection_id is 'Polytomic''s id of the connection.';
comment on column reporting.connection_usage_changes.sync_id is
    'The sync that spent the calls; NULL: the connection''s total.';
comment on column reporting.connection_usage_changes.sync_name is 'Name of the sync; may be empty.';
comment on column reporting.connection_usage_changes.change is 'created, updated, removed or restored.';
comment on column reporting.connection_usage_changes.field is
    'The field that changed; NULL where the whole row came or went.';
comment on column reporting.connection_usage_changes.old_value is 'Value before, masked where it must be.';
comment on column reporting.connection_usage_changes.new_value is 'Value after, masked where it must be.';
comment on column reporting.connection_usage_changes.deployment is 'Host name of the Polytomic server.';
comment on column reporting.connection_usage_changes.organization_id is
    'Polytomic''s id of the organization.';

create view reporting.connection_schemas as
select
    o.organization,
    c.deployment,
    c.organization_id,
    o.organization_name,
    c.id as connection_id,
    n.name as connection_name,
    c.is_available,
    r.cache_status,
    r.last_refresh_started_at,
    r.last_refresh_finished_at,
    r.read_at as status_read_at,
    c.extra,
    c.sanitized,
    c.first_seen_at,
    c.valid_from as last_changed_at,
    coalesce(w.last_seen_at, s.last_read_at) as last_seen_at,
    w.since as withheld_since,
    w.reason as withheld_reason
from inventory.connection_schemas c
join ledger.organizations o
    on o.deployment = c.deployment and o.organization_id = c.organization_id
left join ledger.scopes s on s.organization = o.organization and s.resource = 'connection_schemas'
left join inventory.connections n
    on n.deployment = c.deployment and n.organization_id = c.organization_id and n.id = c.id
left join inventory.connection_schemas_readings r
    on r.deployment = c.deployment and r.organization_id = c.organization_id and r.id = c.id
left join ledger.withheld w
    on w.resource = 'connection_schemas' and w.deployment = c.deployment
    and w.organization_id = c.organization_id and w.id = c.id;

comment on view reporting.connection_schemas is
    'One row for each connection that was asked for its schema cache; of others nothing is known here.';
comment on column reporting.connection_schemas.organization is 'Our name of the organization.';
comment on column reporting.connection_schemas.deployment is 'Host name of the Polytomic server.';
comment on column reporting.connection_schemas.organization_id is 'Polytomic''s id of the organization.';
comment on column reporting.connection_schemas.organization_name is 'Polytomic''s name of the organization.';
comment on column reporting.connection_schemas.connection_id is 'Polytomic''s id of the connection.';
comment on column reporting.connection_schemas.connection_name is
    'Name of the connection now; NULL when removed.';
comment on column reporting.connection_schemas.is_available is
    'Whether it has schemas; false: the server says that it has none.';
comment on column reporting.connection_schemas.cache_status is
    'State of its schema cache, as the server spells it; an open vocabulary.';
comment on column reporting.connection_schemas.last_refresh_started_at is
    'When its last refresh began (UTC).';
comment on column reporting.connection_schemas.last_refresh_finished_at is
    'When its last refresh ended (UTC).';
comment on column reporting.connection_schemas.status_read_at is
    'When a run first read these values (UTC); last_seen_at says how current they are.';
comment on column reporting.connection_schemas.extra is
    'Fields this release does not know, and values of an unexpected type, masked.';
comment on column reporting.connection_schemas.sanitized is
    'Whether characters that Postgres cannot store were replaced in it.';
comment on column reporting.connection_schemas.first_seen_at is 'When a run first saw it (UTC).';
comment on column reporting.connection_schemas.last_changed_at is
    'When a run last saw a tracked field change (UTC).';
comment on column reporting.connection_schemas.last_seen_at is
    'When an answer last contained it (UTC); how old this row''s truth is.';
comment on column reporting.connection_schemas.withheld_since is
    'Since when answers do not contain it although its removal is not proven; NULL normally.';
comment on column reporting.connection_schemas.withheld_reason is 'Why its removal is withheld.';

create view reporting.connection_schema_history as
select
    o.organization,
    v.deployment,
    v.organization_id,
    o.organization_name,
    v.id as connection_id,
    v.valid_from,
    v.valid_to,
    v.change,
    v.changed_fields,
    r.is_available,
    r.extra,
    v.withheld_since
from inventory.versions v
join ledger.organizations o
    on o.deployment = v.deployment and o.organization_id = v.organization_id
cross join lateral jsonb_to_record(v.record) as r (
    is_available boolean, extra jsonb
)
where v.resource = 'connection_schemas';

comment on view reporting.connection_schema_history is
    'One row for each version of each schema cache of a connection, as runs saw it. A removal is a row of its own: valid_from and valid_to are both the moment of removal.';
comment on column reporting.connection_schema_history.organization is 'Our name of the organization.';
comment on column reporting.connection_schema_history.deployment is 'Host name of the Polytomic server.';
comment on column reporting.connection_schema_history.organization_id is
    'Polytomic''s id of the organization.';
comment on column reporting.connection_schema_history.organization_name is
    'Polytomic''s name of the organization.';
comment on column reporting.connection_schema_history.connection_id is 'Polytomic''s id of the connection.';
comment on column reporting.connection_schema_history.valid_from is
    'When a run first saw this version (UTC), inclusive.';
comment on column reporting.connection_schema_history.valid_to is
    'When a run saw it replaced or removed (UTC), exclusive; NULL: it is valid now.';
comment on column reporting.connection_schema_history.change is
    'How this version began: created, updated, restored; or removed, the moment it went away.';
comment on column reporting.connection_schema_history.changed_fields is
    'Fields that differ from the version before; NULL unless change is updated.';
comment on column reporting.connection_schema_history.is_available is
    'Whether it has schemas; false: the server says that it has none.';
comment on column reporting.connection_schema_history.extra is
    'Fields this release does not know, and values of an unexpected type, masked.';
comment on column reporting.connection_schema_history.withheld_since is
    'Since when answers did not contain it although its removal was not proven (UTC); until valid_to nobody knows whether it was there.';

create view reporting.connection_schema_changes as
select
    changed_at, organization, id as connection_id, change, field, old_value, new_value, deployment,
    organization_id
from inventory.changes
where resource = 'connection_schemas' and organization is not null;

comment on view reporting.connection_schema_changes is
    'One row for each changed field of each schema cache of a connection; one row without a field where it was created, removed or restored.';
comment on column reporting.connection_schema_changes.changed_at is 'When a run saw the change (UTC).';
comment on column reporting.connection_schema_changes.organization is 'Our name of the organization.';
comment on column reporting.connection_schema_changes.connection_id is 'Polytomic''s id of the connection.';
comment on column reporting.connection_schema_changes.change is 'created, updated, removed or restored.';
comment on column reporting.connection_schema_changes.field is
    'The field that changed; NULL where the whole row came or went.';
comment on column reporting.connection_schema_changes.old_value is 'Value before, masked where it must be.';
comment on column reporting.connection_schema_changes.new_value is 'Value after, masked where it must be.';
comment on column reporting.connection_schema_changes.deployment is 'Host name of the Polytomic server.';
comment on column reporting.connection_schema_changes.organization_id is
    'Polytomic''s id of the organization.';

create view reporting.connection_sources as
select
    o.organization,
    c.deployment,
    c.organization_id,
    o.organization_name,
    c.id as connection_id,
    n.name as connection_name,
    c.is_available,
    c.supports_tracking_fields,
    c.supports_namespaces,
    c.schema_count,
    c.schemas,
    c.extra,
    c.sanitized,
    c.first_seen_at,
    c.valid_from as last_changed_at,
    coalesce(w.last_seen_at, s.last_read_at) as last_seen_at,
    w.since as withheld_since,
    w.reason as withheld_reason
from inventory.connection_sources c
join ledger.organizations o
    on o.deployment = c.deployment and o.organization_id = c.organization_id
left join ledger.scopes s on s.organization = o.organization and s.resource = 'connection_sources'
left join inventory.connections n
    on n.deployment = c.deployment and n.organization_id = c.organization_id and n.id = c.id
left join ledger.withheld w
    on w.resource = 'connection_sources' and w.deployment = c.deployment
    and w.organization_id = c.organization_id and w.id = c.id;

comment on view reporting.connection_sources is
    'One row for each connection that was asked what it offers to bulk syncs; of others nothing is known here.';
comment on column reporting.connection_sources.organization is 'Our name of the organization.';
comment on column reporting.connection_sources.deployment is 'Host name of the Polytomic server.';
comment on column reporting.connection_sources.organization_id is 'Polytomic''s id of the organization.';
comment on column reporting.connection_sources.organization_name is 'Polytomic''s name of the organization.';
comment on column reporting.connection_sources.connection_id is 'Polytomic''s id of the connection.';
comment on column reporting.connection_sources.connection_name is
    'Name of the connection now; NULL when removed.';
comment on column reporting.connection_sources.is_available is
    'Whether it can be the source of a bulk sync; false: the server says that it cannot.';
comment on column reporting.connection_sources.supports_tracking_fields is
    'Whether it can follow changes by a tracking field.';
comment on column reporting.connection_sources.supports_namespaces is
    'Whether the part of a schema''s id before the last dot is a namespace.';
comment on column reporting.connection_sources.schema_count is 'Schemas (tables, objects) it offers.';
comment on column reporting.connection_sources.schemas is 'Their ids, sorted.';
comment on column reporting.connection_sources.extra is
    'Fields this release does not know, and values of an unexpected type, masked.';
comment on column reporting.connection_sources.sanitized is
    'Whether characters that Postgres cannot store were replaced in it.';
comment on column reporting.connection_sources.first_seen_at is 'When a run first saw it (UTC).';
comment on column reporting.connection_sources.last_changed_at is
    'When a run last saw a tracked field change (UTC).';
comment on column reporting.connection_sources.last_seen_at is
    'When an answer last contained it (UTC); how old this row''s truth is.';
comment on column reporting.connection_sources.withheld_since is
    'Since when answers do not contain it although its removal is not proven; NULL normally.';
comment on column reporting.connection_sources.withheld_reason is 'Why its removal is withheld.';

create view reporting.connection_source_history as
select
    o.organization,
    v.deployment,
    v.organization_id,
    o.organization_name,
    v.id as connection_id,
    v.valid_from,
    v.valid_to,
    v.change,
    v.changed_fields,
    r.is_available,
    r.supports_tracking_fields,
    r.supports_namespaces,
    r.schema_count,
    r.schemas,
    r.extra,
    v.withheld_since
from inventory.versions v
join ledger.organizations o
    on o.deployment = v.deployment and o.organization_id = v.organization_id
cross join lateral jsonb_to_record(v.record) as r (
    is_available boolean, supports_tracking_fields boolean, supports_namespaces boolean,
    schema_count integer, schemas text[], extra jsonb
)
where v.resource = 'connection_sources';

comment on view reporting.connection_source_history is
    'One row for each version of each connection as a source of bulk syncs, as runs saw it. A removal is a row of its own: valid_from and valid_to are both the moment of removal.';
comment on column reporting.connection_source_history.organization is 'Our name of the organization.';
comment on column reporting.connection_source_history.deployment is 'Host name of the Polytomic server.';
comment on column reporting.connection_source_history.organization_id is
    'Polytomic''s id of the organization.';
comment on column reporting.connection_source_history.organization_name is
    'Polytomic''s name of the organization.';
comment on column reporting.connection_source_history.connection_id is 'Polytomic''s id of the connection.';
comment on column reporting.connection_source_history.valid_from is
    'When a run first saw this version (UTC), inclusive.';
comment on column reporting.connection_source_history.valid_to is
    'When a run saw it replaced or removed (UTC), exclusive; NULL: it is valid now.';
comment on column reporting.connection_source_history.change is
    'How this version began: created, updated, restored; or removed, the moment it went away.';
comment on column reporting.connection_source_history.changed_fields is
    'Fields that differ from the version before; NULL unless change is updated.';
comment on column reporting.connection_source_history.is_available is
    'Whether it can be the source of a bulk sync; false: the server says that it cannot.';
comment on column reporting.connection_source_history.supports_tracking_fields is
    'Whether it can follow changes by a tracking field.';
comment on column reporting.connection_source_history.supports_namespaces is
    'Whether the part of a schema''s id before the last dot is a namespace.';
comment on column reporting.connection_source_history.schema_count is 'Schemas (tables, objects) it offers.';
comment on column reporting.connection_source_history.schemas is 'Their ids, sorted.';
comment on column reporting.connection_source_history.extra is
    'Fields this release does not know, and values of an unexpected type, masked.';
comment on column reporting.connection_source_history.withheld_since is
    'Since when answers did not contain it although its removal was not proven (UTC); until valid_to nobody knows whether it was there.';

create view reporting.connection_source_changes as
select
    changed_at, organization, id as connection_id, change, field, old_value, new_value, deployment,
    organization_id
from inventory.changes
where resource = 'connection_sources' and organization is not null;

comment on view reporting.connection_source_changes is
    'One row for each changed field of each connection as a source of bulk syncs; one row without a field where it was created, removed or restored.';
comment on column reporting.connection_source_changes.changed_at is 'When a run saw the change (UTC).';
comment on column reporting.connection_source_changes.organization is 'Our name of the organization.';
comment on column reporting.connection_source_changes.connection_id is 'Polytomic''s id of the connection.';
comment on column reporting.connection_source_changes.change is 'created, updated, removed or restored.';
comment on column reporting.connection_source_changes.field is
    'The field that changed; NULL where the whole row came or went.';
comment on column reporting.connection_source_changes.old_value is 'Value before, masked where it must be.';
comment on column reporting.connection_source_changes.new_value is 'Value after, masked where it must be.';
comment on column reporting.connection_source_changes.deployment is 'Host name of the Polytomic server.';
comment on column reporting.connection_source_changes.organization_id is
    'Polytomic''s id of the organization.';

create view reporting.connection_proxy as
select
    o.organization,
    c.deployment,
    c.organization_id,
    o.organization_name,
    c.id as connection_id,
    n.name as connection_name,
    c.is_available,
    c.backend_type,
    c.apis,
    c.allowed_methods,
    c.rate_limit_per_minute,
    c.timeout_ms,
    c.max_request_body_bytes,
    c.max_response_body_bytes,
    r.calls_last_24_hours,
    r.proxy_calls_last_24_hours,
    r.proxy_2xx_last_24_hours,
    r.proxy_4xx_last_24_hours,
    r.proxy_5xx_last_24_hours,
    r.last_proxy_call_at,
    r.read_at as status_read_at,
    c.extra,
    c.sanitized,
    c.first_seen_at,
    c.valid_from as last_changed_at,
    coalesce(w.last_seen_at, s.last_read_at) as last_seen_at,
    w.since as withheld_since,
    w.reason as withheld_reason
from inventory.connection_proxy c
join ledger.organizations o
    on o.deployment = c.deployment and o.organization_id = c.organization_id
left join ledger.scopes s on s.organization = o.organization and s.resource = 'connection_proxy'
left join inventory.connections n
    on n.deployment = c.deployment and n.organization_id = c.organization_id and n.id = c.id
left join inventory.connection_proxy_readings r
    on r.deployment = c.deployment and r.organization_id = c.organization_id and r.id = c.id
left join ledger.withheld w
    on w.resource = 'connection_proxy' and w.deployment = c.deployment
    and w.organization_id = c.organization_id and w.id = c.id;

comment on view reporting.connection_proxy is
    'One row for each connection that was asked about its proxy; of others nothing is known here.';
comment on column reporting.connection_proxy.organization is 'Our name of the organization.';
comment on column reporting.connection_proxy.deployment is 'Host name of the Polytomic server.';
comment on column reporting.connection_proxy.organization_id is 'Polytomic''s id of the organization.';
comment on column reporting.connection_proxy.organization_name is 'Polytomic''s name of the organization.';
comment on column reporting.connection_proxy.connection_id is 'Polytomic''s id of the connection.';
comment on column reporting.connection_proxy.connection_name is
    'Name of the connection now; NULL when removed.';
comment on column reporting.connection_proxy.is_available is
    'Whether it may be used through the proxy; false: the server says that it may not.';
comment on column reporting.connection_proxy.backend_type is 'Backend, such as hubspot.';
comment on column reporting.connection_proxy.apis is 'Names of its upstream APIs, where it has several.';
comment on column reporting.connection_proxy.allowed_methods is 'HTTP methods that the proxy takes.';
comment on column reporting.connection_proxy.rate_limit_per_minute is
    'Requests a minute that the proxy lets through.';
comment on column reporting.connection_proxy.timeout_ms is 'Longest request, in milliseconds.';
comment on column reporting.connection_proxy.max_request_body_bytes is 'Largest request, in bytes.';
comment on column reporting.connection_proxy.max_response_body_bytes is
    'Largest answer, in bytes; longer ones are cut.';
comment on column reporting.connection_proxy.calls_last_24_hours is
    'Calls of the service in the 24 hours before the reading, proxy or not.';
comment on column reporting.connection_proxy.proxy_calls_last_24_hours is
    'Calls through the proxy in that time.';
comment on column reporting.connection_proxy.proxy_2xx_last_24_hours is 'Those that ended with a 2xx status.';
comment on column reporting.connection_proxy.proxy_4xx_last_24_hours is 'Those that ended with a 4xx status.';
comment on column reporting.connection_proxy.proxy_5xx_last_24_hours is 'Those that ended with a 5xx status.';
comment on column reporting.connection_proxy.last_proxy_call_at is 'The last call through the proxy (UTC).';
comment on column reporting.connection_proxy.status_read_at is
    'When a run first read these values (UTC); last_seen_at says how current they are.';
comment on column reporting.connection_proxy.extra is
    'Fields this release does not know, and values of an unexpected type, masked.';
comment on column reporting.connection_proxy.sanitized is
    'Whether characters that Postgres cannot store were replaced in it.';
comment on column reporting.connection_proxy.first_seen_at is 'When a run first saw it (UTC).';
comment on column reporting.connection_proxy.last_changed_at is
    'When a run last saw a tracked field change (UTC).';
comment on column reporting.connection_proxy.last_seen_at is
    'When an answer last contained it (UTC); how old this row''s truth is.';
comment on column reporting.connection_proxy.withheld_since is
    'Since when answers do not contain it although its removal is not proven; NULL normally.';
comment on column reporting.connection_proxy.withheld_reason is 'Why its removal is withheld.';

create view reporting.connection_proxy_history as
select
    o.organization,
    v.deployment,
    v.organization_id,
    o.organization_name,
    v.id as connection_id,
    v.valid_from,
    v.valid_to,
    v.change,
    v.changed_fields,
    r.is_available,
    r.backend_type,
    r.apis,
    r.allowed_methods,
    r.rate_limit_per_minute,
    r.timeout_ms,
    r.max_request_body_bytes,
    r.max_response_body_bytes,
    r.extra,
    v.withheld_since
from inventory.versions v
join ledger.organizations o
    on o.deployment = v.deployment and o.organization_id = v.organization_id
cross join lateral jsonb_to_record(v.record) as r (
    is_available boolean, backend_type text, apis text[], allowed_methods text[],
    rate_limit_per_minute integer, timeout_ms integer, max_request_body_bytes bigint,
    max_response_body_bytes bigint, extra jsonb
)
where v.resource = 'connection_proxy';

comment on view reporting.connection_proxy_history is
    'One row for each version of each proxy of a connection, as runs saw it. A removal is a row of its own: valid_from and valid_to are both the moment of removal.';
comment on column reporting.connection_proxy_history.organization is 'Our name of the organization.';
comment on column reporting.connection_proxy_history.deployment is 'Host name of the Polytomic server.';
comment on column reporting.connection_proxy_history.organization_id is
    'Polytomic''s id of the organization.';
comment on column reporting.connection_proxy_history.organization_name is
    'Polytomic''s name of the organization.';
comment on column reporting.connection_proxy_history.connection_id is 'Polytomic''s id of the connection.';
comment on column reporting.connection_proxy_history.valid_from is
    'When a run first saw this version (UTC), inclusive.';
comment on column reporting.connection_proxy_history.valid_to is
    'When a run saw it replaced or removed (UTC), exclusive; NULL: it is valid now.';
comment on column reporting.connection_proxy_history.change is
    'How this version began: created, updated, restored; or removed, the moment it went away.';
comment on column reporting.connection_proxy_history.changed_fields is
    'Fields that differ from the version before; NULL unless change is updated.';
comment on column reporting.connection_proxy_history.is_available is
    'Whether it may be used through the proxy; false: the server says that it may not.';
comment on column reporting.connection_proxy_history.backend_type is 'Backend, such as hubspot.';
comment on column reporting.connection_proxy_history.apis is
    'Names of its upstream APIs, where it has several.';
comment on column reporting.connection_proxy_history.allowed_methods is 'HTTP methods that the proxy takes.';
comment on column reporting.connection_proxy_history.rate_limit_per_minute is
    'Requests a minute that the proxy lets through.';
comment on column reporting.connection_proxy_history.timeout_ms is 'Longest request, in milliseconds.';
comment on column reporting.connection_proxy_history.max_request_body_bytes is 'Largest request, in bytes.';
comment on column reporting.connection_proxy_history.max_response_body_bytes is
    'Largest answer, in bytes; longer ones are cut.';
comment on column reporting.connection_proxy_history.extra is
    'Fields this release does not know, and values of an unexpected type, masked.';
comment on column reporting.connection_proxy_history.withheld_since is
    'Since when answers did not contain it although its removal was not proven (UTC); until valid_to nobody knows whether it was there.';

create view reporting.connection_proxy_changes as
select
    changed_at, organization, id as connection_id, change, field, old_value, new_value, deployment,
    organization_id
from inventory.changes
where resource = 'connection_proxy' and organization is not null;

comment on view reporting.connection_proxy_changes is
    'One row for each changed field of each proxy of a connection; one row without a field where it was created, removed or restored.';
comment on column reporting.connection_proxy_changes.changed_at is 'When a run saw the change (UTC).';
comment on column reporting.connection_proxy_changes.organization is 'Our name of the organization.';
comment on column reporting.connection_proxy_changes.connection_id is 'Polytomic''s id of the connection.';
comment on column reporting.connection_proxy_changes.change is 'created, updated, removed or restored.';
comment on column reporting.connection_proxy_changes.field is
    'The field that changed; NULL where the whole row came or went.';
comment on column reporting.connection_proxy_changes.old_value is 'Value before, masked where it must be.';
comment on column reporting.connection_proxy_changes.new_value is 'Value after, masked where it must be.';
comment on column reporting.connection_proxy_changes.deployment is 'Host name of the Polytomic server.';
comment on column reporting.connection_proxy_changes.organization_id is
    'Polytomic''s id of the organization.';

create view reporting.shared_connection_history as
select
    o.organization,
    v.deployment,
    v.organization_id,
    o.organization_name,
    v.id as shared_connection_id,
    v.valid_from,
    v.valid_to,
    v.change,
    v.changed_fields,
    r.parent_connection_id,
    r.child_organization_id,
    r.name,
    r.type_id,
    r.type_name,
    r.status,
    r.status_error,
    r.saved,
    r.created_at,
    r.updated_at,
    r.extra,
    v.withheld_since
from inventory.versions v
join ledger.organizations o
    on o.deployment = v.deployment and o.organization_id = v.organization_id
cross join lateral jsonb_to_record(v.record) as r (
    parent_connection_id text, child_organization_id text, name text, type_id text, type_name text,
    status text, status_error text, saved boolean, created_at timestamptz, updated_at timestamptz,
    extra jsonb
)
where v.resource = 'shared_connections';

comment on view reporting.shared_connection_history is
    'One row for each version of each shared copy as its parent''s organization lists it, as runs saw it. A removal is a row of its own: valid_from and valid_to are both the moment of removal.';
comment on column reporting.shared_connection_history.organization is 'Our name of the organization.';
comment on column reporting.shared_connection_history.deployment is 'Host name of the Polytomic server.';
comment on column reporting.shared_connection_history.organization_id is
    'Polytomic''s id of the organization.';
comment on column reporting.shared_connection_history.organization_name is
    'Polytomic''s name of the organization.';
comment on column reporting.shared_connection_history.shared_connection_id is 'Polytomic''s id.';
comment on column reporting.shared_connection_history.valid_from is
    'When a run first saw this version (UTC), inclusive.';
comment on column reporting.shared_connection_history.valid_to is
    'When a run saw it replaced or removed (UTC), exclusive; NULL: it is valid now.';
comment on column reporting.shared_connection_history.change is
    'How this version began: created, updated, restored; or removed, the moment it went away.';
comment on column reporting.shared_connection_history.changed_fields is
    'Fields that differ from the version before; NULL unless change is updated.';
comment on column reporting.shared_connection_history.parent_connection_id is
    'The connection that is shared.';
comment on column reporting.shared_connection_history.child_organization_id is
    'Organization in which the copy lives.';
comment on column reporting.shared_connection_history.name is 'Name of the copy.';
comment on column reporting.shared_connection_history.type_id is 'Type, such as postgresql.';
comment on column reporting.shared_connection_history.type_name is 'Type as shown to people.';
comment on column reporting.shared_connection_history.status is 'Health of the copy as the server spells it.';
comment on column reporting.shared_connection_history.status_error is 'Why it is not healthy, masked.';
comment on column reporting.shared_connection_history.saved is 'Whether its set-up was finished.';
comment on column reporting.shared_connection_history.created_at is 'When it was created in Polytomic (UTC).';
comment on column reporting.shared_connection_history.updated_at is
    'When it was last edited in Polytomic (UTC).';
comment on column reporting.shared_connection_history.extra is
    'Fields this release does not know, and values of an unexpected type, masked.';
comment on column reporting.shared_connection_history.withheld_since is
    'Since when answers did not contain it although its removal was not proven (UTC); until valid_to nobody knows whether it was there.';

create view reporting.shared_connection_changes as
select
    changed_at, organization, id as shared_connection_id, record ->> 'name' as name, change, field,
    old_value, new_value, deployment, organization_id
from inventory.changes
where resource = 'shared_connections' and organization is not null;

comment on view reporting.shared_connection_changes is
    'One row for each changed field of each shared copy as its parent''s organization lists it; one row without a field where it was created, removed or restored.';
comment on column reporting.shared_connection_changes.changed_at is 'When a run saw the change (UTC).';
comment on column reporting.shared_connection_changes.organization is 'Our name of the organization.';
comment on column reporting.shared_connection_changes.shared_connection_id is 'Polytomic''s id.';
comment on column reporting.shared_connection_changes.name is 'Name after the change.';
comment on column reporting.shared_connection_changes.change is 'created, updated, removed or restored.';
comment on column reporting.shared_connection_changes.field is
    'The field that changed; NULL where the whole row came or went.';
comment on column reporting.shared_connection_changes.old_value is 'Value before, masked where it must be.';
comment on column reporting.shared_connection_changes.new_value is 'Value after, masked where it must be.';
comment on column reporting.shared_connection_changes.deployment is 'Host name of the Polytomic server.';
comment on column reporting.shared_connection_changes.organization_id is
    'Polytomic''s id of the organization.';
