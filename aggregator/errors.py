"""The error tree, branched by what the caller does next.

AggregatorError
├── ConfigurationError      say every problem at once, exit 2; nothing was requested
├── ScopeError              give up this scope of this run; the others go on
│   └── RetryableError      the same request may be sent again, within its budget
├── OutgrownError           wait for memory, then send the same request again
└── RunError                stop the run, exit 1
    ├── DatabaseError       the database refused or cannot be reached
    │   ├── RefusedDataError        isolate the value that it refuses
    │   ├── TransientDatabaseError  the same transaction may be tried again
    │   │   └── ContentionError     somebody else was in the way; the database is well
    │   └── OutageError             it was tried again for as long as an outage may last
    ├── OutputError         the file that was asked for cannot be written
    ├── LeaseLostError      the right to write is gone: another run may have taken over
    └── ActiveRunError      another run is active, exit 6

Messages name settings, organizations and hosts, never a key and never a value of a body.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from aggregator.model import Outcome


def install_command(extra: str) -> str:
    """What brings an optional part to the Python that this is: the end of a remedy."""
    return f"{sys.executable} -m pip install 'polytomic-inventory-aggregator[{extra}]'"


class AggregatorError(Exception):
    """Base of all errors that this program raises on purpose."""


class ConfigurationError(AggregatorError):
    """Usage or configuration is wrong; ``problems`` lists all that was found."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class ScopeError(AggregatorError):
    """One resource of one organization cannot be collected in this run."""

    is_page = False
    """Whether the answer was a page for people, which no API gives."""

    def __init__(self, outcome: Outcome, message: str, *, http_status: int | None = None) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.message = message
        self.http_status = http_status


class RetryableError(ScopeError):
    """As ``ScopeError``, but trying again may help.

    ``retry_after_seconds`` is what the server asked for, None where it did not ask.
    """

    def __init__(
        self,
        outcome: Outcome,
        message: str,
        *,
        http_status: int | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(outcome, message, http_status=http_status)
        self.retry_after_seconds = retry_after_seconds


class OutgrownError(AggregatorError):
    """An answer is large, and as many large ones as memory has room for are being read."""


class RunError(AggregatorError):
    """The run cannot go on at all."""


class DatabaseError(RunError):
    """The database refused or cannot be reached; the message never repeats row values."""

    def __init__(self, message: str, *, sqlstate: str | None = None) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class OutputError(RunError):
    """The file that was asked for cannot be written."""


class LeaseLostError(RunError):
    """The run lock is lost, and with it the right to write: another run may have taken over."""


class ActiveRunError(RunError):
    """Another run is active on this database."""


class RefusedDataError(DatabaseError):
    """The database refuses a value; the same rows will be refused again."""


class TransientDatabaseError(DatabaseError):
    """A lost connection, a server that restarts, a deadlock: trying again may help."""


class ContentionError(TransientDatabaseError):
    """A deadlock, or a lock that was not had in time."""


class OutageError(DatabaseError):
    """The database was away for longer than a run waits for it."""
