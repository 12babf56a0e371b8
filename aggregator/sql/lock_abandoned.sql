-- Waits until what other unfinished runs are writing is written or given up, and lets them write
-- no more; called by a run that holds the run lock, before it closes their books.
-- $1 uuid: our run.
select from ledger.runs
where status = 'running' and run_id <> $1
order by generation
for no key update
