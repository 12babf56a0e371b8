-- Closes the books of runs that died: called by a run that holds the run lock.
-- $1 uuid: our run.  Gives run_id.
with dead as (
    select run_id, planned from ledger.runs where status = 'running' and run_id <> $1
), missing as (
    insert into ledger.run_organizations (run_id, organization, resource, outcome, error)
    select d.run_id, o.organization, p.key, 'cancelled', 'the run died before it got here'
    from dead d
    cross join lateral jsonb_each(d.planned) p
    cross join lateral jsonb_array_elements_text(p.value) as o (organization)
    on conflict do nothing
    returning run_id, organization, outcome
), scope as (
    select run_id, organization, outcome from missing
    union all
    select n.run_id, n.organization, n.outcome from ledger.run_organizations n join dead using (run_id)
), per_organization as (
    select
        run_id,
        bool_and(outcome = 'complete') as complete,
        bool_or(outcome not in ('complete', 'partial', 'deferred')) as failed,
        bool_or(outcome = 'deferred') as deferred
    from scope
    group by run_id, organization
), counts as (
    select
        run_id,
        count(*) as total,
        count(*) filter (where complete) as complete,
        count(*) filter (where failed) as failed,
        count(*) filter (where deferred and not failed) as deferred
    from per_organization
    group by run_id
)
update ledger.runs r
set status = 'abandoned',
    finished_at = now(),
    planned = null,
    organizations_total = c.total,
    organizations_complete = c.complete,
    organizations_failed = c.failed,
    organizations_deferred = c.deferred,
    organizations_partial = c.total - c.complete - c.failed - c.deferred,
    outcomes = (
        select jsonb_object_agg(o.outcome, o.scopes)
        from (
            select outcome, count(*) as scopes from scope where run_id = r.run_id group by outcome
        ) o
    )
from dead d
left join counts c using (run_id)
where r.run_id = d.run_id
returning r.run_id
