"""What an answer no longer contains stays while its absence is not believed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aggregator.diff import UNVOUCHED
from aggregator.scope import SOME_REJECTED
from tests.simulator import Fault
from tests.simulator.fleet import Organization
from tests.simulator.generate import Connection
from tests.syncing import Syncing

WITHOUT_ID = {"name": "it has no id"}


def _counts(account: dict[str, dict[str, dict[str, int]]]) -> dict[str, int]:
    counts = account["resources"]["connections"]
    return {name: counts[name] for name in ("removed", "withheld")}


async def _grown(world: Syncing, connections: int = 40) -> list[Connection]:
    """``acme-01`` with so many connections, synced once; the list to edit."""
    acme = world.fleet["acme-01"]
    template = acme.connections[0]
    acme.connections = [template | {"id": f"c-{n:03}", "name": str(n)} for n in range(connections)]
    await world.sync("acme-01")
    return acme.connections


def _show_less(organization: Organization) -> None:
    """From now on its key is a lesser one, which is not shown one of the connections."""
    hidden, *shown = organization.connections
    organization.identity = {"credential": {"mode": "restricted"}}
    organization.faults = [
        Fault(path="/api/connections", body={"data": shown}),
        Fault(path=f"/api/connections/{hidden['id']}", status=404),
    ]


async def _marked(world: Syncing) -> dict[str, str]:
    """Withheld connections with the reason, as BI tools see them."""
    rows = await world.query(
        "select connection_id, withheld_reason from reporting.connections"
        " where withheld_since is not null"
    )
    return {row["connection_id"]: row["withheld_reason"] for row in rows}


@pytest.mark.parametrize(
    ("rows", "missing", "withheld"),
    [
        (40, 10, 0),  # more than a tenth, but not more than 10 rows
        (40, 11, 11),
        (110, 11, 0),  # more than 10 rows, but not more than a tenth
        (109, 11, 11),
    ],
)
async def test_a_loss_is_withheld_when_it_passes_both_bounds(
    world: Syncing, rows: int, missing: int, withheld: int
) -> None:
    """Fault D1."""
    connections = await _grown(world, rows)
    del connections[:missing]

    account = await world.sync("acme-01")

    assert _counts(account) == {"removed": missing - withheld, "withheld": withheld}
    assert account["exit_code"] == (5 if withheld else 0)
    assert account["status"] == "complete"
    assert len(await world.connections("acme-01")) == rows - missing + withheld


async def test_bounds_are_those_of_each_organization(world: Syncing) -> None:
    connections = await _grown(world)
    await world.sync()
    del connections[:11]
    world.fleet["acme-02"].connections.pop()

    account = await world.sync()

    assert _counts(account) == {"removed": 1, "withheld": 11}


async def test_an_empty_answer_removes_nothing(world: Syncing) -> None:
    """Faults D1, C5: also ``data: null`` is zero rows seen, and no proof."""
    await world.sync()
    world.fleet["acme-01"].faults = [Fault(path="/api/connections", body={"data": None})]

    account = await world.sync()

    assert _counts(account) == {"removed": 0, "withheld": 6}
    assert account["exit_code"] == 5
    assert set((await _marked(world)).values()) == {"the answer is empty"}
    organization = await world.organization("acme-01")
    assert (organization["connections"], organization["withheld_connections"]) == (6, 6)


async def test_duplicate_keys_that_empty_an_answer_remove_nothing(world: Syncing) -> None:
    """Fault C14: the last of two equal keys wins."""
    await world.sync()
    full = world.fleet.encoded_connections(world.fleet["acme-01"]).plain
    doubled = full[:-1] + b',"data":[]}'
    world.fleet["acme-01"].faults = [Fault(path="/api/connections", body=doubled)]

    account = await world.sync()

    assert _counts(account) == {"removed": 0, "withheld": 6}


async def test_what_is_there_is_still_written_while_removals_are_withheld(world: Syncing) -> None:
    connections = await _grown(world)
    added = connections[0] | {"id": "new", "name": "new"}
    connections[20]["name"] = "renamed"
    del connections[:15]
    connections.append(added)

    account = await world.sync("acme-01")

    counts = account["resources"]["connections"]
    assert (counts["created"], counts["updated"], counts["withheld"]) == (1, 1, 15)
    stored = await world.connections("acme-01")
    assert stored["new"]["withheld_since"] is None
    assert stored["c-020"]["name"] == "renamed"


async def test_withheld_rows_keep_their_readings_and_the_time_they_were_last_seen(
    world: Syncing,
) -> None:
    connections = await _grown(world)
    for connection in connections:
        connection["api_calls_last_24_hours"] = 5
    await world.sync("acme-01")
    seen = (await world.connections("acme-01"))["c-000"]["last_seen_at"]
    connections[20]["api_calls_last_24_hours"] = 6
    del connections[:15]

    await world.sync("acme-01")

    stored = await world.connections("acme-01")
    assert stored["c-000"]["last_seen_at"] == seen < stored["c-020"]["last_seen_at"]
    assert stored["c-000"]["api_calls_last_24_hours"] == 5
    assert stored["c-020"]["api_calls_last_24_hours"] == 6


async def test_the_next_complete_run_that_agrees_releases_what_was_withheld(
    world: Syncing,
) -> None:
    """Fault D2: an honest mass deletion is gone after two complete runs."""
    connections = await _grown(world)
    del connections[:15]
    first = await world.sync("acme-01")
    world.fleet["acme-01"].faults = [Fault(status=503, times=1)]
    failed = await world.sync("acme-01")
    second = await world.sync("acme-01")
    after = await world.sync("acme-01")

    assert _counts(first) == {"removed": 0, "withheld": 15}
    assert _counts(second) == {"removed": 15, "withheld": 0}
    assert [run["exit_code"] for run in (first, failed, second, after)] == [5, 4, 0, 0]
    assert await _marked(world) == {}
    assert await world.value("select count(*) from ledger.withheld") == 0


async def test_a_person_releases_what_was_withheld(world: Syncing) -> None:
    """Fault D2: an honest mass deletion is accepted with one command."""
    connections = await _grown(world)
    del connections[:15]
    await world.sync("acme-01")

    account = await world.sync("acme-01", accept_removals=True)

    assert _counts(account) == {"removed": 15, "withheld": 0}
    assert account["exit_code"] == 0
    assert await world.value("select count(*) from ledger.withheld") == 0


async def test_a_row_that_is_seen_again_loses_its_mark_and_starts_anew(world: Syncing) -> None:
    connections = await _grown(world)
    gone = connections[:15]
    del connections[:15]
    await world.sync("acme-01")
    connections += gone
    assert _counts(await world.sync("acme-01")) == {"removed": 0, "withheld": 0}
    assert await _marked(world) == {}
    del connections[-15:]

    assert _counts(await world.sync("acme-01")) == {"removed": 0, "withheld": 15}


async def test_a_loss_that_shrinks_below_its_bound_is_judged_at_once(world: Syncing) -> None:
    connections = await _grown(world)
    gone = connections[:15]
    del connections[:15]
    await world.sync("acme-01")
    connections += gone[:14]

    assert _counts(await world.sync("acme-01")) == {"removed": 1, "withheld": 0}
    assert await _marked(world) == {}


@pytest.mark.parametrize(
    "change",
    [
        {"role": "viewer"},
        {"credential": {"method": "api_key", "mode": "restricted"}},
        {"credential": {"mode": "full", "api_key_profile": {"id": "p-1"}}},
        {"credential": {"api_key_profile": {"capabilities": {"query": {"connection_ids": []}}}}},
        {"is_user": False, "is_organization": True},
    ],
)
async def test_a_key_with_other_rights_proves_nothing(
    world: Syncing, change: dict[str, object]
) -> None:
    """Fault D3: a demoted key sees less; what it does not see still exists."""
    await world.sync()
    acme = world.fleet["acme-01"]
    gone = acme.connections.pop()
    acme.identity = change

    first = await world.sync()

    assert _counts(first) == {"removed": 0, "withheld": 1}
    assert first["exit_code"] == 5
    assert await _marked(world) == {gone["id"]: UNVOUCHED}
    for _ in range(3):
        assert _counts(await world.sync()) == {"removed": 0, "withheld": 1}, "time proves nothing"

    acme.identity = {}
    assert _counts(await world.sync()) == {"removed": 1, "withheld": 0}


async def test_rights_count_from_the_last_answer_that_lacked_nothing(world: Syncing) -> None:
    """Fault D3: a partial run in between does not make the new rights the usual ones."""
    await world.sync()
    acme = world.fleet["acme-01"]
    gone = acme.connections.pop()
    acme.connections.append(WITHOUT_ID)
    acme.identity = {"role": "viewer"}
    world.passed = timedelta(days=2)
    assert (await world.scopes(await world.sync()))["acme-01"]["outcome"] == "partial"
    acme.connections.remove(WITHOUT_ID)

    account = await world.sync()

    assert _counts(account) == {"removed": 0, "withheld": 1}
    assert gone["id"] in await _marked(world)


async def test_rights_are_asked_again_when_rows_come(world: Syncing) -> None:
    """Fault D3: a key that was demoted, restored and demoted again proves nothing either time."""
    acme = world.fleet["acme-01"]
    hidden = acme.connections[0] | {"id": "hidden", "name": "hidden"}
    acme.identity = {"role": "viewer"}
    await world.sync()
    acme.identity = {}
    acme.connections.append(hidden)
    await world.sync()
    acme.identity = {"role": "viewer"}
    acme.connections.remove(hidden)

    assert _counts(await world.sync()) == {"removed": 0, "withheld": 1}


async def test_rights_that_came_and_went_leave_the_usual_ones_as_they_were(world: Syncing) -> None:
    """A row that is honestly gone after a short demotion needs no person."""
    acme = world.fleet["acme-01"]
    await world.sync()
    acme.identity = {"role": "viewer"}
    world.passed = timedelta(days=2)
    await world.sync()
    acme.identity = {}
    acme.connections.pop()

    assert _counts(await world.sync()) == {"removed": 1, "withheld": 0}


async def test_a_row_that_came_while_the_key_could_not_be_asked_waits_for_a_person(
    world: Syncing,
) -> None:
    await world.sync()
    acme = world.fleet["acme-01"]
    acme.faults = [Fault(path="/api/me", status=500)]
    acme.connections.append(acme.connections[0] | {"id": "late", "name": "late"})
    await world.sync()
    acme.faults = []
    del acme.connections[-2:]

    assert _counts(await world.sync()) == {"removed": 1, "withheld": 1}
    assert await _marked(world) == {"late": UNVOUCHED}
    assert _counts(await world.sync(accept_removals=True)) == {"removed": 1, "withheld": 0}


async def test_rights_that_could_not_be_asked_are_asked_in_the_next_run(world: Syncing) -> None:
    await world.sync()
    acme = world.fleet["acme-01"]
    acme.faults = [Fault(path="/api/me", status=500)]
    acme.connections.append(acme.connections[0] | {"id": "late", "name": "late"})
    await world.sync()
    acme.faults = []
    await world.sync()
    acme.connections.pop()

    assert _counts(await world.sync()) == {"removed": 1, "withheld": 0}


async def test_other_rights_that_show_the_same_rows_become_the_usual_ones(world: Syncing) -> None:
    await world.sync()
    acme = world.fleet["acme-01"]
    acme.identity = {"role": "viewer"}
    world.passed = timedelta(days=2)
    await world.sync()
    acme.connections.pop()

    assert _counts(await world.sync()) == {"removed": 1, "withheld": 0}


async def test_rights_that_were_not_known_do_not_become_those_of_a_lesser_key(
    world: Syncing,
) -> None:
    """Fault D3: the old key could not say who it is, the new one can and is shown less."""
    acme = world.fleet["acme-01"]
    acme.faults = [Fault(path="/api/me", status=403)]
    await world.sync()
    new_key = "abcd0000-0000-4000-8000-000000000009"
    world.fleet.keys[new_key] = acme
    world.use_key("acme-01", new_key)
    _show_less(acme)

    counts = [_counts(await world.sync()) for _ in range(3)]

    assert counts == [{"removed": 0, "withheld": 1}] * 3
    assert set((await _marked(world)).values()) == {UNVOUCHED}
    assert _counts(await world.sync(accept_removals=True)) == {"removed": 1, "withheld": 0}


async def test_an_organization_takes_its_rights_along_to_a_new_name(world: Syncing) -> None:
    """Faults A3, D3: renamed and demoted at once."""
    await world.sync()
    acme = world.fleet["acme-01"]
    del world.organizations["acme-01"]
    world.add("renamed", acme.key)
    _show_less(acme)

    counts = [_counts(await world.sync()) for _ in range(3)]

    assert counts == [{"removed": 0, "withheld": 1}] * 3
    acme.identity = {}
    acme.faults = []
    assert _counts(await world.sync()) == {"removed": 0, "withheld": 0}


async def test_a_key_that_may_not_say_who_it_is_proves_nothing(world: Syncing) -> None:
    await world.sync()
    acme = world.fleet["acme-01"]
    acme.faults = [Fault(path="/api/me", status=403)]
    gone = acme.connections.pop()

    account = await world.sync()

    assert _counts(account) == {"removed": 0, "withheld": 1}
    assert await _marked(world) == {gone["id"]: "the key's identity could not be read"}


async def test_a_partial_answer_removes_nothing_and_says_what_it_did_not_contain(
    world: Syncing,
) -> None:
    """Fault C21: a record without an id may be any of those that are missing."""
    acme = world.fleet["acme-01"]
    for connection in acme.connections:
        connection["api_calls_last_24_hours"] = 3
    await world.sync()
    seen = (await world.connections("acme-01"))[acme.connections[-1]["id"]]["last_seen_at"]
    gone = acme.connections.pop()
    acme.connections[0]["api_calls_last_24_hours"] = 4
    acme.connections.append(WITHOUT_ID)

    account = await world.sync()

    scope = (await world.scopes(account))["acme-01"]
    assert (scope["outcome"], scope["removed"], scope["rejected"]) == ("partial", 0, 1)
    kept = (await world.connections("acme-01"))[gone["id"]]
    assert kept["last_seen_at"] == seen
    assert kept["withheld_reason"] == SOME_REJECTED
    assert kept["api_calls_last_24_hours"] == 3

    acme.connections.remove(WITHOUT_ID)
    assert _counts(await world.sync()) == {"removed": 1, "withheld": 0}


async def test_partial_runs_do_not_count_as_agreeing(world: Syncing) -> None:
    connections = await _grown(world)
    del connections[:15]
    await world.sync("acme-01")
    connections.append(WITHOUT_ID)
    for _ in range(3):
        assert _counts(await world.sync("acme-01"))["removed"] == 0
    connections.remove(WITHOUT_ID)

    assert _counts(await world.sync("acme-01")) == {"removed": 15, "withheld": 0}


async def test_a_row_that_a_partial_answer_contains_loses_its_mark(world: Syncing) -> None:
    connections = await _grown(world)
    gone = connections[:15]
    del connections[:15]
    await world.sync("acme-01")
    connections += [*gone, WITHOUT_ID]

    await world.sync("acme-01")

    assert await _marked(world) == {}


@pytest.mark.parametrize("status", [401, 403, 404, 500])
async def test_a_failed_scope_keeps_its_rows(world: Syncing, status: int) -> None:
    """Invariant I1: errors never remove."""
    await world.sync()
    before = await world.inventory_writes()
    world.fleet["acme-01"].faults = [Fault(status=status)]

    account = await world.sync()

    assert account["exit_code"] == 3
    assert await world.inventory_writes() == before
    assert (await world.organization("acme-01"))["status"] == "stale"


async def test_a_connection_that_moves_is_new_there_and_gone_here(world: Syncing) -> None:
    """Faults D7, D8: the same id may exist in two organizations; each proves its own removal."""
    await world.sync()
    here, there = world.fleet["acme-01"], world.fleet["acme-02"]
    moved = here.connections[0]
    there.connections.append(moved | {"organization_id": there.id})
    await world.sync()
    assert moved["id"] in await world.connections("acme-01")
    assert moved["id"] in await world.connections("acme-02")
    here.connections.remove(moved)
    await world.sync()
    assert moved["id"] not in await world.connections("acme-01")
    assert moved["id"] in await world.connections("acme-02")
