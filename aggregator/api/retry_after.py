"""How long a server asks to be left alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_RETRY_AFTER_SECONDS = 366 * 86_400.0


def retry_after_seconds(response_headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, 0 to a year; None where the server asked for nothing we understand.

    Digits count as seconds; a date counts from the answer's own ``Date``, so that neither clock
    needs to be right. All else (signs, fractions, ``nan``, full-width digits) is as absent.
    """
    text = response_headers.get("retry-after", "").strip(" \t")
    if text.isascii() and text.isdigit():
        # Longer than seven digits is over the bound anyway; int() has a limit of its own.
        seconds = float(text) if len(text.lstrip("0")) <= 8 else LONGEST_RETRY_AFTER_SECONDS  # noqa: PLR2004
        return min(seconds, LONGEST_RETRY_AFTER_SECONDS)
    until = _http_date(text)
    sent = _http_date(response_headers.get("date", "").strip(" \t"))
    if until is None or sent is None:
        return None
    return min(max((until - sent).total_seconds(), 0.0), LONGEST_RETRY_AFTER_SECONDS)


def _http_date(text: str) -> datetime | None:
    if not re.match(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? ", text):
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
