"""Who shares what: copies of connections, and endpoints that several organizations use."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.stored import Row, Stored, by, stored


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[Stored]:
    """``owner`` shares ``pg`` with ``acme``, as both say, and with ``hidden``, which has no key;
    ``acme`` also has a copy of a connection that nobody knows.
    """
    async with stored(database_url) as ready:
        await ready.organization("owner", "connections", "shared_connections")
        await ready.organization("acme", "connections")
        await ready.organization(
            "hidden",
            organization_id=None,
            upstream_id="hidden-id",
            is_listed=True,
            configured=False,
        )
        await ready.connection_of("owner", "pg", status="unhealthy", endpoint="db.example")
        await ready.connection_of(
            "acme", "pg_copy", parent_connection_id="pg", endpoint="db.example"
        )
        await ready.connection_of("acme", "stray", parent_connection_id="ghost")
        for copy, child in (("pg_copy", "acme"), ("pg_hidden", "hidden-id")):
            await ready.add(
                "shared_connections",
                "owner",
                copy,
                name=copy,
                parent_connection_id="pg",
                child_organization_id=child,
                status="healthy",
            )
        yield ready


async def copies(world: Stored) -> dict[str, Row]:
    return by(await world.read("shared_connections"), "shared_connection_id")


async def endpoints(world: Stored) -> dict[str, Row]:
    return by(await world.read("same_endpoint"), "endpoint")


async def test_each_copy_is_one_row_with_both_its_organizations(world: Stored) -> None:
    found = await copies(world)
    assert {
        key: (row["organization"], row["child_organization"], row["source"])
        for key, row in found.items()
    } == {
        "pg_copy": ("owner", "acme", ["connections", "shared_connections"]),
        "pg_hidden": ("owner", "hidden", ["shared_connections"]),
        "stray": (None, "acme", ["connections"]),
    }
    assert {key: row["child_has_key"] for key, row in found.items()} == {
        "pg_copy": True,
        "pg_hidden": False,
        "stray": True,
    }
    assert found["pg_hidden"]["child_organization_id"] == "hidden-id"


async def test_the_health_that_counts_is_the_parents(world: Stored) -> None:
    found = await copies(world)
    assert {key: (row["parent_is_healthy"], row["is_healthy"]) for key, row in found.items()} == {
        "pg_copy": (False, True),
        "pg_hidden": (False, True),
        "stray": (None, True),
    }
    assert (found["pg_hidden"]["parent_status"], found["pg_hidden"]["parent_name"]) == (
        "unhealthy",
        "PG",
    )


async def test_its_own_organization_knows_a_copy_better(world: Stored) -> None:
    row = (await copies(world))["pg_copy"]
    assert row["name"] == "PG_COPY"
    assert row["last_seen_at"] is not None
    await world.connection.execute("delete from inventory.connections where id = 'pg_copy'")
    row = (await copies(world))["pg_copy"]
    assert (row["name"], row["source"]) == ("pg_copy", ["shared_connections"])


async def test_a_copy_in_an_organization_that_nobody_knows_is_found(world: Stored) -> None:
    await world.add(
        "shared_connections",
        "owner",
        "far",
        parent_connection_id="pg",
        child_organization_id="unheard-of",
    )
    row = (await copies(world))["far"]
    assert (row["child_organization"], row["child_has_key"]) == (None, False)
    assert row["is_healthy"] is None


async def test_one_that_is_its_own_parent_is_no_copy(world: Stored) -> None:
    await world.connection_of("acme", "self", parent_connection_id="self")
    assert "self" not in await copies(world)


async def test_copies_of_one_connection_are_not_the_same_endpoint_by_themselves(
    world: Stored,
) -> None:
    assert await endpoints(world) == {}
    await world.connection_of("owner", "pg_2", endpoint="db.example")
    assert await endpoints(world) == {}, "two connections, but of one organization"
    await world.connection_of("acme", "own", endpoint="DB.example")
    [row] = (await endpoints(world)).values()
    assert (row["endpoint"], row["organizations"]) == ("db.example", ["acme", "owner"])
    assert (row["connections"], row["distinct_connections"]) == (4, 3)


async def test_a_copy_of_an_unknown_connection_points_to_somebody_elses(world: Stored) -> None:
    await world.connection.execute(
        "update inventory.connections set endpoint = 'x' where id = 'stray'"
    )
    assert await endpoints(world) == {}
    await world.connection_of("acme", "own", endpoint="x")
    assert (await endpoints(world))["x"]["distinct_connections"] == 2


async def test_an_endpoint_is_the_same_within_a_type_however_it_is_spelled(world: Stored) -> None:
    for name, kind in (("owner", "sageintacct"), ("acme", "sage_intacct"), ("acme", "s3")):
        await world.connection_of(name, f"{name}_{kind}", type_id=kind, endpoint="books")
    await world.connection_of("owner", "bucket", type_id="gcs", endpoint="books")
    [row] = (await endpoints(world)).values()
    assert row["type_ids"] == ["sage_intacct", "sageintacct"]


@pytest.mark.parametrize(
    "endpoint",
    ["", "localhost", "db.localhost", "127.0.0.1", "127.9.0.1", "::1", "[::1]", "0.0.0.0"],  # noqa: S104
)
async def test_this_machine_is_another_for_each_organization(world: Stored, endpoint: str) -> None:
    for name in ("owner", "acme"):
        await world.connection_of(name, f"{name}_1", type_id="mysql", endpoint=endpoint)
    assert await endpoints(world) == {}


async def test_one_host_of_two_deployments_is_two(world: Stored) -> None:
    await world.organization("elsewhere", deployment="other.example")
    await world.add(
        "connections", "elsewhere", "pg", endpoint="db.example", deployment="other.example"
    )
    assert await endpoints(world) == {}
