"""What an organization answers about its connections is bounded as a list is."""

from __future__ import annotations

from aggregator.resources import RESOURCES
from tests.simulator import Fault
from tests.syncing import Syncing

USAGE = "/api/connections/*/usage"


async def test_answers_about_many_connections_are_together_no_larger_than_a_list(
    world: Syncing,
) -> None:
    world.resources = (RESOURCES["connections"], RESOURCES["connection_usage"])
    world.settings = {"max_response_bytes": 100_000}
    for organization in world.fleet:
        for connection in organization.connections:
            connection["api_calls_last_24_hours"] = 1
    syncs = [{"syncId": f"s-{number}", "totalCalls": number} for number in range(1_500)]
    world.fleet["acme-01"].faults = [Fault(path=USAGE, body={"data": {"bySync": syncs}})]

    account = await world.sync()

    assert account["outcomes"] == {"complete": 3, "too_large": 1}
    assert account["resources"]["connection_usage"]["created"] > 0
