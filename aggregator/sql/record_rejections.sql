-- Records that could not be stored.
-- $1 uuid: run, $2 text[]: organizations, $3 text[]: resources, $4 text[]: record ids,
-- $5 text[]: reasons, $6 jsonb[]: masked records
insert into ledger.rejected_records (run_id, organization, resource, record_id, reason, record)
select $1, x.*
from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::jsonb[]) as x
