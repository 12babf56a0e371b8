"""Aggregates say of whom they speak, and how completely: known fleets, read as BI reads them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

Row = dict[str, Any]
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DEPLOYMENT = "app.example"
COMPLETENESS = (
    "organizations_expected",
    "organizations_complete",
    "oldest_observed_at",
    "is_complete",
)


@dataclass(slots=True)
class Stored:
    """Puts a fleet into the tables, and reads the views as a member of ``reporting_reader``."""

    connection: asyncpg.Connection[asyncpg.Record]
    generation: int = field(default=1)

    async def organization(
        self,
        name: str,
        *,
        outcome: str | None = "complete",
        complete: datetime | None = NOW,
        read: datetime | None = NOW,
        **columns: object,
    ) -> None:
        """``outcome`` None: never tried; ``columns`` are those of ``ledger.organizations``."""
        values = {"organization": name, "deployment": DEPLOYMENT, "organization_id": name}
        values |= columns  # type: ignore[arg-type]
        names = ", ".join(values)
        places = ", ".join(f"${n}" for n in range(1, len(values) + 1))
        await self.connection.execute(
            f"insert into ledger.organizations ({names}) values ({places})",  # noqa: S608 (names of ours)
            *values.values(),
        )
        await self.connection.execute(
            "insert into ledger.scopes (organization, resource, last_attempt_at, last_outcome,"
            " last_read_at, last_complete_at) values ($1, 'connections', $2, $3, $4, $5)",
            name,
            outcome and NOW,
            outcome,
            read,
            complete,
        )

    async def connections(self, organization: str, **statuses: str | None) -> None:
        """Connections by id, ``<type>_<n>``, with their status."""
        for key, status in statuses.items():
            await self.add(organization, key, status)

    async def add(
        self,
        organization: str,
        key: str,
        status: str | None = "healthy",
        *,
        parent: str | None = None,
    ) -> None:
        await self.connection.execute(
            "insert into inventory.connections (deployment, organization_id, id, type_id,"
            " type_name, status, parent_connection_id, content_hash, generation, first_seen_at)"
            " values ($1, $2, $3, $4, upper($4), $5, $6, '', 1, $7)",
            DEPLOYMENT,
            organization,
            key,
            key.partition("_")[0],
            status,
            parent,
            NOW - timedelta(days=9),
        )

    async def read(self, view: str) -> list[Row]:
        await self.connection.execute("set role reporting_reader")
        try:
            rows = await self.connection.fetch(f"select * from reporting.{view}")  # noqa: S608 (as above)
        finally:
            await self.connection.execute("reset role")
        return [dict(row) for row in rows]

    async def fleet(self) -> Row:
        [row] = await self.read("fleet_summary")
        return row

    async def types(self) -> dict[str, Row]:
        return {row["type_id"]: row for row in await self.read("connection_types_in_use")}

    async def health(self) -> dict[str, Row]:
        return {row["organization"]: row for row in await self.read("organization_health")}

    async def everything(self) -> list[Row]:
        """The rows of all three views."""
        return [await self.fleet(), *(await self.types()).values(), *(await self.health()).values()]


@pytest.fixture
async def stored(database_url: str) -> AsyncIterator[Stored]:
    connection = await asyncpg.connect(database_url)
    yield Stored(connection)
    await connection.close()


@pytest.fixture
async def fleet(stored: Stored) -> Stored:
    """Eight connections in three complete organizations; five of them are distinct.

    ``globex`` has a copy of a copy of the owner's ``pg_1``, and shares ``sf_nobody``, whose
    organization we do not know, with ``acme``.
    """
    await stored.organization("owner")
    await stored.organization("acme", complete=NOW - timedelta(hours=3))
    await stored.organization("globex")
    await stored.connections("owner", pg_1="HEALTHY", sf_1="unhealthy")
    await stored.connections("acme", pg_2=None)
    await stored.connections("globex", pg_3="")
    await stored.add("acme", "pg_10", parent="pg_1")
    await stored.add("acme", "sf_10", parent="sf_nobody")
    await stored.add("globex", "pg_20", parent="pg_10")
    await stored.add("globex", "sf_20", "error", parent="sf_nobody")
    return stored


def numbers(row: Row) -> list[str]:
    """The names of a row's numbers: whatever has a strict variant."""
    found = [name.removeprefix("strict_") for name in row if name.startswith("strict_")]
    assert len(found) >= 7
    return found


def of(row: Row, *names: str) -> list[Any]:
    return [row[name] for name in names]


COUNTS = (
    "connections",
    "distinct_connections",
    "healthy_connections",
    "unhealthy_connections",
    "connections_without_status",
    "shared_connections",
    "withheld_connections",
)


async def test_a_complete_fleet_in_numbers(fleet: Stored) -> None:
    await fleet.connection.execute(
        "insert into ledger.withheld (resource, deployment, organization_id, id, reason)"
        " values ('connections', $1, 'acme', 'pg_2', 'missing')",
        DEPLOYMENT,
    )

    row = await fleet.fleet()

    assert of(row, *COUNTS) == [8, 5, 4, 2, 2, 4, 1]
    assert row["unhealthy_organizations"] == 2
    assert of(row, *COMPLETENESS) == [3, 3, NOW - timedelta(hours=3), True]
    assert all(row[name] == row[f"strict_{name}"] for name in numbers(row))


