-- Closes a run.
-- $1 uuid: run, $2 jsonb: {status, exit_code, duration_seconds, requests, retries,
--   organizations: {...}, outcomes: {...}, resources: {...}, headline}
update ledger.runs r
set finished_at = now(),
    planned = null,
    status = s.status,
    exit_code = s.exit_code,
    duration_seconds = s.duration_seconds,
    requests = s.requests,
    retries = s.retries,
    organizations_total = (s.organizations ->> 'total')::integer,
    organizations_complete = (s.organizations ->> 'complete')::integer,
    organizations_partial = (s.organizations ->> 'partial')::integer,
    organizations_failed = (s.organizations ->> 'failed')::integer,
    organizations_deferred = (s.organizations ->> 'deferred')::integer,
    outcomes = s.outcomes,
    resources = s.resources,
    headline = s.headline
from jsonb_to_record($2) as s (
    status text, exit_code smallint, duration_seconds double precision, requests bigint,
    retries bigint, organizations jsonb, outcomes jsonb, resources jsonb, headline text
)
where r.run_id = $1 and r.status = 'running'
