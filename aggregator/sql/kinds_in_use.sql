-- Connection types of a deployment's stored connections.
-- $1 text: deployment.  Gives type_id.
select distinct type_id
from inventory.connections
where deployment = $1 and type_id is not null
