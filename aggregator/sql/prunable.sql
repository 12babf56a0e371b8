-- What else is older than is kept, by table.
-- $1, $2, $3 timestamptz: since when history, API usage and runs are kept.
-- Gives table, rows, and the days of the oldest and the newest.
select
    'inventory.change_days' as "table", count(*) as rows, min(day) as oldest, max(day) as newest
from inventory.change_days
where day < ($1 at time zone 'UTC')::date
union all
select
    'ledger.observations', count(*), (min(observed_to) at time zone 'UTC')::date,
    (max(observed_to) at time zone 'UTC')::date
from ledger.observations
where observed_to < $1
union all
select 'inventory.api_usage_days', count(*), min(d.day), max(d.day)
from inventory.api_usage_days d
where d.day < ($2 at time zone 'UTC')::date
    and (d.last_value is null or exists (
        select
        from inventory.api_usage_days later
        where later.deployment = d.deployment and later.organization_id = d.organization_id
            and later.id = d.id and later.day > d.day
            and later.day < ($2 at time zone 'UTC')::date
    ))
union all
select 'ledger.scope_days', count(*), min(day), max(day)
from ledger.scope_days
where day < ($2 at time zone 'UTC')::date
union all
(
    with doomed as (
        select run_id, (finished_at at time zone 'UTC')::date as day
        from ledger.runs
        where finished_at < $3
            and run_id is distinct from (
                select run_id
                from ledger.runs
                where status = 'complete'
                order by finished_at desc
                limit 1
            )
    )
    select 'ledger.runs', count(*), min(day), max(day) from doomed
    union all
    select 'ledger.run_organizations', count(*), min(day), max(day)
    from doomed join ledger.run_organizations using (run_id)
    union all
    select 'ledger.rejected_records', count(*), min(day), max(day)
    from doomed join ledger.rejected_records using (run_id)
)
