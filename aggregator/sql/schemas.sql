-- What stored schemas of connection types say of configurations.
-- Gives deployment, id, fields (JSON text).
select deployment, id, configuration_fields::text as fields
from inventory.connection_types
where configuration_fields is not null
