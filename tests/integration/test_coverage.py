"""What the partner's list says beside the keys we hold: who has none, and who is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Literal

import pytest

from aggregator.model import Secret
from tests.simulator import Fault, Fleet
from tests.syncing import Row, Syncing, syncing

HOST = "127.0.0.1"
LIST = "/api/organizations"


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[Syncing]:
    """Three organizations with two connections each, known through the partner key alone."""
    async with syncing(database_url, Fleet(3, 2)) as ready:
        ready.organizations.clear()
        ready.partner_key = Secret(ready.fleet.partner_key)
        yield ready


async def statuses(world: Syncing) -> dict[str, str]:
    rows = await world.query("select organization, status from reporting.organizations")
    return {row["organization"]: row["status"] for row in rows}


async def gone(world: Syncing) -> set[str]:
    names = await world.column(
        "select organization from reporting.organizations where gone_upstream_since is not null"
    )
    return set(names)


async def summary(world: Syncing) -> Row:
    [row] = await world.query("select * from reporting.fleet_summary")
    return row


def by_hand(world: Syncing, name: str, **fields: Any) -> None:  # noqa: ANN401 - fields of Organization
    """Configures the organization of the fleet with a key of its own."""
    world.add(name, world.fleet[name].key)
    world.configure(name, deployment=HOST, **fields)


@pytest.mark.parametrize("refusal", [401, 403])
async def test_an_organization_upstream_that_no_key_reads_is_no_key(
    world: Syncing, refusal: Literal[401, 403]
) -> None:
    world.fleet.bad_key_status = refusal
    closed = world.fleet["acme-02"]
    closed.is_open_to_partner = False

    account = await world.sync()

    outcome = "unauthorized" if refusal == 401 else "forbidden"
    assert (await world.scopes(account))["acme-02"]["outcome"] == outcome
    assert account["exit_code"] == 3
    row = await world.organization("acme-02")
    assert row["status"] == "no_key"
    assert row["organization_id"] == closed.id
    assert row["organization_name"] == closed.display_name
    assert row["listed_upstream_at"] is not None
    assert row["is_expected"], "a blind spot is one of those we should know"
    row = await summary(world)
    assert (row["organizations_expected"], row["organizations_complete"]) == (3, 2)
    assert row["organizations_without_key"] == 1
    assert (row["connections"], row["strict_connections"]) == (4, None)


async def test_a_key_that_speaks_for_nobody_reads_nothing_either(world: Syncing) -> None:
    world.fleet["acme-02"].identity = {"organization_id": None}
    account = await world.sync()
    assert (await world.scopes(account))["acme-02"]["outcome"] == "wrong_key_type"
    assert (await statuses(world))["acme-02"] == "no_key"


async def test_one_that_the_partner_key_did_read_once_is_stale_when_it_is_refused(
    world: Syncing,
) -> None:
    await world.sync()
    world.fleet["acme-02"].is_open_to_partner = False
    await world.sync()
    assert (await statuses(world))["acme-02"] == "stale"


async def test_one_that_was_read_stays_so_over_a_time_away_from_the_list(world: Syncing) -> None:
    await world.sync()
    world.fleet["acme-02"].is_listed = False
    await world.sync()
    world.fleet["acme-02"].is_listed = True
    world.fleet["acme-02"].is_open_to_partner = False
    await world.sync()
    assert (await statuses(world))["acme-02"] == "stale"


async def test_one_that_fails_otherwise_is_failed(world: Syncing) -> None:
    world.fleet["acme-02"].faults = [Fault(status=500)]
    await world.sync()
    assert (await statuses(world))["acme-02"] == "failed"


async def test_one_that_is_configured_by_hand_is_failed_while_its_key_is_refused(
    world: Syncing,
) -> None:
    by_hand(world, "acme-02", organization_id=world.fleet["acme-02"].id)
    world.fleet["acme-02"].faults = [Fault(status=401)]
    await world.sync()
    row = await world.organization("acme-02")
    assert row["status"] == "failed"
    assert row["listed_upstream_at"] is not None


async def test_a_key_of_its_own_opens_an_organization_without_one(world: Syncing) -> None:
    """And the name under which it was only known does not stay behind as a second one."""
    world.fleet["acme-02"].is_open_to_partner = False
    await world.sync()
    world.add("acme-two", world.fleet["acme-02"].key, organization_id=world.fleet["acme-02"].id)
    world.configure("acme-two", deployment=HOST)
    await world.sync()
    assert await statuses(world) == dict.fromkeys(["acme-01", "acme-two", "acme-03"], "complete")


async def test_a_key_taken_out_leaves_one_organization_without_key_with_its_rows(
    world: Syncing,
) -> None:
    """Fault A9: also where the partner key finds it again and may not read it."""
    world.fleet["acme-02"].is_open_to_partner = False
    world.add("our-name", world.fleet["acme-02"].key, organization_id=world.fleet["acme-02"].id)
    world.configure("our-name", deployment=HOST)
    await world.sync()
    del world.organizations["our-name"]

    await world.sync()

    assert await statuses(world) == {
        "acme-01": "complete",
        "acme-03": "complete",
        "our-name": "no_key",
    }
    assert (await world.organization("our-name"))["connections"] == 2


async def test_an_organization_gone_upstream_is_shown_and_stays_until_it_is_back(
    world: Syncing,
) -> None:
    await world.sync()
    before = await world.connections("acme-03")
    listed = (await world.organization("acme-03"))["listed_upstream_at"]
    world.fleet["acme-03"].is_listed = False

    account = await world.sync()

    assert account["exit_code"] == 0
    row = await world.organization("acme-03")
    assert (row["status"], row["is_expected"]) == ("no_key", False)
    assert row["gone_upstream_since"] > row["listed_upstream_at"] == listed
    assert await world.connections("acme-03") == {
        key: {**row, "is_expected": False} for key, row in before.items()
    }
    row = await summary(world)
    assert (row["organizations_expected"], row["strict_connections"]) == (2, 4)
    assert row["organizations_gone_upstream"] == 1

    since = (await world.organization("acme-03"))["gone_upstream_since"]
    await world.sync()
    assert (await world.organization("acme-03"))["gone_upstream_since"] == since

    world.fleet["acme-03"].is_listed = True
    await world.sync()
    row = await world.organization("acme-03")
    assert (row["status"], row["gone_upstream_since"]) == ("complete", None)
    assert row["listed_upstream_at"] > since
    assert (await summary(world))["strict_connections"] == 6


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=403, path=LIST),
        Fault(body={"data": []}, path=LIST),
        Fault(body={"data": [{"id": None}, {"name": "who?"}]}, path=LIST),
        Fault(body={"data": [{"id": "of acme"}, {"id": "acme-01"}]}, path=LIST),
    ],
    ids=["refused", "empty", "nobody with an id", "one without a usable id"],
)
async def test_a_list_that_failed_or_cannot_be_trusted_tells_of_nobody(
    world: Syncing, fault: Fault
) -> None:
    by_hand(world, "acme-01")
    await world.sync()
    listings = await world.query("select * from ledger.listings")
    world.fleet.faults = [fault]
    await world.sync()
    assert await gone(world) == set()
    assert await world.query("select * from ledger.listings") == listings


async def test_a_list_of_nobody_usable_forgets_nobody(world: Syncing) -> None:
    """As an empty one: an incident more likely than the end of every organization."""
    by_hand(world, "acme-01")
    await world.sync()
    world.fleet.faults = [Fault(body={"data": [{"id": None}]}, path=LIST)]
    account = await world.sync()
    assert "could not be discovered" in account["headline"]
    assert set((await statuses(world)).values()) == {"complete"}


async def test_one_with_a_key_of_its_own_that_was_never_on_the_list_is_never_gone(
    world: Syncing,
) -> None:
    by_hand(world, "acme-03")
    world.fleet["acme-03"].is_listed = False
    for _ in range(3):
        await world.sync()
    row = await world.organization("acme-03")
    assert (row["status"], row["listed_upstream_at"], row["gone_upstream_since"]) == (
        "complete",
        None,
        None,
    )


async def test_whom_a_key_of_its_own_still_reads_is_not_gone_though_it_left_the_list(
    world: Syncing,
) -> None:
    by_hand(world, "acme-03")
    await world.sync()
    world.fleet["acme-03"].is_listed = False
    await world.sync()
    assert await gone(world) == set()
    row = await summary(world)
    assert (row["organizations_expected"], row["strict_connections"]) == (3, 6)

    # It left with its key: the list was the first to say so.
    await world.sync()
    world.fleet["acme-03"].is_listed = True
    await world.sync()
    world.fleet["acme-03"].is_listed = False
    world.fleet["acme-03"].faults = [Fault(status=401)]
    await world.sync()
    assert await gone(world) == {"acme-03"}


async def test_the_list_of_another_partner_key_says_nothing_of_whom_it_never_showed(
    world: Syncing,
) -> None:
    """Or else a wrong key would make a complete picture of the few that it sees."""
    await world.sync()
    other = "feed0000-0000-4000-8000-000000000002"
    world.fleet.partner_key = other
    world.partner_key = Secret(other)
    world.fleet["acme-03"].is_listed = False
    for _ in range(2):
        await world.sync()
    assert await gone(world) == set()
    assert not (await summary(world))["is_complete"]
    world.fleet["acme-02"].is_listed = False
    await world.sync()
    assert await gone(world) == {"acme-02"}


async def test_the_same_list_again_writes_no_organization_but_when_it_was_read(
    world: Syncing,
) -> None:
    by_hand(world, "acme-01")
    world.fleet["acme-02"].is_open_to_partner = False
    await world.sync()
    await world.sync()  # from here on nothing is new
    versions = "select organization, xmin::text, ctid::text from ledger.organizations order by 1"
    before = await world.query(versions)
    listed = "select distinct listed_upstream_at from reporting.organizations"
    then = await world.value(listed)
    world.passed = timedelta(hours=1)
    await world.sync()
    assert await world.query(versions) == before
    assert await world.value(listed) - then > timedelta(minutes=59)


async def test_a_plan_notes_nothing(world: Syncing) -> None:
    await world.sync()
    notes = "select * from ledger.listings cross join ledger.organizations order by organization"
    before = await world.query(notes)
    world.fleet["acme-03"].is_listed = False
    await world.sync(plan=True)
    assert await world.query(notes) == before


async def test_a_name_stays_with_its_organization_whatever_it_is_called_upstream(
    world: Syncing,
) -> None:
    world.fleet["acme-02"].is_open_to_partner = False
    await world.sync()
    world.fleet["acme-02"].display_name = "Renamed"
    world.fleet["acme-03"].display_name = "Renamed as well"
    await world.sync()
    assert set(await statuses(world)) == {"acme-01", "acme-02", "acme-03"}
    assert (await world.organization("acme-02"))["organization_name"] == "Renamed"


async def test_a_newcomer_does_not_take_the_name_of_one_that_is_gone(world: Syncing) -> None:
    world.fleet["acme-02"].is_open_to_partner = False
    world.fleet["acme-03"].is_listed = False
    await world.sync()
    world.fleet["acme-02"].is_listed = False
    world.fleet["acme-03"].is_listed = True
    world.fleet["acme-03"].display_name = world.fleet["acme-02"].display_name
    await world.sync()
    newcomer = f"acme-02-{world.fleet['acme-03'].id[-8:]}"
    assert await statuses(world) == {
        "acme-01": "complete",
        "acme-02": "no_key",
        newcomer: "complete",
    }
    assert await gone(world) == {"acme-02"}
