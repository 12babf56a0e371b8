"""Who says nothing of what belongs to a connection does not say that it is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from aggregator.diff import SILENT
from aggregator.resources import RESOURCES
from tests.simulator import Fault, Fleet
from tests.syncing import Syncing, syncing


@pytest.fixture
async def sharing(database_url: str) -> AsyncIterator[Syncing]:
    """``acme-01`` shares two of its connections, and some report API calls by sync."""
    async with syncing(database_url, Fleet(3, 12, seed=3)) as world:
        shared = [each["id"] for each in world.fleet["acme-01"].connections[:2]]
        for number, copy in enumerate(world.fleet["acme-02"].connections[:4]):
            copy["parent_connection_id"] = shared[number % 2]
        world.resources = [
            RESOURCES[name] for name in ("connections", "shared_connections", "connection_usage")
        ]
        await world.sync()
        yield world


async def stored(world: Syncing, resource: str) -> Sequence[str]:
    ids: Sequence[str] = await world.column(
        f"select id from inventory.{resource} where organization_id = $1 order by id",  # noqa: S608 - ours
        world.fleet["acme-01"].id,
    )
    return ids


@pytest.mark.parametrize("status", [400, 403, 404, 422])
@pytest.mark.parametrize(
    ("resource", "part"), [("shared_connections", "shared"), ("connection_usage", "usage")]
)
async def test_what_a_connection_is_silent_about_is_kept_however_often_it_is(
    sharing: Syncing, resource: str, part: str, status: int
) -> None:
    before = await stored(sharing, resource)
    assert len(before) > 1
    sharing.fleet["acme-01"].faults = [Fault(path=f"/api/connections/*/{part}", status=status)]

    for _ in range(3):
        account = await sharing.sync()

    assert account["resources"][resource]["removed"] == 0
    assert await stored(sharing, resource) == before


async def test_one_silent_connection_keeps_its_own_and_no_others(sharing: Syncing) -> None:
    silent = sharing.fleet["acme-01"].connections[0]["id"]
    kept = await sharing.column(
        "select id from inventory.shared_connections where parent_connection_id = $1 order by id",
        silent,
    )
    assert 0 < len(kept) < len(await stored(sharing, "shared_connections"))
    sharing.fleet["acme-01"].faults = [
        Fault(path=f"/api/connections/{silent}/shared", status=404),
        Fault(path="/api/connections/*/shared", body={"data": []}),
    ]

    for _ in range(3):
        await sharing.sync()

    assert await stored(sharing, "shared_connections") == kept
    assert set(await sharing.column("select reason from ledger.withheld")) == {SILENT}
    await sharing.sync(accept_removals=True)
    assert await stored(sharing, "shared_connections") == []


async def test_a_key_that_may_do_less_by_the_end_of_a_run_proves_no_absence(
    sharing: Syncing,
) -> None:
    before = await stored(sharing, "shared_connections")
    hidden = sharing.fleet["acme-02"].connections.pop(0)["id"]
    await sharing.sync("acme-01")
    sharing.fleet["acme-01"].faults = [
        Fault(path="/api/me", skip=1, edit=lambda body: body.replace(b'"role"', b'"was"'))
    ]

    account = await sharing.sync("acme-01")

    assert account["resources"]["shared_connections"]["removed"] == 0
    assert hidden in await stored(sharing, "shared_connections")
    sharing.fleet["acme-01"].faults = []
    await sharing.sync("acme-01")
    assert await stored(sharing, "shared_connections") == [key for key in before if key != hidden]
