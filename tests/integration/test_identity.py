"""Whose rows are these: proven once, pinned, and asked again only when something could differ."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from aggregator.model import Organization
from tests.simulator import Fault
from tests.syncing import DEPLOYMENT, Row, Syncing

OTHER_KEY = "face0000-aaaa-4000-8000-00000000000a"
ME = "/api/me"
LIST = "/api/connections"


def _asked(world: Syncing, organization: str | None = None) -> Counter[str]:
    """Requests by path since the last look."""
    seen = Counter(each.path for each in world.simulator.observed.requests(organization))
    world.simulator.observed.reset()
    return seen


async def _outcomes(world: Syncing, *names: str) -> dict[str, str]:
    scopes = await world.scopes(await world.sync(*names))
    return {name: row["outcome"] for name, row in scopes.items()}


# When /api/me is asked


async def test_identity_is_asked_at_first_use_and_then_the_rows_prove_it(world: Syncing) -> None:
    await world.sync()
    assert _asked(world) == {ME: 2, LIST: 2}

    account = await world.sync()

    assert _asked(world) == {LIST: 2}
    assert account["requests"] == 2


async def test_a_changed_answer_costs_no_further_request(world: Syncing) -> None:
    await world.sync()
    _asked(world)
    world.fleet["acme-01"].connections[0]["name"] = "renamed"

    await world.sync()

    assert _asked(world) == {LIST: 2}


async def test_identity_is_asked_again_when_rows_came(world: Syncing) -> None:
    """Their later absence is judged by the rights with which they were first seen (fault D3)."""
    await world.sync()
    _asked(world)
    added = world.fleet["acme-01"].connections[1] | {"id": "added"}
    world.fleet["acme-01"].connections.append(added)

    await world.sync()

    assert _asked(world) == {ME: 1, LIST: 2}


async def test_identity_is_asked_again_when_the_key_changed(world: Syncing) -> None:
    await world.sync()
    _asked(world)
    world.fleet.keys[OTHER_KEY] = world.fleet["acme-01"]
    world.use_key("acme-01", OTHER_KEY)

    await world.sync()
    assert _asked(world) == {ME: 1, LIST: 2}
    await world.sync()
    assert _asked(world) == {LIST: 2}


@pytest.mark.parametrize(("left", "times"), [(0, 1), (5, 2)])
async def test_identity_is_asked_again_when_rows_vanished(
    world: Syncing, left: int, times: int
) -> None:
    """And once more where one is about to be removed."""
    await world.sync()
    _asked(world)
    del world.fleet["acme-01"].connections[left:]

    await world.sync()

    asked = _asked(world)
    assert (asked[ME], asked[LIST]) == (times, 2)


@pytest.mark.parametrize("named", [None, "somebody-else"])
async def test_identity_is_asked_again_when_a_row_names_no_or_another_organization(
    world: Syncing, named: str | None
) -> None:
    await world.sync()
    _asked(world)
    world.fleet["acme-01"].connections[0]["organization_id"] = named

    await world.sync()

    assert _asked(world) == {ME: 1, LIST: 2}


async def test_identity_is_asked_once_a_day(world: Syncing) -> None:
    await world.sync()
    _asked(world)
    world.passed = timedelta(hours=23)
    await world.sync()
    assert _asked(world) == {LIST: 2}
    world.passed = timedelta(hours=25)

    await world.sync()

    assert _asked(world) == {ME: 2, LIST: 2}


async def test_identity_is_asked_again_where_the_last_time_lies_in_the_future(
    world: Syncing,
) -> None:
    """A clock that was set back must not put the daily check off."""
    await world.sync()
    _asked(world)
    world.passed = timedelta(days=-2)

    await world.sync()

    assert _asked(world) == {ME: 2, LIST: 2}


# What stops a scope before anything is written


async def test_two_keys_that_were_swapped_write_nothing(world: Syncing) -> None:
    """Fault A7."""
    await world.sync()
    before = await world.inventory_writes()
    first, second = world.fleet["acme-01"], world.fleet["acme-02"]
    world.use_key("acme-01", second.key)
    world.use_key("acme-02", first.key)

    assert await _outcomes(world) == {"acme-01": "org_mismatch", "acme-02": "org_mismatch"}

    assert await world.inventory_writes() == before
    assert (await world.organization("acme-01"))["organization_id"] == first.id


async def test_swapped_keys_are_noticed_by_the_rows_where_identity_is_refused(
    world: Syncing,
) -> None:
    """Fault A7."""
    await world.sync()
    before = await world.inventory_writes()
    world.use_key("acme-01", world.fleet["acme-02"].key)
    world.fleet["acme-02"].faults = [Fault(path=ME, status=403)]

    assert (await _outcomes(world, "acme-01")) == {"acme-01": "org_mismatch"}
    assert await world.inventory_writes() == before


async def test_a_pin_of_the_registry_that_the_key_does_not_fit_writes_nothing(
    world: Syncing,
) -> None:
    world.configure("acme-01", organization_id=world.fleet["acme-02"].id)

    assert await _outcomes(world, "acme-01") == {"acme-01": "org_mismatch"}

    assert await world.value("select count(*) from inventory.connections") == 0
    assert _asked(world, "acme-01") == {ME: 1}


async def test_a_partner_key_in_a_user_keys_place_makes_no_list_call(world: Syncing) -> None:
    """Fault A6."""
    world.use_key("acme-01", world.fleet.partner_key)

    assert await _outcomes(world, "acme-01") == {"acme-01": "wrong_key_type"}

    assert _asked(world) == {ME: 1}


async def test_a_second_key_of_an_organization_is_refused_and_the_first_goes_on(
    world: Syncing,
) -> None:
    """Fault A2: whoever had the organization before keeps it, also when its answer changed."""
    await world.sync()
    before = await world.inventory_writes()
    world.fleet.keys[OTHER_KEY] = world.fleet["acme-01"]
    world.add("a-newcomer", OTHER_KEY)
    world.fleet["acme-01"].connections[0]["name"] = "renamed"

    assert await _outcomes(world) == {
        "a-newcomer": "duplicate_org",
        "acme-01": "complete",
        "acme-02": "complete",
    }

    inserted, updated, deleted = before["connections"]
    assert (await world.inventory_writes())["connections"] == (inserted, updated + 1, deleted)


async def test_of_two_new_keys_of_one_organization_exactly_one_is_used(world: Syncing) -> None:
    """Fault A2."""
    world.fleet.keys[OTHER_KEY] = world.fleet["acme-01"]
    world.add("again", OTHER_KEY)

    outcomes = await _outcomes(world, "acme-01", "again")

    assert sorted(outcomes.values()) == ["complete", "duplicate_org"]
    assert await world.value("select count(*) from inventory.connections") == 6


async def test_a_disabled_name_still_holds_its_organization(world: Syncing) -> None:
    await world.sync()
    world.configure("acme-01", enabled=False)
    world.fleet.keys[OTHER_KEY] = world.fleet["acme-01"]
    world.add("again", OTHER_KEY)

    outcomes = await _outcomes(world)

    assert outcomes == {"again": "duplicate_org", "acme-02": "complete"}
    assert (await world.organization("acme-01"))["status"] == "disabled"
    assert len(await world.connections("acme-01")) == 6


async def test_foreign_rows_are_quarantined_and_nothing_else_of_the_answer_is_written(
    world: Syncing,
) -> None:
    """Fault D9."""
    await world.sync()
    before = await world.inventory_writes()
    acme = world.fleet["acme-01"]
    foreign = acme.connections[1]
    foreign["organization_id"] = world.fleet["acme-02"].id
    acme.connections[0]["name"] = "renamed"
    acme.connections.pop()

    assert (await _outcomes(world))["acme-01"] == "org_mismatch"

    assert await world.inventory_writes() == before
    rejected = await world.query("select * from reporting.rejected_records")
    assert [(row["record_id"], row["reason"]) for row in rejected] == [
        (foreign["id"], "it names another organization")
    ]


# Going on without identity


async def test_a_list_that_works_is_read_where_identity_is_refused(world: Syncing) -> None:
    world.fleet["acme-01"].faults = [Fault(path=ME, status=403)]

    account = await world.sync("acme-01")

    scope = (await world.scopes(account))["acme-01"]
    assert scope["outcome"] == "complete"
    assert scope["error"].startswith("read without identity: HTTP 403")
    assert scope["organization_id"] == world.fleet["acme-01"].id
    assert len(await world.connections("acme-01")) == 6
    assert (await world.organization("acme-01"))["organization_id"] == world.fleet["acme-01"].id


async def test_removals_are_seen_where_identity_was_always_refused(world: Syncing) -> None:
    world.fleet["acme-01"].faults = [Fault(path=ME, status=403)]
    await world.sync("acme-01")
    world.fleet["acme-01"].connections.pop()

    account = await world.sync("acme-01")

    assert account["resources"]["connections"]["withheld"] == 1


async def test_rows_that_name_nobody_are_not_stored_where_nothing_else_says_whose_they_are(
    world: Syncing,
) -> None:
    world.fleet["acme-01"].faults = [Fault(path=ME, status=403)]
    for connection in world.fleet["acme-01"].connections:
        connection["organization_id"] = None

    assert await _outcomes(world, "acme-01") == {"acme-01": "org_mismatch"}
    assert await world.value("select count(*) from inventory.connections") == 0


async def test_rows_that_name_nobody_belong_to_the_pinned_organization(world: Syncing) -> None:
    for connection in world.fleet["acme-01"].connections:
        del connection["organization_id"]

    assert await _outcomes(world, "acme-01") == {"acme-01": "complete"}
    assert len(await world.connections("acme-01")) == 6


# Names


def _history_of(rows: list[Row]) -> list[tuple[Any, ...]]:
    return [(row["connection_id"], row["change"], row["name"]) for row in rows]


async def _everything_known(world: Syncing, organization: str) -> tuple[Any, ...]:
    history = await world.query(
        "select * from reporting.connection_history where organization = $1"
        " order by connection_id, valid_from",
        organization,
    )
    usage = await world.query(
        "select day, connection_id, api_calls_last_24_hours from reporting.api_usage_daily"
        " where organization = $1 order by 1, 2",
        organization,
    )
    connections = await world.connections(organization)
    return sorted(connections), _history_of(history), usage


async def _with_a_past(world: Syncing) -> tuple[Any, ...]:
    """``acme-01`` with history and two days of API usage; what BI tools see of it."""
    for connection in world.fleet["acme-01"].connections:
        connection["api_calls_last_24_hours"] = 5
    await world.sync()
    for table in ("inventory.api_usage_days", "ledger.scope_days"):
        await world.query(f"update {table} set day = day - 1")  # noqa: S608 - names of ours
    world.fleet["acme-01"].connections[0]["name"] = "renamed"
    await world.sync()
    known = await _everything_known(world, "acme-01")
    assert len(known[1]) == 7
    assert len(known[2]) == 12
    return known


async def test_an_organization_under_a_new_name_keeps_rows_history_and_days(
    world: Syncing,
) -> None:
    known = await _with_a_past(world)
    before = await world.inventory_writes()
    renamed = replace(world.organizations.pop("acme-01"), name="acme-renamed")
    world.organizations["acme-renamed"] = renamed

    assert (await _outcomes(world))["acme-renamed"] == "complete"

    assert await _everything_known(world, "acme-renamed") == known
    assert await world.inventory_writes() == before
    names = await world.column("select organization from reporting.organizations order by 1")
    assert names == ["acme-02", "acme-renamed"]
    await world.sync()
    assert (await world.organization("acme-renamed"))["status"] == "complete"


async def test_an_organization_under_a_new_name_is_adopted_also_at_the_second_try(
    world: Syncing,
) -> None:
    """Fault B2: the list is refused once, after identity was read."""
    known = await _with_a_past(world)
    world.organizations["new"] = replace(world.organizations.pop("acme-01"), name="new")
    world.fleet["acme-01"].faults = [Fault(path=LIST, status=401, times=1)]

    assert (await _outcomes(world))["new"] == "complete"

    assert await _everything_known(world, "new") == known


async def test_a_name_that_the_registry_gives_to_another_organization_keeps_the_old_rows_visible(
    world: Syncing,
) -> None:
    known = await _with_a_past(world)
    old, new = world.fleet["acme-01"], world.fleet["acme-02"]
    del world.organizations["acme-02"]
    world.configure("acme-01", organization_id=new.id)
    world.use_key("acme-01", new.key)

    assert await _outcomes(world) == {"acme-01": "complete"}

    retired = f"acme-01~{old.id}"
    assert await _everything_known(world, retired) == known
    assert (await world.organization(retired))["status"] == "no_key"
    assert (await world.organization("acme-01"))["organization_id"] == new.id
    assert {row["organization_id"] for row in (await world.connections("acme-01")).values()} == {
        new.id
    }


async def test_a_name_on_another_deployment_keeps_the_old_rows_visible(world: Syncing) -> None:
    known = await _with_a_past(world)
    world.configure("acme-01", deployment="elsewhere.example")

    assert (await _outcomes(world))["acme-01"] == "complete"

    retired = f"acme-01~{world.fleet['acme-01'].id}"
    assert await _everything_known(world, retired) == known
    stored = await world.connections("acme-01")
    assert {row["deployment"] for row in stored.values()} == {"elsewhere.example"}


async def test_a_name_may_move_between_deployments_again_and_again(world: Syncing) -> None:
    await world.sync()
    for deployment in ("elsewhere.example", DEPLOYMENT, "elsewhere.example", "third.example"):
        world.configure("acme-01", deployment=deployment)

        assert (await _outcomes(world))["acme-01"] == "complete"

        stored = await world.connections("acme-01")
        assert {row["deployment"] for row in stored.values()} == {deployment}
    every = await world.query("select distinct organization, deployment from reporting.connections")
    assert len(every) == 4
    assert len({row["organization"] for row in every}) == 4


async def test_an_organization_without_a_key_keeps_its_rows(world: Syncing) -> None:
    """Fault A9."""
    await world.sync()
    before = await world.inventory_writes()
    del world.organizations["acme-01"]

    await world.sync()

    gone = await world.organization("acme-01")
    assert (gone["status"], gone["connections"]) == ("no_key", 6)
    assert await world.inventory_writes() == before


async def test_a_key_that_returns_takes_up_where_it_left_off(world: Syncing) -> None:
    await world.sync()
    away: Organization = world.organizations.pop("acme-01")
    await world.sync()
    world.organizations["acme-01"] = away
    _asked(world)

    await world.sync()

    assert (await world.organization("acme-01"))["status"] == "complete"
    assert _asked(world, "acme-01") == {LIST: 1}


@pytest.mark.parametrize("is_empty", [False, True])
async def test_another_key_of_which_nothing_says_whose_it_is_changes_no_row(
    world: Syncing, *, is_empty: bool
) -> None:
    """Fault A6: keys were swapped where neither ``/api/me`` nor the records name anyone."""
    for organization in world.organizations:
        for connection in world.fleet[organization].connections:
            del connection["organization_id"]
    await world.sync()
    before = await world.query("select * from inventory.connections order by id")
    first, second = world.fleet["acme-01"], world.fleet["acme-02"]
    first.connections = [] if is_empty else list(second.connections)
    first.faults = [Fault(status=403, path="/api/me")]
    await world.query("update ledger.organizations set key_digest = 'another key'")
    for _ in range(4):
        assert (await world.sync())["outcomes"] == {"complete": 1, "org_mismatch": 1}
    assert await world.query("select * from inventory.connections order by id") == before
