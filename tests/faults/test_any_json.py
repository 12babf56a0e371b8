"""Any JSON in: stored or rejected, never an exception, never refused by Postgres."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.database import Database, open_database
from aggregator.model import Outcome
from tests.faults.any_json import ODDITIES, complaint, mutated, swallow

TEXTS = st.text(st.characters(codec=None, categories=None), max_size=40)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(-(2**70), 2**70),
        st.floats(),
        TEXTS,
        st.datetimes().map(str),
        st.sampled_from(list(ODDITIES)),
    ),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=20,
)
RECORDS = st.fixed_dictionaries(
    {"id": TEXTS},
    optional=dict.fromkeys(
        (
            *("name", "type", "configuration", "status", "status_error", "saved", "policies"),
            *("parent_connection_id", "created_at", "created_by", "updated_at", "updated_by"),
            *("api_calls_last_24_hours", "rate_limit", "organization_id"),
        ),
        VALUES,
    ),
)


def encoded(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    return json.dumps(value).encode()


BODIES = st.one_of(
    VALUES.map(encoded),
    VALUES.map(lambda value: encoded({"data": value})),
    st.lists(RECORDS | VALUES, max_size=6).map(lambda records: encoded({"data": records})),
    st.lists(RECORDS, max_size=3).map(
        lambda records: json.dumps({"data": records}, ensure_ascii=False).encode(
            errors="surrogatepass"
        )
    ),
    st.randoms(use_true_random=False).map(mutated),
    st.binary(max_size=60).map(lambda raw: b'{"data":[{"id":"' + raw + b'"}]}'),
)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url) as opened:
        yield opened


@given(bodies=st.lists(BODIES, min_size=1, max_size=20))
@settings(
    max_examples=50,
    deadline=None,  # an example is a transaction, and the machine is shared
    suppress_health_check=list(HealthCheck),  # one rolled-back database serves all examples
    database=None,
)
async def test_any_json_is_stored_or_rejected(database: Database, bodies: list[bytes]) -> None:
    """Faults C6, C8, C9, C10, C13, C15, C18, C19, C21, D6 in all their mixtures."""
    results = await swallow(database, bodies)
    found = [(complaint(result), body) for result, body in zip(results, bodies, strict=True)]
    assert [pair for pair in found if pair[0]] == []


async def test_mutated_lists_are_stored_or_rejected(database: Database) -> None:
    """The same with realistic lists: most of them reach Postgres."""
    random = Random(1)  # noqa: S311 - repeatable, not secret
    outcomes: Counter[str] = Counter()
    for _ in range(4):
        bodies = [mutated(random) for _ in range(100)]
        results = await swallow(database, bodies)
        for body, result in zip(bodies, results, strict=True):
            assert complaint(result) is None, body
            outcomes[result.outcome] += 1
    assert outcomes[Outcome.COMPLETE] + outcomes[Outcome.PARTIAL] > 300
    assert len(outcomes) >= 3
    assert await database.fetch("select from inventory.connections") == []


async def test_a_record_that_postgres_refuses_would_be_noticed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The referee is awake: without our cleaning, a NUL is refused."""
    monkeypatch.setattr("aggregator.api.content.clean", lambda value: (value, False))
    (result,) = await swallow(database, [b'{"data":[{"id":"a","name":"\\u0000"}]}'])
    assert complaint(result) is not None
