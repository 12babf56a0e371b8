-- Opens a cursor on all rows of a view, {view}, which is planned for reading it to its end. That may
-- take long: of limits only those of the login hold.
set local statement_timeout to default;
set local cursor_tuple_fraction = 1;
declare exported no scroll cursor for select * from {view}
