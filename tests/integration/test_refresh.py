"""A refresh that fails costs nothing but freshness."""

from __future__ import annotations

import pytest

from aggregator.refresh import MOST_REFUSED_IN_A_ROW
from aggregator.resources import RESOURCES
from tests.simulator import Fault
from tests.syncing import Syncing

REFRESH = "/api/connections/*/schemas/refresh"


def posts(world: Syncing) -> list[str]:
    return [path for method, path in world.simulator.observed.calls() if method == "POST"]


@pytest.fixture
async def schemas(world: Syncing) -> Syncing:
    world.resources = (RESOURCES["connections"], RESOURCES["connection_schemas"])
    world.settings = {"request_timeout_seconds": 0.3}
    for connection in world.fleet["acme-01"].connections:
        connection["status"] = "healthy"
        connection["type"]["operations"] = ["bulksyncsource"]
        connection.pop("parent_connection_id", None)
    return world


@pytest.mark.parametrize(
    "fault",
    [
        Fault(path=REFRESH, latency=30),
        Fault(path=REFRESH, status=418),
        Fault(path=REFRESH, body=b"x", status=200),
    ],
    ids=["hangs", "a status of its own", "200"],
)
async def test_schemas_are_read_where_refreshes_fail(schemas: Syncing, fault: Fault) -> None:
    schemas.fleet["acme-01"].faults = [fault]

    account = await schemas.sync("acme-01", refresh_schemas=True)

    assert account["exit_code"] == 0
    assert account["resources"]["connection_schemas"]["created"] == 6
    assert len(posts(schemas)) == MOST_REFUSED_IN_A_ROW
    [note] = await schemas.column(
        "select error from reporting.run_organizations where resource = 'connection_schemas'"
    )
    assert note == "6 refreshes were refused or not asked for"


async def test_one_connection_that_cannot_be_looked_at_costs_the_others_nothing(
    schemas: Syncing,
) -> None:
    broken = schemas.fleet["acme-01"].connections[0]["id"]
    status = f"/api/connections/{broken}/schemas/status"
    schemas.fleet["acme-01"].faults = [Fault(path=status, skip=1, status=500)]

    account = await schemas.sync("acme-01", refresh_schemas=True)

    assert account["outcomes"] == {"complete": 1, "partial": 1}
    assert account["resources"]["connection_schemas"]["created"] == 5
    assert len(posts(schemas)) == 6


async def test_nothing_is_posted_to_an_address_that_needs_escapes(schemas: Syncing) -> None:
    odd, *_ = schemas.fleet["acme-01"].connections
    odd["id"] = "../syncs/1/executions?x="

    account = await schemas.sync("acme-01", refresh_schemas=True)

    assert account["exit_code"] == 0
    assert len(posts(schemas)) == 5
    assert not [path for path in posts(schemas) if "executions" in path]
