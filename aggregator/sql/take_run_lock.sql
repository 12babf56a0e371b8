-- Locks the one row that stands for the right to run, until the end of this transaction. A row and
-- no advisory lock: those are anybody's who may connect, readers of the views included.
-- Gives this transaction's number as text, or no row where another run has the lock.
select pg_current_xact_id()::text from ledger.run_lock for update skip locked
