-- Room for the records of this transaction that are new or changed.
create temporary table stage_{table} on commit drop as
select deployment, organization_id, id, {columns}, content_hash, rights
from inventory.{table} with no data
