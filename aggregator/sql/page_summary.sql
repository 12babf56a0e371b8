-- The fleet's connections in numbers.  Gives one row.
select * from reporting.fleet_summary
