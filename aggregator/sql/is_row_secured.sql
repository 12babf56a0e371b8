-- Whether policies apply to whoever writes a table: then Postgres refuses to COPY into it.
-- $1 text: table.
select row_security_active('inventory.' || quote_ident($1))
