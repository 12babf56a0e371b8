-- Opens a cursor on all rows of a view, {view}, which is planned for reading it to its end.
set local cursor_tuple_fraction = 1;
declare exported no scroll cursor for select * from {view}