async def test_types_in_numbers_with_the_completeness_of_the_fleet(fleet: Stored) -> None:
    types = await fleet.types()

    assert set(types) == {"pg", "sf"}
    assert types["pg"]["type_name"] == "PG"
    assert of(types["pg"], *COUNTS, "organizations") == [5, 3, 3, 0, 2, 2, 0, 3]
    assert of(types["sf"], *COUNTS, "organizations") == [3, 2, 1, 2, 0, 2, 0, 3]
    for row in types.values():
        assert of(row, *COMPLETENESS) == [3, 3, NOW - timedelta(hours=3), True]
        assert all(row[name] == row[f"strict_{name}"] for name in numbers(row))


async def test_health_of_each_organization(fleet: Stored) -> None:
    await fleet.connection.execute(
        "update ledger.organizations set tags = $1 where organization = 'acme'",
        '{"team": "growth"}',
    )

    health = await fleet.health()

    assert of(health["owner"], *COUNTS) == [2, 2, 1, 1, 0, 0, 0]
    assert of(health["acme"], *COUNTS) == [3, 3, 2, 0, 1, 2, 0]
    assert of(health["globex"], *COUNTS) == [3, 3, 1, 1, 1, 2, 0]
    assert health["acme"]["tags"] == '{"team": "growth"}'
    assert of(health["acme"], "status", *COMPLETENESS) == [
        "complete",
        1,
        1,
        NOW - timedelta(hours=3),
        True,
    ]
    passed = (datetime.now(UTC) - NOW).total_seconds()
    assert health["owner"]["age_seconds"] == pytest.approx(passed, abs=60)
    fleet_row = await fleet.fleet()
    for name in set(COUNTS) - {"distinct_connections"}:
        assert sum(row[name] for row in health.values()) == fleet_row[name]


async def test_since_when_the_connection_that_is_unhealthy_longest_is(fleet: Stored) -> None:
    """Since it was last healthy, through whatever kinds of unhealthy and renamings since."""
    await fleet.connections("owner", sf_2="unhealthy")
    for key, days, status in [
        ("sf_1", 5, "Healthy"),
        ("sf_1", 4, "unhealthy"),
        ("sf_1", 3, "error"),
        ("sf_2", 2, "healthy"),
    ]:
        await fleet.connection.execute(
            "insert into inventory.history values ('connections', $1, 'owner', $2, $3, $4,"
            " 'updated', null, $3, 1, jsonb_build_object('status', $5::text))",
            DEPLOYMENT,
            key,
            NOW - timedelta(days=days + 1),
            NOW - timedelta(days=days),
            status,
        )

    await fleet.connection.execute("select inventory.recount_summaries()")

    health = await fleet.health()

    assert health["owner"]["unhealthy_since"] == NOW - timedelta(days=5)
    assert health["globex"]["unhealthy_since"] == NOW - timedelta(days=9), "since first seen"
    assert health["acme"]["unhealthy_since"] is None


BLIND_SPOTS: dict[str, Row] = {
    "stale": {"outcome": "timeout"},
    "failed": {"outcome": "forbidden", "complete": None, "read": None},
    "partly read": {"outcome": "partial", "complete": None},
    "never tried": {"outcome": None, "complete": None, "read": None},
    "its key taken out": {"configured": False},
    "known upstream only": {
        "organization_id": None,
        "upstream_id": "elsewhere",
        "outcome": "unauthorized",
        "complete": None,
        "read": None,
        "discovered_since": NOW,
    },
}


@pytest.mark.parametrize("kind", BLIND_SPOTS)
async def test_one_organization_that_is_not_complete_leaves_no_strict_number(
    fleet: Stored, kind: str
) -> None:
    before = await fleet.fleet()

    await fleet.organization("elsewhere", **BLIND_SPOTS[kind])

    complete = BLIND_SPOTS[kind].get("complete", NOW)
    oldest = complete and NOW - timedelta(hours=3)
    row = await fleet.fleet()
    assert of(row, *COMPLETENESS) == [4, 3, oldest, False]
    assert of(row, *numbers(row)) == of(before, *numbers(row)), "what is known stays known"
    for each in (row, *(await fleet.types()).values(), (await fleet.health())["elsewhere"]):
        assert each["is_complete"] is False
        assert not [name for name in numbers(each) if each[f"strict_{name}"] is not None]
    assert (await fleet.health())["acme"]["strict_connections"] == 3


NOT_EXPECTED: dict[str, Row] = {
    "disabled": {"enabled": False},
    "gone upstream": {"configured": False, "gone_upstream_since": NOW + timedelta(hours=1)},
}


