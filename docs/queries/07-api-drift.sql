-- In what do the API's answers differ from its documentation now, and since when?
--
-- What most organizations have comes first. unknown_field: kept, masked, in the column extra;
-- vanished_field: its column is NULL now; changed_type: the value is in extra; new_value: a vocabulary
-- has a new term. Only what was read can be told of: organizations is no share of the fleet.
select resource, kind, path, found_type, organizations, organizations_ever, first_seen_at,
    last_seen_at, example_organization
from reporting.api_drift
where is_current
order by organizations desc, resource, path, kind;
