-- A few ids of connections that begin like this.
-- $1 text: the beginning, $2 integer: how many at most.  Gives connection_id.
select distinct connection_id
from reporting.connection_history
where starts_with(connection_id, $1)
order by connection_id
limit $2
