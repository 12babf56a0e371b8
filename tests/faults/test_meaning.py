"""Faults D: what the data means; two or three runs of a small fleet each."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from tests.faults.conftest import OpenWorld
from tests.faults.world import Row, World
from tests.simulator import Fault, Fleet
from tests.simulator.fleet import Organization

LIST = "/api/connections"


def ids(organization: Organization) -> set[str]:
    return {connection["id"] for connection in organization.connections}


def counts(row: Row, *names: str) -> list[int]:
    return [row[name] for name in names]


async def stored(world: World, organization: str = "acme-01") -> dict[str, Row]:
    return (await world.connections())[organization]


async def test_an_empty_answer_is_held_until_another_agrees(open_world: OpenWorld) -> None:
    """Fault D1: rows kept and flagged, then gone by their own 404 each."""
    async with open_world(Fleet(2, 4)) as world:
        await world.sync()
        world.fleet["acme-01"].connections = []
        ran = await world.sync()
        assert counts(ran.scopes["acme-01"], "withheld", "removed") == [4, 0]
        assert ran.exit_code == 5
        rows = (await stored(world)).values()
        assert [row["withheld_reason"] for row in rows] == 4 * ["the answer is empty"]
        ran = await world.sync()
        assert counts(ran.scopes["acme-01"], "withheld", "removed") == [0, 4]
        assert ran.exit_code == 0
        assert await stored(world) == {}
        history = await world.query(
            "select change from reporting.connection_history where organization = 'acme-01'"
        )
        assert sorted(row["change"] for row in history) == 4 * ["created"] + 4 * ["removed"]


async def test_a_fleet_that_goes_empty_loses_nothing(open_world: OpenWorld) -> None:
    """Fault D1: an incident of the API; a failure between them agrees with nobody."""
    async with open_world(Fleet(12, 3)) as world:
        await world.sync()
        before = await world.connections()
        world.fleet.faults = [Fault(path=LIST, body={"data": []})]
        assert (await world.sync()).exit_code == 5
        world.fleet.faults = [Fault(path=LIST, status=404)]
        assert (await world.sync()).exit_code == 4
        world.fleet.faults = [Fault(path=LIST, body={"data": []})]
        ran = await world.sync()
        assert ran.exit_code == 5
        assert ran.account["resources"]["connections"]["withheld"] == 36
        world.fleet.faults = []
        ran = await world.sync()
        assert ran.exit_code == 0
        assert await world.connections() == before


async def test_many_missing_rows_are_withheld_and_new_ones_stored(open_world: OpenWorld) -> None:
    """Fault D1: more than a tenth and more than ten; additions and changes still applied."""
    async with open_world(Fleet(1, 40)) as world:
        await world.sync()
        organization = world.fleet["acme-01"]
        new = {**deepcopy(organization.connections[0]), "id": "new", "name": "new"}
        organization.connections[:11] = [new]
        organization.connections[1]["name"] = "renamed"
        ran = await world.sync()
        assert counts(ran.scopes["acme-01"], "withheld", "removed", "created", "updated") == [
            11,
            0,
            1,
            1,
        ]
        assert ran.exit_code == 5
        rows = await stored(world)
        assert len(rows) == 41
        assert sum(row["withheld_reason"] is not None for row in rows.values()) == 11


async def test_few_missing_rows_are_removed_at_once(open_world: OpenWorld) -> None:
    """Fault D1: both limits must be passed to withhold."""
    async with open_world(Fleet(1, 40)) as world:
        await world.sync()
        del world.fleet["acme-01"].connections[:10]
        ran = await world.sync()
        assert counts(ran.scopes["acme-01"], "withheld", "removed") == [0, 10]
        assert ran.exit_code == 0
        assert (await stored(world)).keys() == ids(world.fleet["acme-01"])


async def test_a_person_can_let_withheld_rows_go(open_world: OpenWorld) -> None:
    """Fault D2."""
    async with open_world(Fleet(1, 40)) as world:
        await world.sync()
        del world.fleet["acme-01"].connections[:30]
        assert (await world.sync()).exit_code == 5
        ran = await world.sync("--accept-removals")
        assert counts(ran.scopes["acme-01"], "withheld", "removed") == [0, 30]
        assert ran.exit_code == 0
        assert (await stored(world)).keys() == ids(world.fleet["acme-01"])


@pytest.mark.parametrize(
    "identity",
    [
        {"role": "viewer"},
        {"credential": {"method": "api_key", "mode": "limited"}},
        {"credential": {"mode": "full", "api_key_profile": {"id": "p1"}}},
    ],
)
async def test_a_key_with_other_rights_retires_nothing(
    open_world: OpenWorld, identity: Row
) -> None:
    """Fault D3: a list that is shorter because the key sees less."""
    async with open_world(Fleet(1, 4)) as world:
        await world.sync()
        before = await stored(world)
        world.fleet["acme-01"].identity = identity
        del world.fleet["acme-01"].connections[0]
        ran = await world.sync()
        assert counts(ran.scopes["acme-01"], "withheld", "removed") == [1, 0]
        assert ran.exit_code == 5
        assert (await stored(world)).keys() == before.keys()
        ran = await world.sync()
        assert counts(ran.scopes["acme-01"], "withheld", "removed") == [1, 0], (
            "one run later the rights are those of the last run, and nothing is proven by that"
        )
        assert (await stored(world)).keys() == before.keys()


async def test_a_row_missed_by_one_walk_comes_back_with_its_past(open_world: OpenWorld) -> None:
    """Faults D4, D5: removed once and back, it is restored, seen first when it was."""
    async with open_world(Fleet(1, 4)) as world:
        await world.sync()
        organization = world.fleet["acme-01"]
        missed = organization.connections.pop(0)
        first = await world.query(
            "select first_seen_at from reporting.connections where connection_id = $1", missed["id"]
        )
        assert (await world.sync()).scopes["acme-01"]["removed"] == 1
        organization.connections.append(missed)
        ran = await world.sync()
        assert counts(ran.scopes["acme-01"], "restored", "created") == [1, 0]
        again = await world.query(
            "select first_seen_at from reporting.connections where connection_id = $1", missed["id"]
        )
        assert again == first
        history = await world.query(
            "select change from reporting.connection_history where connection_id = $1"
            " order by valid_from, change",
            missed["id"],
        )
        assert [row["change"] for row in history] == ["created", "removed", "restored"]


async def test_an_id_that_comes_twice_is_one_row(open_world: OpenWorld) -> None:
    """Fault D6: equal is silent; different is told, and the last one wins."""
    async with open_world(Fleet(2, 2)) as world:
        equal, different = world.fleet["acme-01"], world.fleet["acme-02"]
        equal.connections.append(deepcopy(equal.connections[0]))
        different.connections.append({**deepcopy(different.connections[0]), "name": "the last"})
        ran = await world.sync()
        assert ran.exit_code == 0
        assert [line["organization"] for line in ran.events("records.conflicting")] == ["acme-02"]
        found = await world.connections()
        assert [len(found["acme-01"]), len(found["acme-02"])] == [2, 2]
        assert found["acme-02"][different.connections[0]["id"]]["name"] == "the last"
        assert ran.account["resources"]["connections"]["created"] == 4


async def test_one_id_in_two_organizations_is_two_rows(open_world: OpenWorld) -> None:
    """Fault D7."""
    async with open_world(Fleet(2, 2)) as world:
        for organization in world.fleet:
            organization.connections[0] |= {"id": "same", "name": organization.name}
        await world.sync()
        found = await world.connections()
        for name in ("acme-01", "acme-02"):
            assert found[name]["same"]["name"] == name
        del world.fleet["acme-02"].connections[0]
        await world.sync()
        assert "same" in await stored(world, "acme-01")
        assert "same" not in await stored(world, "acme-02")


async def test_a_moved_connection_leaves_by_the_word_of_its_old_home(
    open_world: OpenWorld,
) -> None:
    """Fault D8."""
    async with open_world(Fleet(2, 3)) as world:
        await world.sync()
        old, new = world.fleet["acme-01"], world.fleet["acme-02"]
        moved = old.connections.pop(0)
        new.connections.append({**moved, "organization_id": new.id})
        old.faults = [Fault(path=LIST, status=404)]
        await world.sync()
        assert moved["id"] in await stored(world, "acme-01")
        assert moved["id"] in await stored(world, "acme-02")
        old.faults = []
        await world.sync()
        assert moved["id"] not in await stored(world, "acme-01")
        assert moved["id"] in await stored(world, "acme-02")


@pytest.mark.parametrize("known", [True, False])
async def test_a_row_of_another_organization_spoils_the_answer(
    open_world: OpenWorld, *, known: bool
) -> None:
    """Fault D9: it is quarantined, and nothing of the answer is stored or retired."""
    async with open_world(Fleet(2, 4)) as world:
        if known:
            await world.sync()
        before = await world.connections()
        organization, other = world.fleet["acme-01"], world.fleet["acme-02"]
        foreign = organization.connections[0]
        foreign["organization_id"] = other.id
        foreign["configuration"] = {"host": "canary.example"}
        del organization.connections[-1]
        ran = await world.sync()
        assert ran.outcomes == {"acme-01": "org_mismatch", "acme-02": "complete"}
        assert (await world.connections())["acme-01"] == before["acme-01"]
        rejected = await world.query("select * from reporting.rejected_records")
        assert [(row["organization"], row["record_id"]) for row in rejected] == [
            ("acme-01", foreign["id"])
        ]
        assert "canary.example" not in await world.everything_stored()


async def test_parents_that_dangle_or_form_a_circle_are_stored(open_world: OpenWorld) -> None:
    """Fault D12: and every view can still be read."""
    async with open_world(Fleet(1, 3)) as world:
        one, two, three = world.fleet["acme-01"].connections
        one["parent_connection_id"], two["parent_connection_id"] = two["id"], one["id"]
        three["parent_connection_id"] = "nobody"
        assert (await world.sync()).exit_code == 0
        parents = {
            row["connection_id"]: row["parent_connection_id"]
            for row in (await stored(world)).values()
        }
        assert parents == {one["id"]: two["id"], two["id"]: one["id"], three["id"]: "nobody"}
        for view in await world.query(
            "select table_name as name from information_schema.views"
            " where table_schema = 'reporting'"
        ):
            await world.query(f"select * from reporting.{view['name']}")  # noqa: S608 - our views


async def test_readings_make_no_history_and_rewrite_no_row(open_world: OpenWorld) -> None:
    """Fault D13."""
    versions = "select xmin::text, ctid::text, id from inventory.connections order by id"
    async with open_world(Fleet(1, 5)) as world:
        await world.sync()
        before = await world.query(versions)
        for number, connection in enumerate(world.fleet["acme-01"].connections):
            connection["api_calls_last_24_hours"] = 1000 + number
            connection["rate_limit"] = {"currently_limited": True}
        ran = await world.sync()
        assert counts(ran.scopes["acme-01"], "created", "updated", "unchanged") == [0, 0, 5]
        assert await world.query(versions) == before
        assert await world.query("select * from inventory.history") == []
        rows = (await stored(world)).values()
        assert sorted(row["api_calls_last_24_hours"] for row in rows) == list(range(1000, 1005))
        assert all(row["rate_limited"] for row in rows)


async def test_a_clock_that_runs_backward_upstream_decides_nothing(open_world: OpenWorld) -> None:
    """Fault D14: our own runs order the versions."""
    async with open_world(Fleet(1, 1)) as world:
        (connection,) = world.fleet["acme-01"].connections
        for year in (2030, 2020, 2025, 1970):
            connection["updated_at"] = f"{year}-01-01T00:00:00Z"
            await world.sync()
        history = await world.query(
            "select updated_at from reporting.connection_history order by valid_from"
        )
        assert [row["updated_at"].year for row in history] == [2030, 2020, 2025, 1970]
        (row,) = (await stored(world)).values()
        assert row["updated_at"].year == 1970


async def test_an_older_run_writes_nothing_over_a_newer_one(open_world: OpenWorld) -> None:
    """Fault D15: refused by generation, and told as deferred."""
    async with open_world(Fleet(2, 2)) as world:
        await world.sync()
        before = await world.connections()
        await world.query(
            "update ledger.scopes set generation = generation + 1000 where organization = 'acme-01'"
        )
        for organization in world.fleet:
            organization.connections[0]["name"] = "late"
            organization.connections.pop()
        ran = await world.sync()
        assert ran.outcomes == {"acme-01": "deferred", "acme-02": "complete"}
        assert counts(ran.scopes["acme-01"], "seen", "updated", "removed") == [0, 0, 0]
        after = await world.connections()
        assert after["acme-01"] == before["acme-01"]
        assert {row["name"] for row in after["acme-02"].values()} == {"late"}


CANARIES: dict[str, Any] = {
    "new_secret": "canary-1",
    "novelty": "canary-2",
    "nested": {"deeper": [{"access_token": "canary-3"}, "canary-4"]},
    "url": "https://user:canary-5@db.example/?token=canary-6",
    "canary-7-0a1b2c3d4e5f60718293a4b5c6d7e8f9": 1,
}


@pytest.mark.parametrize("place", ["record", "configuration", "type", "created_by", "rate_limit"])
async def test_a_secret_in_a_field_nobody_knows_is_stored_nowhere(
    open_world: OpenWorld, place: str
) -> None:
    """Fault D16: neither in a table nor in a log, nor where the record is rejected."""
    async with open_world(Fleet(1, 2)) as world:
        for connection in world.fleet["acme-01"].connections:
            connection.setdefault("rate_limit", {})
            target = connection if place == "record" else connection[place]
            if target is None:
                target = connection[place] = {}
            target |= CANARIES
        del world.fleet["acme-01"].connections[1]["id"]
        ran = await world.sync(LOG_LEVEL="debug")
        assert ran.outcomes == {"acme-01": "partial"}
        assert ran.scopes["acme-01"]["rejected"] == 1
        shown = await world.everything_stored() + ran.stderr + json.dumps(ran.account)
        assert "canary-" not in shown
