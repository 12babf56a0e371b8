"""What is asked connection by connection: of which, how often, and what an answer is worth."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from aggregator.model import Secret
from aggregator.resources import RESOURCES
from tests.simulator import Fault, Fleet, html_page
from tests.simulator.fleet import PARTNER_KEY, Organization
from tests.simulator.generate import Connection, shared_copy
from tests.syncing import Row, Syncing, syncing

PROXY = "/api/connections/{}/proxy/info"
SHARED = "/api/connections/{}/shared"


def read_only(world: Syncing, resource: str) -> None:
    """Connections, and what every one of them says of this."""
    world.resources = [RESOURCES["connections"], RESOURCES[resource]]


async def end_of(world: Syncing, account: Row, resource: str, name: str = "acme-01") -> Row:
    return (await world.ends(account))[name, resource]


def asked(world: Syncing, name: str, part: str) -> list[str]:
    """Connections that were asked about, in order."""
    calls = world.simulator.observed.calls(name)
    return [path.split("/")[3] for _, path in calls if path.endswith(part)]


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 410, 422, 501])
async def test_one_that_has_no_such_thing_says_so_and_fails_nothing(
    world: Syncing, status: int
) -> None:
    read_only(world, "connection_proxy")
    one = world.fleet["acme-01"].connections[0]["id"]
    world.fleet.faults = [Fault(path=PROXY.format(one), status=status)]

    account = await world.sync()

    assert account["exit_code"] == 0
    shown = "select is_available from reporting.connection_proxy where connection_id = $1"
    assert await world.value(shown, one) is False


@pytest.mark.parametrize(
    "fault",
    [Fault(status=500), Fault(status=503), Fault(body={"error": "no"}), html_page()],
    ids=["500", "503", "error", "page"],
)
async def test_one_that_cannot_be_asked_keeps_its_rows_and_is_told_by_name(
    world: Syncing, fault: Fault
) -> None:
    read_only(world, "connection_proxy")
    await world.sync()
    before = await world.inventory_writes()
    one = world.fleet["acme-01"].connections[1]["id"]
    fault.path, fault.applied = PROXY.format(one), 0
    world.fleet.faults = [fault]

    account = await world.sync()

    assert (await end_of(world, account, "connection_proxy"))["outcome"] == "partial"
    assert (await end_of(world, account, "connection_proxy", "acme-02"))["outcome"] == "complete"
    assert await world.inventory_writes() == before
    told = await world.query("select record_id, reason from reporting.rejected_records")
    assert [each["record_id"] for each in told] == [one]


async def test_a_page_for_people_says_nothing_of_a_connection(world: Syncing) -> None:
    """Fault B15: a 404 that is not the API's."""
    read_only(world, "connection_proxy")
    one = world.fleet["acme-01"].connections[0]["id"]
    world.fleet.faults = [html_page(path=PROXY.format(one), status=404)]
    account = await world.sync()
    assert (await end_of(world, account, "connection_proxy"))["outcome"] != "complete"


async def test_three_failures_in_a_row_end_the_asking(world: Syncing) -> None:
    read_only(world, "connection_proxy")
    await world.sync()
    world.simulator.observed.reset()
    world.fleet["acme-01"].faults = [Fault(path=PROXY.format("*"), status=500)]

    account = await world.sync()

    end = await end_of(world, account, "connection_proxy")
    assert (end["outcome"], len(asked(world, "acme-01", "/proxy/info"))) == ("upstream_error", 3)
    assert await world.stored("connection_proxy", "acme-01") == 6


async def test_failures_that_are_not_in_a_row_end_nothing(world: Syncing) -> None:
    read_only(world, "connection_proxy")
    acme = world.fleet["acme-01"]
    ids = sorted(each["id"] for each in acme.connections)
    acme.faults = [Fault(path=PROXY.format(each), status=500) for each in ids[:5] if each != ids[2]]

    account = await world.sync()

    end = await end_of(world, account, "connection_proxy")
    assert (end["outcome"], end["rejected"]) == ("partial", 4)
    assert await world.stored("connection_proxy", "acme-01") == 2


@pytest.mark.parametrize(("status", "outcome"), [(401, "unauthorized"), (429, "rate_limited")])
async def test_what_is_not_one_connections_own_ends_the_asking_at_once(
    world: Syncing, status: int, outcome: str
) -> None:
    read_only(world, "connection_proxy")
    world.fleet["acme-01"].faults = [Fault(path=PROXY.format("*"), status=status)]

    account = await world.sync()

    assert (await end_of(world, account, "connection_proxy"))["outcome"] == outcome
    assert len(set(asked(world, "acme-01", "/proxy/info"))) == 1


async def test_organizations_take_turns_within_their_own_rates(database_url: str) -> None:
    """One with many connections holds up nobody."""
    async with syncing(database_url, Fleet(3, 4)) as world:
        read_only(world, "connection_proxy")
        large = world.fleet["acme-01"]
        template = large.connections[0]
        large.connections = [template | {"id": f"c-{n:03}"} for n in range(40)]
        world.settings = {"requests_per_second_per_organization": 20, "max_concurrency": 4}

        assert (await world.sync())["exit_code"] == 0

        observed = world.simulator.observed
        asked = [each for each in observed.requests() if each.path.endswith("/proxy/info")]
        last = {
            name: max(each.at for each in asked if each.organization == name)
            for name in ("acme-01", "acme-02", "acme-03")
        }
        assert max(last["acme-02"], last["acme-03"]) < last["acme-01"] - 0.5
        assert observed.max_in_any_second("acme-01") <= 21


# Refreshes


