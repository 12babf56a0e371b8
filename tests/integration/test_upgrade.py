"""What a migration makes of the data of earlier releases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from aggregator import migrate
from aggregator.database import Database, open_database
from tests.stored import stored

DAWN = datetime(2026, 11, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def _hour(number: float) -> datetime:
    return DAWN + timedelta(hours=number)


@pytest.fixture
async def released(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Database]:
    """A database of the release before observations were kept; ``migrate.apply`` upgrades it."""
    files = migrate.load_migrations()
    async with open_database(empty_database_url) as database:
        with monkeypatch.context() as patch:
            patch.setattr(migrate, "load_migrations", lambda: files[:4])
            await migrate.apply(database)
        yield database


async def _organization(
    database: Database, name: str, organization_id: str | None, last_attempt_at: datetime
) -> None:
    await database.fetch(
        "insert into ledger.organizations (organization, deployment, organization_id)"
        " values ($1, 'simulated.example', $2)",
        name,
        organization_id,
    )
    await database.fetch(
        "insert into ledger.scopes (organization, resource, last_attempt_at, last_read_at)"
        " values ($1, 'connections', $2, $2)",
        name,
        last_attempt_at,
    )


async def _run(
    database: Database,
    hour: float,
    organization: str,
    outcome: str,
    *,
    organization_id: str | None = "id-1",
    status: str = "complete",
) -> None:
    """A run that read one organization a second after it began, and ended at that hour."""
    run_id = UUID(int=int(hour * 100))
    ended_at = _hour(hour) if status != "abandoned" else _hour(hour + 500)
    await database.fetch(
        "insert into ledger.runs (run_id, started_at, finished_at, status, version)"
        " values ($1, $2, $3, $4, '1')",
        run_id,
        _hour(hour) - 2 * SECOND,
        ended_at,
        status,
    )
    await database.fetch(
        "insert into ledger.run_organizations"
        " (run_id, organization, resource, organization_id, outcome, finished_at)"
        " values ($1, $2, 'connections', $3, $4, $5)",
        run_id,
        organization,
        organization_id,
        outcome,
        _hour(hour) - SECOND,
    )


async def _observations(database: Database, name: str) -> list[tuple[datetime, datetime]]:
    rows = await database.fetch(
        "select observed_from, observed_to from reporting.observations"
        " where organization = $1 order by observed_from",
        name,
    )
    return [(row["observed_from"], row["observed_to"]) for row in rows]


async def test_what_earlier_runs_looked_at_is_observed(released: Database) -> None:
    await _organization(released, "acme", "id-1", _hour(130))
    for hour, outcome in (
        (1, "complete"),
        (2, "partial"),
        (3, "deferred"),
        (28, "complete"),  # 26 hours after the second
        (29, "unauthorized"),
        (30, "complete"),
        (57, "complete"),  # 27 hours later
        (58, "cancelled"),
        (59, "complete"),
    ):
        await _run(released, hour, "acme", outcome)
    await _run(released, 60, "acme", "complete", status="abandoned")

    await migrate.apply(released)

    assert await _observations(released, "acme") == [
        (_hour(1), _hour(28)),
        (_hour(30), _hour(30)),
        (_hour(57), _hour(60) - SECOND),  # nobody but the run knows when it died
    ]
    rows = await released.fetch("select observed_since, observed_until from ledger.scopes")
    assert [tuple(row) for row in rows] == [(_hour(57), _hour(60) - SECOND)]


async def test_looks_by_an_earlier_name_count_and_those_of_a_namesake_do_not(
    released: Database,
) -> None:
    await _run(released, 1, "old", "complete", organization_id="id-1")
    await _run(released, 2, "new", "complete", organization_id="id-1")
    await _run(released, 3, "acme", "complete", organization_id="id-2")
    await _run(released, 4, "acme", "complete", organization_id="id-3")
    await _run(released, 5, "never", "unauthorized", organization_id=None)
    await _organization(released, "new", "id-1", _hour(2))
    await _organization(released, "acme~id-2", "id-2", _hour(3))
    await _organization(released, "acme", "id-3", _hour(4))
    await _organization(released, "never", None, _hour(5))

    await migrate.apply(released)

    assert await _observations(released, "new") == [(_hour(1), _hour(2))]
    assert await _observations(released, "acme~id-2") == [(_hour(3), _hour(3))]
    assert await _observations(released, "acme") == [(_hour(4), _hour(4))]
    assert await _observations(released, "never") == []


async def test_what_was_stored_before_is_counted(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = migrate.load_migrations()
    async with open_database(empty_database_url) as database, stored(empty_database_url) as world:
        with monkeypatch.context() as patch:
            patch.setattr(migrate, "load_migrations", lambda: files[:11])
            await migrate.apply(database)
        await world.organization("acme", "connections")
        await world.connection_of("acme", "broken", type_id="pg", status="error")
        await world.connection_of("acme", "fine", type_id="pg")
        await world.connection_of("acme", "gone", type_id="pg")
        await world.reading(
            "connections", "acme", "fine", api_calls_last_24_hours=5, rate_limit_reported=False
        )
        await world.connection.execute(
            "update inventory.connections set valid_from = now(), first_seen_at = now();"
            "insert into ledger.scope_days values"
            " ('acme', 'connections', (now() at time zone 'UTC')::date)"
        )
        await world.remove("connections", "acme", "gone")

        await migrate.apply(database)

        [summary] = await world.read("fleet_summary")
        [unhealthy] = await world.read("unhealthy_connections")
        days = await world.read("changes_daily", "change")
        [usage] = await world.read("organization_api_usage_daily")

    assert (summary["connections"], summary["unhealthy_connections"]) == (2, 1)
    assert (unhealthy["connection_id"], unhealthy["is_since_exact"]) == ("broken", False)
    assert [(day["change"], day["is_first_load"], day["changes"]) for day in days] == [
        ("created", True, 3),
        ("removed", False, 1),
    ]
    assert (usage["api_calls"], usage["connections"]) == (5, 1)
