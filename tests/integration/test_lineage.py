"""Who needs which connection, and what breaks with it: known fleets, read as BI reads them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.resources import RESOURCES
from tests.simulator import demo_fleet
from tests.stored import READ, Row, Stored, by, share_a_warehouse, stored
from tests.syncing import syncing


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[Stored]:
    async with stored(database_url) as ready:
        await share_a_warehouse(ready)
        yield ready


async def dependents(world: Stored, connection: str) -> dict[str, Row]:
    rows = await world.read("connection_dependents")
    return by([row for row in rows if row["connection_id"] == connection], "dependent_id")


async def blast(world: Stored) -> dict[str, Row]:
    return by(await world.read("blast_radius"), "connection_id")


async def unused(world: Stored) -> dict[str, Row]:
    return by(await world.read("unused_connections"), "connection_id")


async def test_a_shared_connection_is_needed_wherever_a_copy_of_it_is(world: Stored) -> None:
    found = await dependents(world, "warehouse")
    assert set(found) == {"bulk_owner", "bulk_acme", "bulk_globex", "leads", "push"}
    assert {row["organization"] for row in found.values()} == {"owner"}
    own, far = found["bulk_owner"], found["bulk_globex"]
    assert (own["is_direct"], own["through_connection_id"]) == (True, None)
    assert (own["via"], own["path"]) == (
        ["destination"],
        ["connection:warehouse", "bulk_sync:bulk_owner"],
    )
    assert (far["is_direct"], far["through_connection_id"]) == (False, "copy_g")
    assert (far["dependent_organization"], far["active"]) == ("globex", False)
    assert far["via"] == ["destination", "shared_copy"]
    assert far["path"] == [
        "connection:warehouse",
        "shared_connection:copy_a",
        "shared_connection:copy_g",
        "bulk_sync:bulk_globex",
    ]
    assert set(await dependents(world, "copy_g")) == {"bulk_globex"}


async def test_a_model_sync_needs_what_its_models_need_and_what_it_waits_for(world: Stored) -> None:
    roles = {
        name: (await dependents(world, name))["push"]["via"]
        for name in ("crm", "dbt", "enricher", "copy_a")
    }
    assert roles == {
        "crm": ["target"],
        "dbt": ["schedule"],
        "enricher": ["enricher"],
        "copy_a": ["model"],
    }
    row = (await dependents(world, "enricher"))["push"]
    assert row["path"] == ["connection:enricher", "model:leads", "model_sync:push"]
    assert (row["is_direct"], row["dependent_name"], row["schedule"]) == (False, "Push", "dbtcloud")
    assert (await dependents(world, "enricher"))["leads"]["is_direct"]


async def test_one_that_is_needed_in_several_ways_is_one_row(world: Stored) -> None:
    await world.add(
        "bulk_syncs",
        "acme",
        "loop",
        source_connection_id="crm",
        destination_connection_id="crm",
    )
    assert (await dependents(world, "crm"))["loop"]["via"] == ["destination", "source"]


async def test_one_id_in_two_organizations_is_two_connections(world: Stored) -> None:
    await world.connection_of("globex", "crm")
    rows = [
        row for row in await world.read("connection_dependents") if row["connection_id"] == "crm"
    ]
    assert [row["organization"] for row in rows] == ["acme"]
    await world.add("bulk_syncs", "globex", "other", source_connection_id="crm")
    assert {
        row["dependent_id"]
        for row in await world.read("connection_dependents")
        if (row["connection_id"], row["organization"]) == ("crm", "globex")
    } == {"other"}


async def test_a_broken_shared_connection_affects_all_organizations_that_have_a_copy(
    world: Stored,
) -> None:
    at = datetime(2026, 11, 24, 6, tzinfo=UTC)
    await world.reading("bulk_syncs", "owner", "bulk_owner", next_execution_at=at)
    await world.reading(
        "bulk_syncs", "acme", "bulk_acme", next_execution_at=at - timedelta(hours=1)
    )
    await world.reading(
        "bulk_syncs", "globex", "bulk_globex", next_execution_at=at - timedelta(hours=2)
    )
    await world.look("owner", "shared_connections")

    [row] = await world.read("blast_radius")

    assert (row["organization"], row["connection_id"]) == ("owner", "warehouse")
    assert (row["status"], row["status_error"], row["is_shared"]) == ("unhealthy", "down", False)
    assert row["status_since"] is not None
    assert row["root_connection_id"] is None
    assert (row["copies"], row["copy_organizations"]) == (2, ["acme", "globex"])
    assert (row["affected_organizations"], row["organizations"]) == (3, ["acme", "globex", "owner"])
    assert (row["affected_bulk_syncs"], row["affected_active_bulk_syncs"]) == (3, 2)
    assert (row["affected_model_syncs"], row["affected_active_model_syncs"]) == (1, 1)
    assert (row["affected_models"], row["affected_downstream_syncs"]) == (1, 0)
    assert row["schedules"] == ["daily", "dbtcloud", "hourly"]
    assert row["next_execution_at"] == at - timedelta(hours=1), "the earlier one is switched off"
    assert (row["is_certain"], row["not_looked"]) == (True, None)


async def test_what_runs_after_an_affected_sync_is_affected_at_any_distance(world: Stored) -> None:
    async def after(key: str, **upstream: list[str]) -> None:
        await world.add("model_syncs", "acme", key, active=key != "third", **upstream)

    await after("first", runs_after_bulk_sync_ids=["bulk_acme"])
    await after("second", runs_after_sync_ids=["first", "push"])
    await after("third", runs_after_sync_ids=["second", "third"])
    await after("elsewhere", runs_after_sync_ids=["unheard_of"])
    row = (await blast(world))["warehouse"]
    assert row["affected_model_syncs"] == 1
    assert row["affected_downstream_syncs"] == 3
    assert row["affected_active_downstream_syncs"] == 2


async def test_a_broken_copy_of_a_broken_connection_names_it(world: Stored) -> None:
    await world.connection.execute("update inventory.connections set status = 'ERROR'")
    roots = {name: row["root_connection_id"] for name, row in (await blast(world)).items()}
    assert roots == {
        **dict.fromkeys(("warehouse", "crm", "enricher", "dbt", "idle")),
        "copy_a": "warehouse",
        "copy_g": "warehouse",
    }


async def test_a_broken_copy_of_a_healthy_connection_stands_for_itself(world: Stored) -> None:
    await world.connection.execute(
        "update inventory.connections"
        " set status = case id when 'copy_a' then 'error' else 'healthy' end"
    )
    [row] = await world.read("blast_radius")
    assert (row["connection_id"], row["root_connection_id"]) == ("copy_a", None)
    assert (row["is_shared"], row["affected_organizations"]) == (True, 2)


async def test_without_a_status_nothing_is_broken(world: Stored) -> None:
    await world.connection.execute(
        "update inventory.connections set status = case id when 'crm' then '' end"
    )
    assert await blast(world) == {}


@pytest.mark.parametrize(
    "parents",
    [
        {"one": "one", "two": "two", "three": "three"},
        {"one": "two", "two": "one", "three": "one"},
        {"one": "three", "two": "one", "three": "two"},
    ],
    ids=["parents of themselves", "two in a circle", "three in a circle"],
)
async def test_circles_of_parents_end(database_url: str, parents: dict[str, str]) -> None:
    """Fault D12."""
    async with stored(database_url) as world:
        for key, parent in parents.items():
            await world.organization(key, *READ)
            await world.connection_of(key, key, status="error", parent_connection_id=parent)
        await world.add("bulk_syncs", "one", "sync", source_connection_id="one")
        users = await world.read("connection_dependents")
        is_circle = len(set(parents.values())) > 1 and parents["one"] != "one"
        assert {row["connection_id"] for row in users} == (
            {"one"} | {key for key, parent in parents.items() if key in parents.values()}
            if is_circle
            else {"one"}
        )
        found = await blast(world)
        assert set(found) == set(parents)
        roots = {row["root_connection_id"] for row in found.values()}
        assert roots == ({None, "one"} if is_circle else {None})
        assert found["one"]["copies"] == (len(parents) - 1 if is_circle else 0)
        assert set(await unused(world)) == set(parents) - {row["connection_id"] for row in users}


async def test_chains_are_followed_sixteen_copies_deep(database_url: str) -> None:
    """And whatever is further away still is a use: nothing it needs is unused."""
    async with stored(database_url) as world:
        await world.organization("owner", *READ)
        for number in range(20):
            parent = f"c{number - 1}" if number else None
            await world.connection_of("owner", f"c{number}", parent_connection_id=parent)
            await world.add("bulk_syncs", "owner", f"s{number}", source_connection_id=f"c{number}")
        assert len(await dependents(world, "c0")) == 17
        await world.connection.execute("delete from inventory.bulk_syncs where id <> 's19'")
        assert await unused(world) == {}


async def test_a_blast_radius_of_what_nobody_read_is_not_zero(database_url: str) -> None:
    async with stored(database_url) as world:
        await world.organization("acme", "connections", "bulk_syncs")
        await world.connection_of("acme", "crm", status="error")
        row = (await blast(world))["crm"]
        assert row["affected_bulk_syncs"] == 0
        for name in ("model_syncs", "models", "organizations", "downstream_syncs"):
            assert row[f"affected_{name}"] is None
        assert row["not_looked"] == ["acme: model_syncs", "acme: models"]
        await world.add("model_syncs", "acme", "push", target_connection_id="crm")
        row = (await blast(world))["crm"]
        assert (row["affected_model_syncs"], row["affected_organizations"]) == (1, 1)
        assert (row["affected_models"], row["is_certain"]) == (None, False)


async def test_a_blast_radius_counts_what_the_list_of_dependents_names(database_url: str) -> None:
    """Two ways to the same numbers; where none is known, only one of them says whether any is."""
    async with syncing(database_url, demo_fleet()) as world:
        world.resources = list(RESOURCES.values())
        for organization in world.fleet:
            organization.faults = []
        await world.sync()
        rows = await world.query(
            """
            select
                b.copies, d.bulk_syncs, d.model_syncs, d.models,
                array[
                    nullif(b.affected_bulk_syncs, 0), nullif(b.affected_model_syncs, 0),
                    nullif(b.affected_models, 0), nullif(cardinality(b.organizations), 0)
                ] as counted,
                array[
                    nullif(d.bulk_syncs, 0), nullif(d.model_syncs, 0), nullif(d.models, 0),
                    nullif(d.organizations, 0)
                ] as listed
            from reporting.blast_radius b
            left join (
                select
                    organization_id, connection_id,
                    count(*) filter (where dependent_kind = 'bulk_sync') as bulk_syncs,
                    count(*) filter (where dependent_kind = 'model_sync') as model_syncs,
                    count(*) filter (where dependent_kind = 'model') as models,
                    count(distinct dependent_organization_id) as organizations
                from reporting.connection_dependents
                group by organization_id, connection_id
            ) d using (organization_id, connection_id)
            """
        )
    assert [row["counted"] for row in rows] == [row["listed"] for row in rows]
    for kind in ("bulk_syncs", "model_syncs", "models", "copies"):
        assert max(row[kind] or 0 for row in rows) > 1, kind
