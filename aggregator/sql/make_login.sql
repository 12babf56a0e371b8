-- What is to be run so that a restricted login exists and its limits are set; those that somebody
-- else has set stay.
-- $1 text: login.  Gives setting, statement, and may: whether whoever asks may run it; in this order.
select step.setting, step.statement, step.may
from (
    select
        1 as number, 'login' as setting,
        format('create role %I login connection limit 20', $1::text) as statement, true as may
    where to_regrole(quote_ident($1::text)) is null
    union all
    select 2, 'membership', format('grant reporting_restricted to %I', $1::text), true
    where not exists (
        select
        from pg_auth_members m
        where m.roleid = to_regrole('reporting_restricted')
            and m.member = to_regrole(quote_ident($1::text))
    )
    union all
    select 3, 'connections', format('alter role %I connection limit 20', $1::text), true
    from pg_roles
    where rolname = $1::text and rolconnlimit = -1
    union all
    select
        4, l.setting,
        format(
            'alter role %I in database %I set %I = %L',
            $1::text, current_database(), l.setting, l.value
        ),
        l.setting <> 'temp_file_limit'
            or has_parameter_privilege(current_user, l.setting, 'SET')
    from (
        values
            ('default_transaction_read_only', 'on'),
            ('statement_timeout', '5min'),
            ('idle_in_transaction_session_timeout', '5min'),
            ('lock_timeout', '5s'),
            ('temp_file_limit', '1GB'),
            ('jit', 'off')  -- compiling takes longer than most answers
    ) as l (setting, value)
    where not exists (
        select
        from pg_db_role_setting s
        cross join lateral unnest(s.setconfig) as c (line)
        where s.setrole = to_regrole(quote_ident($1::text))
            and s.setdatabase in (
                0, (select oid from pg_database where datname = current_database())
            )
            and starts_with(c.line, l.setting || '=')
    )
) step
order by step.number, step.setting
