-- When all of the page's statements read, and as whom.  Gives one row.
select now() as as_of, current_user::text as role
