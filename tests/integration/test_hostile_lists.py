"""Whatever the records of a list hold, they are stored or rejected, and Postgres refuses none."""

from __future__ import annotations

import json

import pytest

from aggregator.resource import Resource
from aggregator.resources import RESOURCES
from tests.faults.any_json import ODDITIES
from tests.simulator import Fault
from tests.syncing import Syncing
from tests.unit.normalized import Json, samples

LISTS = [
    each
    for each in RESOURCES.values()
    if each.per == "organization" and each.name != "connections" and not each.is_single
]


def _odd(resource: Resource) -> list[Json]:
    """A record for each oddity, which stands in all of its documented fields."""
    names = [path for path in resource.fields if path.isidentifier()]
    return [
        {**dict.fromkeys(names, oddity), "news": oddity, "id": f"odd-{number}"}
        for number, oddity in enumerate(ODDITIES)
    ]


@pytest.mark.parametrize("resource", LISTS, ids=lambda resource: resource.name)
async def test_odd_records_are_stored_and_an_unchanged_list_writes_nothing(
    world: Syncing, resource: Resource
) -> None:
    """Faults C9 to C20."""
    owner = {"organization_id": world.fleet["acme-01"].id}
    records = [{**record, **owner} for record in [*samples(resource), *_odd(resource)]]
    body = json.dumps({"data": records}).encode("utf-8", "surrogatepass")
    world.fleet["acme-01"].faults = [Fault(path=resource.path, body=body)]
    world.resources = (resource,)

    first = await world.sync("acme-01")
    counts = first["resources"][resource.name]
    ids = {str(record["id"]) for record in records}
    assert (first["exit_code"], counts["created"], counts["rejected"]) == (0, len(ids), 0)

    before = await world.inventory_writes()
    await world.sync("acme-01")
    assert await world.inventory_writes() == before
