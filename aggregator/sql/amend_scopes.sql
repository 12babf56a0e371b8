-- Adds what the verdicts on absent rows came to.
-- $1 uuid: run, $2 jsonb: rows named as the columns
update ledger.run_organizations n
set requests = n.requests + r.requests,
    retries = n.retries + r.retries,
    waited_seconds = n.waited_seconds + r.waited_seconds,
    seen = n.seen + r.seen,
    updated = n.updated + r.updated,
    unchanged = n.unchanged + r.unchanged,
    removed = n.removed + r.removed,
    withheld = n.withheld + r.withheld,
    walk_races = n.walk_races + r.walk_races,
    finished_at = r.finished_at
from jsonb_to_recordset($2) as r (
    organization text, resource text, requests integer, retries integer,
    waited_seconds double precision, seen integer, updated integer, unchanged integer,
    removed integer, withheld integer, walk_races integer, finished_at timestamptz
)
where n.run_id = $1 and n.organization = r.organization and n.resource = r.resource
