"""The remote API as pure functions: build a request, judge a response, decipher what it holds.

Sections named here are those of our notes on the Polytomic API (``polytomic-api``).
"""

from aggregator.api.content import (
    decipher_bare,
    decipher_data,
    decipher_item,
    decipher_list,
    looks_cut,
)
from aggregator.api.me import decipher_identity
from aggregator.api.requests import (
    IDENTITY,
    ORGANIZATIONS,
    headers,
    is_plain,
    item_request,
    next_request,
)
from aggregator.api.retry_after import LONGEST_RETRY_AFTER_SECONDS, retry_after_seconds
from aggregator.api.status import check, request_id, served_version

__all__ = [
    "IDENTITY",
    "LONGEST_RETRY_AFTER_SECONDS",
    "ORGANIZATIONS",
    "check",
    "decipher_bare",
    "decipher_data",
    "decipher_identity",
    "decipher_item",
    "decipher_list",
    "headers",
    "is_plain",
    "item_request",
    "looks_cut",
    "next_request",
    "request_id",
    "retry_after_seconds",
    "served_version",
]