@pytest.mark.parametrize("kind", NOT_EXPECTED)
async def test_who_is_not_expected_is_in_no_number_and_hinders_no_completeness(
    fleet: Stored, kind: str
) -> None:
    before = await fleet.fleet()

    await fleet.organization("elsewhere", outcome="timeout", complete=None, **NOT_EXPECTED[kind])
    await fleet.connections("elsewhere", pg_30="unhealthy", other_1=None)

    after = await fleet.fleet()
    assert of(after, *COMPLETENESS, *numbers(after)) == of(before, *COMPLETENESS, *numbers(after))
    assert of(after, "organizations_disabled", "organizations_gone_upstream") == [
        int(kind == "disabled"),
        int(kind == "gone upstream"),
    ]
    assert set(await fleet.types()) == {"pg", "sf"}
    row = (await fleet.health())["elsewhere"]
    assert of(row, *COMPLETENESS) == [0, 0, None, False]
    assert [row[name] for name in numbers(row)] == [None] * len(numbers(row))
    [shown] = [
        each for each in await fleet.read("organizations") if each["organization"] == "elsewhere"
    ]
    assert of(shown, "connections", "is_expected") == [2, False], "what is stored is still shown"
    for view in ("connections", "unhealthy_connections", "blast_radius"):
        rows = await fleet.read(view)
        assert {each["organization"] for each in rows if not each["is_expected"]} == {"elsewhere"}
        if view != "connections":
            counted = [each for each in rows if each["is_expected"]]
            assert len(counted) == after["unhealthy_connections"], view


async def test_connections_are_as_complete_as_their_reading_whatever_became_of_the_rest(
    fleet: Stored,
) -> None:
    before = (await fleet.health())["acme"]
    await fleet.connection.execute(
        "insert into ledger.scopes (organization, resource, last_attempt_at, last_outcome)"
        " values ('acme', 'another', $1, 'timeout')",
        NOW,
    )
    row = (await fleet.health())["acme"]
    assert of(row, "status", "oldest_observed_at") == of(before, "status", "oldest_observed_at")
    [whole] = await fleet.connection.fetch(
        "select status, last_complete_at, last_outcome, resources_not_complete"
        " from reporting.organizations where organization = 'acme'"
    )
    assert list(whole) == ["failed", None, "timeout", ["another"]]


async def test_a_copy_of_a_connection_that_is_in_no_number_counts_as_one(fleet: Stored) -> None:
    await fleet.organization("off", enabled=False)
    await fleet.connections("off", pg_40="healthy")
    await fleet.add("acme", "pg_41", parent="pg_40")
    await fleet.add("globex", "pg_42", parent="pg_40")

    assert of(await fleet.fleet(), "connections", "distinct_connections") == [10, 6]


async def test_an_empty_fleet_is_no_complete_picture(stored: Stored) -> None:
    row = await stored.fleet()
    assert of(row, *COMPLETENESS) == [0, 0, None, False]
    assert [row[name] for name in numbers(row)] == [None] * len(numbers(row))
    assert await stored.types() == {}


async def test_what_was_never_read_is_unknown_and_not_zero(stored: Stored) -> None:
    await stored.organization("new", outcome=None, complete=None, read=None)
    for row in await stored.everything():
        assert [row[name] for name in numbers(row)] == [None] * len(numbers(row))


async def test_an_organization_without_connections_counts_zero(stored: Stored) -> None:
    await stored.organization("quiet")
    for row in await stored.everything():
        assert {row[f"strict_{name}"] for name in numbers(row)} == {0}


async def test_parents_that_go_round_in_circles_end_no_view_and_count_each(
    fleet: Stored,
) -> None:
    """Fault D12: a copy of itself, two of each other, and one that hangs on them."""
    await fleet.add("acme", "x_1", parent="x_1")
    await fleet.add("acme", "x_2", parent="x_3")
    await fleet.add("globex", "x_3", parent="x_2")
    await fleet.add("globex", "x_4", parent="x_3")

    assert of(await fleet.fleet(), "connections", "distinct_connections") == [12, 8]
    assert of((await fleet.types())["x"], "connections", "distinct_connections") == [4, 3]


async def test_one_id_in_two_organizations_confuses_no_chain(fleet: Stored) -> None:
    """Faults D7, D12: twice a copy, of two parents, one of which is a copy of it in turn."""
    await fleet.add("acme", "y_1", parent="y_2")
    await fleet.add("globex", "y_1", parent="pg_1")
    await fleet.add("globex", "y_2", parent="y_1")

    assert of(await fleet.fleet(), "connections", "distinct_connections") == [11, 5]


async def test_a_chain_of_copies_is_followed_to_its_root_however_long_it_is(
    fleet: Stored,
) -> None:
    """Fault D12: in seconds, also where no statistics tell the planner of it."""
    await fleet.connection.execute(
        "insert into inventory.connections (deployment, organization_id, id, type_id, status,"
        " parent_connection_id, content_hash, generation) select $1, case n % 2 when 0 then 'acme'"
        " else 'globex' end, 'pg_1' || repeat('x', n), 'pg', 'healthy',"
        " 'pg_1' || repeat('x', n - 1), '', 1 from generate_series(1, 1000) n",
        DEPLOYMENT,
    )
    await fleet.connection.execute("set statement_timeout = '10s'")

    assert of(await fleet.fleet(), "connections", "distinct_connections") == [1008, 5]
    assert len(await fleet.health()) == 3