async def test_a_refresh_is_asked_for_once_whatever_becomes_of_it(world: Syncing) -> None:
    read_only(world, "connection_schemas")
    world.settings = {"max_attempts": 4}
    world.fleet.faults = [Fault(path="/api/connections/*/schemas/refresh", status=503, times=1)]

    account = await world.sync(refresh_schemas=True)

    posts = [path for method, path in world.simulator.observed.calls() if method == "POST"]
    assert len(posts) == len(set(posts)) > 1
    assert account["exit_code"] == 0
    notes = [end["error"] for end in (await world.ends(account)).values() if end["error"]]
    assert notes == ["1 refreshes were refused or not asked for"]


async def test_a_refresh_that_never_ends_is_a_note_after_a_bound(world: Syncing) -> None:
    read_only(world, "connection_schemas")
    world.fleet.refresh_reads = 1_000

    account = await world.sync(refresh_schemas=True)

    assert account["exit_code"] == 0
    end = await end_of(world, account, "connection_schemas")
    assert "were not seen to end" in end["error"]


async def test_a_dead_key_refreshes_nothing_more(world: Syncing) -> None:
    read_only(world, "connection_schemas")
    acme = world.fleet["acme-01"]
    acme.faults = [Fault(path="/api/connections/*/schemas/refresh", status=401)]

    account = await world.sync(refresh_schemas=True)

    assert (await end_of(world, account, "connection_schemas"))["outcome"] == "unauthorized"
    posts = [path for method, path in world.simulator.observed.calls("acme-01") if method == "POST"]
    assert len(set(posts)) == 1


# Shared connections


@pytest.fixture
async def family(database_url: str) -> AsyncIterator[Syncing]:
    """``acme-01`` shares its first connection with ``acme-02`` and ``acme-03``."""
    async with syncing(database_url, Fleet(3, 3)) as world:
        read_only(world, "shared_connections")
        for child in (world.fleet["acme-02"], world.fleet["acme-03"]):
            child.connections = [*plain(child), shared_copy(parent_of(world), child.id)]
        yield world


def plain(organization: Organization) -> list[Connection]:
    return [each for each in organization.connections if "parent_connection_id" not in each]


def parent_of(world: Syncing) -> Connection:
    return world.fleet["acme-01"].connections[0]


async def copies(world: Syncing) -> dict[str, Row]:
    """By the organization that has them."""
    rows = await world.query(
        "select * from reporting.shared_connections where parent_connection_id = $1",
        parent_of(world)["id"],
    )
    return {row["child_organization_id"]: row for row in rows}


async def test_copies_in_organizations_without_a_key_are_seen_through_their_parent(
    family: Syncing,
) -> None:
    del family.organizations["acme-03"]

    await family.sync()

    found = await copies(family)
    assert found.keys() == {family.fleet[name].id for name in ("acme-02", "acme-03")}
    assert found[family.fleet["acme-03"].id]["source"] == ["shared_connections"]
    assert set(found[family.fleet["acme-02"].id]["source"]) == {
        "connections",
        "shared_connections",
    }
    assert await family.stored("connections", "acme-03") == 0, "its own list was never read"


async def test_a_copy_seen_through_its_parent_never_touches_its_own_organization(
    family: Syncing,
) -> None:
    await family.sync()
    before = await family.connections("acme-02")
    family.fleet["acme-02"].connections[-1]["name"] = "renamed"

    await family.sync("acme-01")

    assert await family.connections("acme-02") == before
    found = await copies(family)
    assert {row["organization"] for row in found.values()} == {"acme-01"}


async def test_copies_are_not_asked_for_copies(family: Syncing) -> None:
    await family.sync()
    own = sorted(each["id"] for each in plain(family.fleet["acme-02"]))
    assert sorted(asked(family, "acme-02", "/shared")) == own


async def test_a_partner_asks_for_copies_with_its_own_key_and_path(family: Syncing) -> None:
    family.organizations = {}
    family.partner_key = Secret(PARTNER_KEY)

    account = await family.sync()

    assert account["exit_code"] == 0
    parent, owner = parent_of(family)["id"], family.fleet["acme-01"].id
    path = f"/api/organizations/{owner}/connections/{parent}/shared"
    assert ("GET", path) in family.simulator.observed.calls("(partner)")
    own = {path for _, path in family.simulator.observed.calls() if path == SHARED.format(parent)}
    assert own == set()
    assert len(await copies(family)) == 2


async def test_an_organization_with_a_key_of_its_own_asks_with_that(family: Syncing) -> None:
    for name in family.organizations:
        family.configure(name, deployment="127.0.0.1")  # where the partner finds it as well
    family.partner_key = Secret(PARTNER_KEY)

    await family.sync()

    partner = [path for _, path in family.simulator.observed.calls("(partner)")]
    assert [path for path in partner if path.endswith("/shared")] == []
    assert len(await copies(family)) == 2


@pytest.mark.parametrize("status", [400, 403, 404, 422])
@pytest.mark.parametrize("is_partner", [False, True], ids=["key", "partner"])
async def test_who_may_not_see_copies_has_none_and_fails_nothing(
    family: Syncing, *, is_partner: bool, status: int
) -> None:
    if is_partner:
        family.organizations, family.partner_key = {}, Secret(PARTNER_KEY)
    family.fleet.faults = [Fault(path="*/connections/*/shared", status=status)]

    account = await family.sync()

    assert account["exit_code"] == 0
    assert account["resources"]["shared_connections"]["seen"] == 0
    family.fleet.faults = []
    await family.sync()
    assert len(await copies(family)) == 2
