"""A row is removed only when its own address says 404 and a neighbor's does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from aggregator.incident import FleetIncident
from aggregator.proof import A_PAGE, CHANGED, HIDDEN, NEIGHBOR_EVERY, ODD_ID
from tests.simulator import Fault, Fleet, html_page
from tests.syncing import Syncing, syncing

LIST = "/api/connections"
BY_ID = "/api/connections/*"


def _counts(account: dict[str, dict[str, dict[str, int]]]) -> tuple[int, int]:
    """How many were removed and withheld."""
    counts = account["resources"]["connections"]
    return counts["removed"], counts["withheld"]


async def _reasons(world: Syncing) -> set[str]:
    return set(
        await world.column(
            "select withheld_reason from reporting.connections where withheld_since is not null"
        )
    )


def _hide(world: Syncing, *ids: str) -> None:
    """Leaves rows of acme-01 out of its list although they exist."""
    shown = [each for each in world.fleet["acme-01"].connections if each["id"] not in ids]
    world.fleet["acme-01"].faults = [Fault(path=LIST, body={"data": shown})]


async def test_a_row_goes_when_its_address_says_404_and_its_neighbor_reads(world: Syncing) -> None:
    await world.sync()
    gone = world.fleet["acme-01"].connections.pop()
    world.simulator.observed.reset()

    account = await world.sync()

    assert _counts(account) == (1, 0)
    assert account["exit_code"] == 0
    asked = [request.path for request in world.simulator.observed.requests("acme-01")]
    kept = min(each["id"] for each in world.fleet["acme-01"].connections)
    assert asked == [LIST, "/api/me", f"{LIST}/{gone['id']}", f"{LIST}/{kept}", "/api/me"]
    scope = (await world.scopes(account))["acme-01"]
    assert (scope["requests"], scope["removed"], scope["withheld"]) == (5, 1, 0)


async def test_after_a_removal_an_unchanged_answer_is_known_by_its_bytes(world: Syncing) -> None:
    await world.sync()
    world.fleet["acme-01"].connections.pop()
    await world.sync()
    before = await world.inventory_writes()
    world.simulator.observed.reset()

    await world.sync()

    assert len(world.simulator.observed.requests("acme-01")) == 1
    assert await world.inventory_writes() == before


async def test_a_row_that_its_address_still_shows_is_kept_as_a_walk_race(world: Syncing) -> None:
    """Fault D4: edits reorder a list while it is walked."""
    await world.sync()
    raced = world.fleet["acme-01"].connections[0]
    _hide(world, raced["id"])

    account = await world.sync()

    assert _counts(account) == (0, 0)
    assert (account["exit_code"], account["walk_races"]) == (0, 1)
    stored = (await world.connections("acme-01"))[raced["id"]]
    assert stored["withheld_since"] is None
    assert (await world.scopes(account))["acme-01"]["walk_races"] == 1
    assert [version["change"] for version in await world.history(raced["id"])] == ["created"]


async def test_what_a_read_by_id_shows_of_a_raced_row_is_stored(world: Syncing) -> None:
    """Fault D4."""
    await world.sync()
    raced = world.fleet["acme-01"].connections[0]
    raced["name"] = "renamed during the walk"
    _hide(world, raced["id"])

    account = await world.sync()

    assert account["resources"]["connections"]["updated"] == 1
    everything = sum(len(organization.connections) for organization in world.fleet)
    assert account["resources"]["connections"]["seen"] == everything
    stored = (await world.connections("acme-01"))[raced["id"]]
    assert stored["name"] == "renamed during the walk"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(path=BY_ID, status=404), HIDDEN),
        (Fault(path=BY_ID, status=403), "it cannot be read by id: HTTP 403"),
        (Fault(path=BY_ID, status=401), "it cannot be read by id: HTTP 401"),
        (Fault(path=BY_ID, status=500), "it cannot be read by id: HTTP 500"),
        (
            Fault(path=BY_ID, status=200, body={"data": {"id": "x"}}),
            "a read by id answers with another record",
        ),
        (
            Fault(path=BY_ID, status=200, body={"data": None}),
            "it cannot be read by id: the data is no object",
        ),
        (Fault(path=BY_ID, status=200, body="<html>"), "it cannot be read by id: not JSON"),
    ],
)
async def test_anything_but_a_404_beside_a_neighbor_that_reads_proves_nothing(
    world: Syncing, fault: Fault, reason: str
) -> None:
    """Faults D1, D3: visibility is lost, or nobody can tell."""
    await world.sync()
    acme = world.fleet["acme-01"]
    gone = acme.connections.pop()
    acme.faults = [fault]

    for _ in range(3):
        account = await world.sync()
        assert _counts(account) == (0, 1), "time proves nothing"
        assert account["exit_code"] == 5
    [told] = await _reasons(world)
    assert told.startswith(reason)

    acme.faults = []
    assert _counts(await world.sync()) == (1, 0)
    assert gone["id"] not in await world.connections("acme-01")


async def test_what_is_hidden_can_still_be_let_go_by_a_person(world: Syncing) -> None:
    """Fault D2: the breaker can always be cleared."""
    await world.sync()
    acme = world.fleet["acme-01"]
    acme.connections.pop()
    acme.faults = [Fault(path=BY_ID, status=403)]
    assert _counts(await world.sync()) == (0, 1)

    account = await world.sync(accept_removals=True)

    assert _counts(account) == (1, 0)
    assert account["exit_code"] == 0


async def test_what_a_person_accepts_is_read_again_first(world: Syncing) -> None:
    await world.sync()
    acme = world.fleet["acme-01"]
    ids = [each["id"] for each in acme.connections]
    _hide(world, *ids)
    assert _counts(await world.sync()) == (0, len(ids))
    del acme.connections[0]

    account = await world.sync(accept_removals=True)

    assert _counts(account) == (1, 0)
    assert account["walk_races"] == len(ids) - 1


async def test_what_was_withheld_is_the_ceiling_of_what_is_accepted(world: Syncing) -> None:
    """Rows that vanish after a person looked are judged like any others."""
    acme = world.fleet["acme-01"]
    template = acme.connections[0]
    acme.connections = [template | {"id": f"c-{n:03}", "name": str(n)} for n in range(60)]
    await world.sync()
    del acme.connections[:20]
    assert _counts(await world.sync()) == (0, 20)
    del acme.connections[:15]

    account = await world.sync(accept_removals=True)

    assert _counts(account) == (20, 15)
    assert account["exit_code"] == 5


async def test_ids_that_would_change_the_address_are_kept(world: Syncing) -> None:
    acme = world.fleet["acme-01"]
    odd = ["..", "a/b?c#d%2F", "\N{SNOWMAN}"]
    acme.connections[:3] = [
        acme.connections[n] | {"id": key, "name": key} for n, key in enumerate(odd)
    ]
    await world.sync()
    del acme.connections[:3]
    world.simulator.observed.reset()

    account = await world.sync()

    assert _counts(account) == (0, 3)
    stored = await world.connections("acme-01")
    assert stored[".."]["withheld_reason"].endswith("the id cannot be part of an address")
    assert stored["a/b?c#d%2F"]["withheld_reason"] == ODD_ID
    assert not [r for r in world.simulator.observed.requests("acme-01") if r.path == "/api/"]

    assert _counts(await world.sync(accept_removals=True)) == (3, 0), "a person can let them go"


@pytest.mark.parametrize("odd", ["a/usage", "a//b", "x.", "a%2Fb", "a;b", "caf\xe9", "a\0b", " a"])
async def test_a_404_proves_nothing_for_an_id_that_may_be_lost_on_the_way(
    world: Syncing, odd: str
) -> None:
    """Fault D4: the list was edited while it was read, and a router does not know the address."""
    acme = world.fleet["acme-01"]
    acme.connections[0]["id"] = odd
    await world.sync()
    shown = acme.connections[1:]
    acme.faults = [
        Fault(path=LIST, body={"data": shown}),
        *(Fault(path=f"{LIST}/{each['id']}") for each in shown),
        Fault(path=BY_ID, status=404),
    ]

    assert _counts(await world.sync()) == (0, 1)
    assert await _reasons(world) == {ODD_ID}


async def test_a_404_in_another_version_of_the_api_proves_nothing(world: Syncing) -> None:
    """Fault B19."""
    await world.sync()
    raced = world.fleet["acme-01"].connections[0]["id"]
    _hide(world, raced)
    other = Fault(path=f"{LIST}/{raced}", status=404, headers={"X-Polytomic-Version": "2022-12-12"})
    world.fleet["acme-01"].faults.append(other)

    assert _counts(await world.sync()) == (0, 1)


async def test_a_key_that_is_demoted_during_the_run_proves_nothing(world: Syncing) -> None:
    """Fault D3: its rights were asked for before it lost them, and the list read afterwards."""
    await world.sync()
    world.passed = timedelta(days=2)
    acme = world.fleet["acme-01"]
    hidden = acme.connections[0]["id"]
    _hide(world, hidden)

    def demote(body: bytes) -> bytes:
        return body.replace(b'"role":"', b'"role":"less-')

    acme.faults += [
        Fault(path=f"{LIST}/{hidden}", status=404),
        Fault(path="/api/me", times=1),
        Fault(path="/api/me", edit=demote),
    ]

    assert _counts(await world.sync()) == (0, 1)
    assert await _reasons(world) == {CHANGED}


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=400),
        Fault(status=405),
        Fault(status=500),
        Fault(status=301, headers={"Location": "/elsewhere"}),
        Fault(body={"data": None}, status=200),
        Fault(body={"error": "not found"}, status=200),
        Fault(body={"data": {"id": "another"}}, status=200),
    ],
)
async def test_a_person_can_let_go_whatever_a_server_says_of_what_is_gone(
    world: Syncing, fault: Fault
) -> None:
    """Fault D2: the breaker can always be cleared, and one such row holds up no other."""
    await world.sync()
    acme = world.fleet["acme-01"]
    first, second = sorted(acme.connections.pop()["id"] for _ in range(2))
    acme.faults = [replace(fault, path=f"{LIST}/{first}")]

    assert _counts(await world.sync()) == (1, 1)
    assert second not in await world.connections("acme-01")
    assert _counts(await world.sync()) == (0, 1), "time proves nothing"
    assert _counts(await world.sync(accept_removals=True)) == (1, 0)


async def test_ids_that_a_server_writes_in_another_way_can_be_let_go(world: Syncing) -> None:
    """Fault D2: the old address shows the new record."""
    acme = world.fleet["acme-01"]
    for each in acme.connections:
        each["id"] = each["id"].upper()
    await world.sync()
    for each in acme.connections:
        old, each["id"] = each["id"], each["id"].lower()
        acme.faults.append(Fault(path=f"{LIST}/{old}", status=200, body={"data": each}))
    for _ in range(2):
        assert _counts(await world.sync()) == (0, 6)

    assert _counts(await world.sync(accept_removals=True)) == (6, 0)
    assert (await world.connections("acme-01")).keys() == {each["id"] for each in acme.connections}


async def test_what_a_person_accepts_is_still_proven_where_the_answer_is_partial(
    world: Syncing,
) -> None:
    """Fault C21: the rejected record may be the one that is missing."""
    await world.sync()
    acme = world.fleet["acme-01"]
    broken, *others = acme.connections
    address = f"{LIST}/{broken['id']}"
    listed = [broken | {"id": None}, *others]
    acme.faults = [Fault(path=LIST, body={"data": listed}), Fault(path=address, status=403)]
    assert _counts(await world.sync()) == (0, 1)

    assert _counts(await world.sync(accept_removals=True)) == (0, 1)

    acme.faults[1] = Fault(path=address, status=404)
    assert _counts(await world.sync(accept_removals=True)) == (1, 0)


async def test_what_a_neighbor_vouched_for_goes_where_the_run_ends_early(world: Syncing) -> None:
    """A long proof makes progress in every run."""
    acme = world.fleet["acme-01"]
    template = acme.connections[0]
    acme.connections = [template | {"id": f"c-{n:03}", "name": str(n)} for n in range(40)]
    await world.sync()
    del acme.connections[:36]
    await world.sync()
    acme.faults = [Fault(path=BY_ID, status=503, skip=30)]

    account = await world.sync()

    assert _counts(account) == (NEIGHBOR_EVERY + 1, 36 - NEIGHBOR_EVERY - 1)
    acme.faults = []
    assert _counts(await world.sync()) == (36 - NEIGHBOR_EVERY - 1, 0)


async def test_a_page_for_people_proves_nothing(world: Syncing) -> None:
    """Fault B15: something between us and the API does not know where to send the request."""
    await world.sync()
    acme = world.fleet["acme-01"]
    gone = acme.connections.pop()
    acme.faults = [html_page(path=f"{LIST}/{gone['id']}", status=404)]

    assert _counts(await world.sync()) == (0, 1)
    assert await _reasons(world) == {A_PAGE}


async def test_an_emptied_organization_is_empty_after_two_complete_runs(world: Syncing) -> None:
    """Fault D1: without a neighbor it takes a second answer, and every row's own 404."""
    await world.sync()
    world.fleet["acme-01"].connections.clear()
    assert _counts(await world.sync()) == (0, 6)

    account = await world.sync()

    assert _counts(account) == (6, 0)
    organization = await world.organization("acme-01")
    assert (organization["connections"], organization["status"]) == (0, "complete")


