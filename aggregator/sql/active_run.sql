-- The run that is active.  Gives run_id and started_at.
select run_id, started_at
from ledger.runs
where status = 'running'
order by started_at desc
limit 1
