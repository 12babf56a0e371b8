"""Connection proxy: whether a connection may be used through the proxy, and within which limits.

Of what the server adds to each proxied request (base URL, headers, query) nothing is kept: it is
made of credentials.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aggregator.resource import Each, Field, Resource, Target
from aggregator.resources import answers
from aggregator.resources.fields import (
    LARGEST_SMALL_INTEGER,
    Notes,
    filled,
    members,
    moment,
    texts,
    unknown,
    whole,
)
from aggregator.resources.parts import named
from aggregator.resources.records import Raw, no_organization, normalizer
from aggregator.resources.vocabulary import (
    ID,
    OPTIONAL_INTEGER,
    OPTIONAL_LIST,
    OPTIONAL_OBJECT,
    OPTIONAL_TEXT,
    TEXT,
    UNREAD,
    names,
)

COLUMNS = (
    *answers.COLUMNS,
    "backend_type",
    "apis",
    "allowed_methods",
    "rate_limit_per_minute",
    "timeout_ms",
    "max_request_body_bytes",
    "max_response_body_bytes",
    "extra",
    "sanitized",
)
READINGS = (
    "calls_last_24_hours",
    "proxy_calls_last_24_hours",
    "proxy_2xx_last_24_hours",
    "proxy_4xx_last_24_hours",
    "proxy_5xx_last_24_hours",
    "last_proxy_call_at",
)

_METHOD = TEXT._replace(terms=frozenset({"get", "post", "put", "patch", "delete"}))
_COUNTS = (
    "callsLast24h",
    "proxyCallsLast24h",
    "proxy2xxLast24h",
    "proxy4xxLast24h",
    "proxy5xxLast24h",
)

FIELDS: Mapping[str, Field] = answers.documented(
    {
        "connectionId": ID,
        "backendType": TEXT,
        "apis": OPTIONAL_LIST,  # only where there are several
        "inheritedBase": UNREAD,
        "mergeRules": UNREAD,
        "requestContract": OPTIONAL_OBJECT,
        "requestContract.allowedMethods": OPTIONAL_LIST,
        "requestContract.allowedMethods[]": _METHOD,
        "requestContract.rateLimitPerMinute": OPTIONAL_INTEGER,
        "requestContract.timeoutMs": OPTIONAL_INTEGER,
        "requestContract.maxRequestBodyBytes": OPTIONAL_INTEGER,
        "requestContract.maxResponseBodyBytes": OPTIONAL_INTEGER,
        "requestContract.blockedRequestHeaders": UNREAD,
        "requestContract.blockedResponseHeaders": UNREAD,
        "requestContract.bodyTypes": UNREAD,
        "requestContract.pathRule": UNREAD,
        "requestContract.queryModes": UNREAD,
        "requestContract.queryValueTypes": UNREAD,
        "requestContract.rawQueryRule": UNREAD,
        "stats": OPTIONAL_OBJECT,
        **{f"stats.{count}": OPTIONAL_INTEGER for count in _COUNTS},
        "stats.lastProxyCallAt": OPTIONAL_TEXT,
    }
)
_INFO_FIELDS = names(FIELDS, "data.")
_CONTRACT = "data.requestContract."
_CONTRACT_FIELDS = names(FIELDS, _CONTRACT)
_STATS = "data.stats."
_STATS_FIELDS = names(FIELDS, _STATS)


def applies(_: Target) -> bool:
    """Nothing in the list of connections tells which of them may be used through the proxy."""
    return True


def _values(record: Raw, notes: Notes) -> tuple[Any, ...]:
    info = members(record.get("data"), "data", notes)
    contract = members(info.get("requestContract"), "data.requestContract", notes)
    connection_id, is_available = answers.availability(record)
    answers.note_other(info.get("connectionId"), connection_id, "data.connectionId", notes)
    unknown(info, _INFO_FIELDS, "data.", notes)
    unknown(contract, _CONTRACT_FIELDS, _CONTRACT, notes)

    def limit(name: str, *largest: int) -> int | None:
        return whole(contract.get(name), _CONTRACT + name, notes, *largest)

    return (
        connection_id,
        is_available,
        filled(info.get("backendType"), "data.backendType", notes),
        named(info.get("apis"), ("name",), "data.apis", notes),
        texts(contract.get("allowedMethods"), f"{_CONTRACT}allowedMethods", notes),
        limit("rateLimitPerMinute", LARGEST_SMALL_INTEGER),
        limit("timeoutMs", LARGEST_SMALL_INTEGER),
        limit("maxRequestBodyBytes"),
        limit("maxResponseBodyBytes"),
    )


def _reading(record: Raw, odd: Notes) -> tuple[Any, ...] | None:
    stats = members(members(record.get("data"), "data", odd).get("stats"), "data.stats", odd)
    unknown(stats, _STATS_FIELDS, _STATS, odd)
    reading = (
        *(whole(stats.get(count), _STATS + count, odd) for count in _COUNTS),
        moment(stats.get("lastProxyCallAt"), f"{_STATS}lastProxyCallAt", odd),
    )
    return None if all(value is None for value in reading) else reading


CONNECTION_PROXY = Resource(
    name="connection_proxy",
    path="/api/connections/{id}/proxy/info",
    item_path=None,
    version=1,
    columns=COLUMNS,
    readings=READINGS,
    normalize=normalizer(_values, FIELDS, organization_id=no_organization, reading=_reading),
    is_default=False,
    per="connection",
    needs="connections",
    each=Each(applies=applies, records=answers.record_of),
    fields=FIELDS,
)
