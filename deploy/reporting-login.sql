-- The read-only login `reporting` for BI tools; run by psql as a superuser, before or after the
-- migrations, which create and fill the role `reporting_reader` where it is missing.
-- Its password comes from the environment variable REPORTING_PASSWORD.
\set ON_ERROR_STOP on
\getenv password REPORTING_PASSWORD

SELECT 'CREATE ROLE reporting_reader NOLOGIN'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'reporting_reader') \gexec

CREATE ROLE reporting LOGIN PASSWORD :'password' IN ROLE reporting_reader CONNECTION LIMIT 20;

-- A dashboard that went wrong must not hurt the run.
ALTER ROLE reporting SET default_transaction_read_only = on;
ALTER ROLE reporting SET statement_timeout = '5min';
ALTER ROLE reporting SET idle_in_transaction_session_timeout = '5min';
ALTER ROLE reporting SET lock_timeout = '5s';
ALTER ROLE reporting SET temp_file_limit = '1GB';
-- Compiling takes longer than most answers.
ALTER ROLE reporting SET jit = off;

-- Nobody but who runs the job needs temporary tables, and nobody large objects; whoever reads must not be
-- able to fill the disk.
SELECT format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()) \gexec
SELECT format('GRANT TEMPORARY ON DATABASE %I TO %I', current_database(), rolname)
FROM pg_roles
WHERE rolname IN ('inventory_owner', 'inventory_writer') \gexec
REVOKE EXECUTE ON FUNCTION lo_create(oid), lo_creat(integer), lo_from_bytea(oid, bytea) FROM PUBLIC;
-- Each version of Postgres may have other arguments.
SELECT format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', oid::regprocedure)
FROM pg_proc
WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = 'pg_logical_emit_message' \gexec
