-- Locks the one row that stands for the right to run, until the end of this transaction. A row and
-- no advisory lock: those are anybody's who may connect, readers of the views included.
-- Gives one row, or none where another run has it.
select only_row from ledger.run_lock for update skip locked
