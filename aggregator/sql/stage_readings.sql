-- Room for the readings of scopes in which any reading changed.
create temporary table stage_{table}_readings on commit drop as
select deployment, organization_id, id, {readings}
from inventory.{table}_readings with no data
