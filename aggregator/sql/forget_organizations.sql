-- Notes which organizations are no longer configured; their inventory is kept.
-- $1 jsonb: [{organization}], those that are configured
update ledger.organizations o
set configured = false
where o.configured
    and not exists (
        select from jsonb_to_recordset($1) as r (organization text)
        where r.organization = o.organization
    )
