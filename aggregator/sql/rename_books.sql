-- The books of organizations whose names changed, once their ids are pinned to the new names: in a
-- closed run a row gets no name but that of its id. A name that was retired before (name~id) is still
-- the plain one there.
-- $1 text[]: old names, $2 text[]: new names, $3 text[]: organization ids.
update ledger.run_organizations n
set organization = m.new_name
from unnest($1::text[], $2::text[], $3::text[]) as m (old_name, new_name, organization_id)
where n.organization in (m.old_name, split_part(m.old_name, '~', 1))
    and n.organization_id = m.organization_id
    and not exists (
        select
        from ledger.run_organizations taken
        where taken.run_id = n.run_id and taken.organization = m.new_name
            and taken.resource = n.resource
    )
