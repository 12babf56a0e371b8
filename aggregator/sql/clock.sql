-- What time the database says it is.  Gives now.
select now()
