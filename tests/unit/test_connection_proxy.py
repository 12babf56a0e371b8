from __future__ import annotations

from datetime import UTC, datetime

import pytest

from aggregator.resources.connection_proxy import CONNECTION_PROXY
from tests.unit.normalized import TARGET, answer, answered, columns, is_set, reading, record_of


def test_the_limits_of_a_proxy_are_read_field_by_field() -> None:
    [raw] = answer(CONNECTION_PROXY, "info")
    assert record_of(CONNECTION_PROXY, raw).id == TARGET.id
    assert columns(CONNECTION_PROXY, raw) == {
        "connection_id": TARGET.id,
        "is_available": True,
        "backend_type": "salesforce",
        "apis": ["bulk", "rest"],
        "allowed_methods": ["GET", "POST"],
        "rate_limit_per_minute": 60,
        "timeout_ms": 30_000,
        "max_request_body_bytes": 1 << 20,
        "max_response_body_bytes": 8 << 30,
        "extra": None,
        "sanitized": False,
    }
    assert reading(CONNECTION_PROXY, raw) == {
        "calls_last_24_hours": 2021,
        "proxy_calls_last_24_hours": 12,
        "proxy_2xx_last_24_hours": 9,
        "proxy_4xx_last_24_hours": 2,
        "proxy_5xx_last_24_hours": 1,
        "last_proxy_call_at": datetime(2026, 11, 23, 9, tzinfo=UTC),
    }


def test_odd_limits_are_noted_and_odd_counts_only_named() -> None:
    [raw] = answer(CONNECTION_PROXY, "oddities")
    assert is_set(columns(CONNECTION_PROXY, raw)) == {
        "connection_id": TARGET.id,
        "is_available": True,
        "apis": ["plain"],
        "allowed_methods": ["GET"],
        "max_request_body_bytes": -1,
        "extra": {
            "data.apis": [None],
            "data.connectionId": "00000021-1111-4111-8111-000000000021",
            "data.lockedHeaders": [{"name": "Authorization", "value": "(set)"}],
            "data.requestContract.allowedMethods": [7],
            "data.requestContract.maxConcurrentRequests": 5,
            "data.requestContract.rateLimitPerMinute": 1 << 32,
            "data.requestContract.timeoutMs": "30s",
            "data.stats.bytesLast24h": "(not kept)",
            "data.stats.proxyCallsLast24h": "(not kept)",
        },
    }
    assert reading(CONNECTION_PROXY, raw) is None


@pytest.mark.parametrize(
    ("name", "column", "largest"),
    [
        ("rateLimitPerMinute", "rate_limit_per_minute", 2**31 - 1),
        ("timeoutMs", "timeout_ms", 2**31 - 1),
        ("maxRequestBodyBytes", "max_request_body_bytes", 2**63 - 1),
        ("maxResponseBodyBytes", "max_response_body_bytes", 2**63 - 1),
    ],
)
def test_a_limit_that_its_column_cannot_hold_is_noted(name: str, column: str, largest: int) -> None:
    for limit, kept in ((largest, largest), (largest + 1, None)):
        [raw] = answered(CONNECTION_PROXY, {"requestContract": {name: limit}})
        values = columns(CONNECTION_PROXY, raw)
        assert values[column] == kept
        assert (values["extra"] is None) == (kept is not None)


def test_a_proxy_that_nobody_called_has_a_reading() -> None:
    [raw] = answered(CONNECTION_PROXY, {"stats": {"proxyCallsLast24h": 0}})
    values = reading(CONNECTION_PROXY, raw)
    assert values is not None
    assert values["proxy_calls_last_24_hours"] == 0


def test_no_answer_is_a_record_that_says_so() -> None:
    [raw] = answered(CONNECTION_PROXY, None)
    assert is_set(columns(CONNECTION_PROXY, raw)) == {
        "connection_id": TARGET.id,
        "is_available": False,
    }
    assert reading(CONNECTION_PROXY, raw) is None


def test_every_connection_is_asked() -> None:
    assert CONNECTION_PROXY.each is not None
    nothing_known = TARGET._replace(operations=frozenset(), is_healthy=None, is_shared=True)
    assert CONNECTION_PROXY.each.applies(nothing_known)
