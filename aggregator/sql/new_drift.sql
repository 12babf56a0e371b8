-- What no organization had before.
-- $1 timestamptz: since when.  Gives kind and how many drifts.
select kind, count(distinct (resource, path, mark))::integer as drifts
from ledger.drift d
where first_seen_at >= $1
    and not exists (
        select
        from ledger.drift earlier
        where earlier.resource = d.resource and earlier.kind = d.kind and earlier.path = d.path
            and earlier.mark = d.mark and earlier.first_seen_at < $1
    )
group by kind
order by kind
