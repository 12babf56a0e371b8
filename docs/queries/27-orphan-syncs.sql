-- Which syncs need a connection or model that is not there?
--
-- reason removed: it was there until removed_at; never_seen: no run ever saw it; not_looked: nor was
-- everything read within 26 hours, so it may well be there. Syncs that are switched on come first.
select organization, sync_kind, sync_name, active, schedule, missing_kind,
    coalesce(missing_name, missing_id) as missing, via, reason, removed_at
from reporting.orphan_syncs
order by active desc nulls last, organization, sync_kind, sync_name, missing, via;
