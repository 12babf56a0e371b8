"""What asyncpg raises, as errors of ours and without a row's values (faults T12, T13)."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from aggregator import dsn as dsns
from aggregator.errors import (
    ConfigurationError,
    ContentionError,
    DatabaseError,
    RefusedDataError,
    TransientDatabaseError,
)

COMMAND_TIMEOUT_SECONDS = 120
MISSING_PRIVILEGE = "42501"
LOCK_NOT_AVAILABLE = "55P03"
DEPENDENCY = {"2BP01", "0A000"}
"""Something depends on what was to change; such errors name it, and no row."""
_REFUSED = {"22", "23", "54"}  # data exception, constraint, program limit
_CONTENTION = {"40001", "40P01", "55P03", "57014"}  # serialization, deadlock, lock, cancelled
_TRANSIENT = {"08", "40", "57"}  # connection, rollback, operator intervention
_TRANSIENT_STATES = {"53300", "25006"}  # too many connections, failed over
_EXPLAINED = {
    "25006": "the database is read-only (a replica, or default_transaction_read_only is on)",
    "53100": "the database's disk is full",
    "53300": "the database has no connection left for us",
}


@contextmanager
def translated_errors(remedy: str = "") -> Iterator[None]:
    """Turns what asyncpg raises into our errors, without a row's values (faults T12, T13).

    ``remedy`` is what to run where a privilege is missing.
    """
    try:
        yield
    except asyncpg.PostgresError as error:
        raise _translate(error, remedy) from None
    except asyncpg.exceptions.ClientConfigurationError:
        raise ConfigurationError(["AGGREGATOR_DATABASE_URL cannot be understood"]) from None
    except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        # The latter between the server's last word, read while idle, and the end of its stream.
        raise TransientDatabaseError(f"connection lost ({type(error).__name__})") from None
    except ssl.SSLCertVerificationError as error:
        raise DatabaseError(
            f"the database's certificate is refused: {error.verify_message}; {dsns.CHOICE}"
        ) from None
    except OSError as error:
        raise _translate_system_error(error) from None


def _translate_system_error(error: OSError) -> DatabaseError:
    if isinstance(error, TimeoutError) and error.errno is None:
        return DatabaseError(f"the database has not answered for {COMMAND_TIMEOUT_SECONDS} seconds")
    if type(error) is ConnectionError and "rejected SSL" in str(error):
        return DatabaseError(f"the database offers no TLS; {dsns.CHOICE}")
    return TransientDatabaseError(f"the database cannot be reached ({type(error).__name__})")


def _translate(error: asyncpg.PostgresError, remedy: str) -> DatabaseError:
    state = error.sqlstate or ""
    family = state[:2]
    if family in _REFUSED or isinstance(error, asyncpg.DataError):
        where = ".".join(
            part for part in (error.table_name, error.column_name, error.constraint_name) if part
        )
        return RefusedDataError(
            f"{type(error).__name__} {state}{f' at {where}' if where else ''}", sqlstate=state
        )
    message = _EXPLAINED.get(state) or f"{error.args[0] if error.args else ''} ({state})"
    if state in DEPENDENCY and error.detail:
        message = f"{message}: {error.detail}"
    if state == MISSING_PRIVILEGE and remedy:
        message = f"{message}. {remedy}"
    if state in _CONTENTION:
        return ContentionError(message, sqlstate=state)
    if family in _TRANSIENT or state in _TRANSIENT_STATES:
        return TransientDatabaseError(message, sqlstate=state)
    return DatabaseError(message, sqlstate=state)
