"""How large all answers to one list may be together."""

from __future__ import annotations

from aggregator.errors import ScopeError
from aggregator.model import Outcome

MOST_FULL_RESPONSES = 2
"""All answers to one list, or about the connections of one organization, together may be as large
as so many of the largest single responses."""
BYTES_PER_RECORD = 256
"""Of the largest single response: so many records a list may hold."""
FEWEST_RECORDS = 10_000


class Extent:
    """How much of one scope has been read, in however many answers."""

    def __init__(self, max_response_bytes: int) -> None:
        self._most_records = max(FEWEST_RECORDS, max_response_bytes // BYTES_PER_RECORD)
        self._most_bytes = MOST_FULL_RESPONSES * max_response_bytes
        self._records = 0
        self._bytes = 0

    def add_records(self, count: int) -> None:
        """Raises ScopeError (too_large) where there are too many by now."""
        self._records += count
        if self._records > self._most_records:
            raise ScopeError(
                Outcome.TOO_LARGE, f"the list holds more than {self._most_records} records"
            )

    def add_bytes(self, count: int) -> None:
        """Raises ScopeError (too_large) where there are too many by now."""
        self._bytes += count
        if self._bytes > self._most_bytes:
            raise ScopeError(
                Outcome.TOO_LARGE,
                f"the answers together hold more than {MOST_FULL_RESPONSES} times "
                "MAX_RESPONSE_BYTES",
            )