async def test_an_answer_that_stays_empty_by_mistake_removes_nothing(world: Syncing) -> None:
    """Fault D1: the rows are still where they were."""
    await world.sync()
    world.fleet["acme-01"].faults = [Fault(path=LIST, body={"data": []})]
    await world.sync()

    account = await world.sync()

    assert _counts(account) == (0, 0)
    assert account["walk_races"] == 6
    assert len(await world.connections("acme-01")) == 6


async def test_a_fleet_that_goes_empty_stops_every_removal(database_url: str) -> None:
    """Fault D1: more than 1% of the organizations, and at least 10 of them, is an incident."""
    async with syncing(database_url, Fleet(12, 2)) as world:
        await world.sync()
        for number in range(1, 11):
            world.fleet[f"acme-{number:02}"].faults = [Fault(path=LIST, body={"data": None})]
        world.fleet["acme-11"].connections.pop()

        account = await world.sync()

        assert _counts(account) == (0, 21)
        assert account["exit_code"] == 5
        assert account["headline"] == (
            "incident? of 12 organizations 10 went empty and 0 are refused that worked last time"
            " (connections): nothing was removed anywhere"
        )
        for organization in world.fleet:
            organization.faults = []
        assert _counts(await world.sync()) == (1, 0)


async def test_a_run_during_an_incident_does_not_count_as_agreeing(database_url: str) -> None:
    """Fault D1: after it, an empty answer has to be given twice like any other."""
    async with syncing(database_url, Fleet(12, 2)) as world:
        await world.sync()
        for number in range(1, 11):
            world.fleet[f"acme-{number:02}"].connections.clear()

        counts = [_counts(await world.sync()) for _ in range(3)]

        assert counts == [(0, 20), (0, 20), (20, 0)]


async def test_many_refused_keys_stop_every_removal_too(database_url: str) -> None:
    """Faults B3, D1."""
    async with syncing(database_url, Fleet(60, 2)) as world:
        await world.sync()
        for number in range(1, 11):
            world.fleet[f"acme-{number:02}"].faults = [Fault(status=403)]
        world.fleet["acme-11"].connections.pop()

        account = await world.sync()

        assert _counts(account) == (0, 1)
        assert account["exit_code"] == 3
        assert "10 are refused" in account["headline"]


def test_an_incident_is_more_than_a_hundredth_and_at_least_ten() -> None:
    few, share = FleetIncident(100), FleetIncident(1000)
    for number in range(10):
        assert few.headline is None
        few.record(
            f"acme-{number}", "connections", emptied=number % 2 == 0, refused=number % 2 == 1
        )
        share.record(f"acme-{number}", "connections", emptied=True, refused=True)
    assert few.active
    assert not share.active
    share.record("acme-0", "connections", emptied=True, refused=False)
    assert not share.active, "an organization counts once"
    share.record("acme-10", "connections", emptied=True, refused=False)
    assert share.active
