"""What nobody needs, and what needs something that is gone: how sure we are of either."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.stored import USERS_OF_CONNECTIONS, Row, Stored, by, share_a_warehouse, stored

LONG_AGO = timedelta(hours=27)


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[Stored]:
    async with stored(database_url) as ready:
        await share_a_warehouse(ready)
        yield ready


async def unused(world: Stored) -> dict[str, Row]:
    return by(await world.read("unused_connections"), "connection_id")


async def test_a_connection_is_unused_where_neither_it_nor_a_copy_is_needed(world: Stored) -> None:
    assert set(await unused(world)) == {"idle"}
    await world.connection.execute("delete from inventory.bulk_syncs where id = 'bulk_globex'")
    assert set(await unused(world)) == {"idle", "copy_g"}
    await world.connection.execute("delete from inventory.bulk_syncs")
    assert set(await unused(world)) == {"idle", "copy_g"}, "a model reads it through copy_a"
    await world.connection.execute("delete from inventory.models")
    found = await unused(world)
    assert set(found) == {"idle", "copy_g", "copy_a", "warehouse", "enricher"}
    assert {name: row["copies"] for name, row in found.items() if row["copies"]} == {
        "warehouse": 2,
        "copy_a": 1,
    }


async def test_what_was_read_lately_is_certainly_unused(world: Stored) -> None:
    [row] = (await unused(world)).values()
    assert (row["organization"], row["connection_id"]) == ("acme", "idle")
    assert (row["is_certain"], row["not_looked"]) == (True, None)


@pytest.mark.parametrize("resource", USERS_OF_CONNECTIONS)
async def test_nothing_is_unused_where_nobody_ever_looked(world: Stored, resource: str) -> None:
    await world.connection.execute(
        "delete from ledger.scopes where organization = 'acme' and resource = $1", resource
    )
    assert await unused(world) == {}


@pytest.mark.parametrize("resource", USERS_OF_CONNECTIONS)
async def test_it_is_uncertain_where_nobody_looked_lately(world: Stored, resource: str) -> None:
    await world.connection.execute(
        "update ledger.scopes set last_complete_at = now() - $2::interval"
        " where organization = 'acme' and resource = $1",
        resource,
        LONG_AGO,
    )
    row = (await unused(world))["idle"]
    assert (row["is_certain"], row["not_looked"]) == (False, [f"acme: {resource}"])


async def test_it_is_uncertain_where_a_copy_may_be_used_unseen(world: Stored) -> None:
    """In an organization that we read, in one we never read, and in one we do not even know."""
    await world.connection_of("owner", "spare")
    await world.organization(
        "hidden", organization_id=None, upstream_id="hidden-id", is_listed=True
    )
    for copy, organization in (("s1", "hidden-id"), ("s2", "nobody")):
        await world.add(
            "shared_connections",
            "owner",
            copy,
            parent_connection_id="spare",
            child_organization_id=organization,
        )
    await world.look("owner", "shared_connections")
    row = (await unused(world))["spare"]
    assert row["copies"] == 2
    assert not row["is_certain"]
    places = ("hidden", "nobody")
    assert row["not_looked"] == [
        f"{place}: {resource}" for place in places for resource in USERS_OF_CONNECTIONS
    ]


async def test_copies_in_organizations_that_were_not_read_leave_a_doubt(world: Stored) -> None:
    """Until the organization itself says what it shares with whom."""
    await world.organization("silent", "connections", age=LONG_AGO)
    row = (await unused(world))["idle"]
    assert (row["is_certain"], row["not_looked"]) == (False, ["acme: shared_connections"])
    await world.look("acme", "shared_connections")
    row = (await unused(world))["idle"]
    assert row["is_certain"]


async def test_a_sync_whose_connection_was_removed_is_an_orphan(world: Stored) -> None:
    assert await world.read("orphan_syncs") == []
    removed_at = await world.remove("connections", "acme", "copy_a")
    found = by(await world.read("orphan_syncs"), "sync_id")
    assert set(found) == {"bulk_acme", "push"}
    assert {row["reason"] for row in found.values()} == {"removed"}
    row = found["push"]
    assert (row["missing_kind"], row["missing_id"], row["missing_name"]) == (
        "connection",
        "copy_a",
        "COPY_A",
    )
    assert (row["via"], row["model_id"], row["removed_at"]) == ("model", "leads", removed_at)
    assert found["bulk_acme"]["model_id"] is None


async def test_a_sync_of_a_connection_that_nobody_saw_is_an_orphan_where_we_looked(
    world: Stored,
) -> None:
    for name in ("acme", "globex"):
        await world.add("bulk_syncs", name, f"lost_{name}", source_connection_id="ghost")
    await world.connection.execute(
        "update ledger.scopes set last_complete_at = null"
        " where organization = 'globex' and resource = 'connections'"
    )
    found = by(await world.read("orphan_syncs"), "sync_id")
    assert {key: (row["reason"], row["missing_id"]) for key, row in found.items()} == {
        "lost_acme": ("never_seen", "ghost"),
        "lost_globex": ("not_looked", "ghost"),
    }


async def test_a_model_sync_without_its_model_is_an_orphan(world: Stored) -> None:
    await world.add(
        "model_syncs", "acme", "lost", model_ids=["unheard_of", "leads"], target_connection_id=""
    )
    await world.remove("models", "acme", "leads")
    found = by(await world.read("orphan_syncs"), "sync_id", "missing_id")
    assert {key: (row["missing_kind"], row["reason"]) for key, row in found.items()} == {
        ("lost", "leads"): ("model", "removed"),
        ("lost", "unheard_of"): ("model", "never_seen"),
        ("push", "leads"): ("model", "removed"),
    }


async def test_what_reports_api_calls_is_not_surely_unused(world: Stored) -> None:
    assert (await unused(world))["idle"]["is_certain"]
    await world.reading(
        "connections", "acme", "idle", api_calls_last_24_hours=7, rate_limit_reported=False
    )
    assert not (await unused(world))["idle"]["is_certain"]
