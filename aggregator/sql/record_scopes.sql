-- One row for each scope of a run; a scope that was accounted for stays as it is.
-- $1 uuid: run, $2 jsonb: rows named as the columns
insert into ledger.run_organizations (
    run_id, organization, resource, organization_id, outcome, error, http_status, requests,
    retries, waited_seconds, seen, created, updated, unchanged, removed, restored, withheld,
    rejected, started_at, finished_at, request_id
)
select
    $1, organization, resource, organization_id, outcome, error, http_status, requests,
    retries, waited_seconds, seen, created, updated, unchanged, removed, restored, withheld,
    rejected, started_at, finished_at, request_id
from jsonb_to_recordset($2) as r (
    organization text, resource text, organization_id text, outcome text, error text,
    http_status smallint, requests integer, retries integer, waited_seconds double precision,
    seen integer, created integer, updated integer, unchanged integer, removed integer,
    restored integer, withheld integer, rejected integer, started_at timestamptz,
    finished_at timestamptz, request_id text
)
on conflict (run_id, organization, resource) do nothing
