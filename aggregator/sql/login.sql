-- A role that is to see only what it is granted. No row where there is no role for that.
-- $1 text: its name.
-- Gives quoted (as psql takes it), role_exists, can_login, and sees_more_because: why policies do not bind it.
select
    quote_ident($1::text) as quoted,
    r.oid is not null as role_exists,
    coalesce(r.rolcanlogin, true) as can_login,
    case
        when r.rolsuper then 'is a superuser'
        when r.rolbypassrls then 'bypasses row-level security'
        when r.rolreplication then 'may copy the whole server'
        when r.rolcreaterole then 'may make itself a member of other roles'
        when r.oid = d.datdba then 'owns the database'
        when r.oid = any (o.owners) then 'owns the tables'
        when wide.roles is not null then 'is a member of ' || wide.roles
    end as sees_more_because
from pg_roles restricted
join pg_database d on d.datname = current_database()
cross join (
    select array_agg(relowner) as owners
    from pg_class
    where relnamespace::regnamespace::text in ('ledger', 'inventory', 'reporting', 'people')
) o
left join pg_roles r on r.rolname = $1::text
left join lateral (
    select string_agg(m.rolname, ', ' order by m.rolname) as roles
    from pg_roles m
    where m.oid <> r.oid and pg_has_role(r.oid, m.oid, 'MEMBER')
        and (
            m.rolname in ('reporting_reader', 'inventory_writer', 'inventory_owner')
            or m.rolname ~ '^pg_'
            or m.rolsuper or m.rolbypassrls or m.rolreplication or m.rolcreaterole
            or m.oid = d.datdba
            or m.oid = any (o.owners)
        )
) wide on true
where restricted.rolname = 'reporting_restricted'
