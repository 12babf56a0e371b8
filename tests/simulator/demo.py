"""The fleet of ``make demo``: 26 organizations, some of which fail, each in its own way."""

from __future__ import annotations

from random import Random

from tests.simulator.fault import Fault, html_page, refusal
from tests.simulator.fleet import Fleet, Organization
from tests.simulator.generate import Connection, shared_copy
from tests.simulator.inventory.links import can

NAMES = (
    "northwind-group",  # the owner organization: its connections are shared with others
    "acme-us",
    "acme-eu",
    "acme-apac",
    "bluebird-air",
    "cobalt-bank",
    "copperleaf",
    "daybreak-media",
    "evergreen-foods",
    "fjord-shipping",
    "granite-insurance",
    "harbor-hotels",
    "indigo-retail",
    "juniper-health",
    "kestrel-energy",
    "lumen-optics",
    "maple-schools",
    "nimbus-cloud",
    "orchard-farms",
    "pinewood-homes",
    "quartz-jewelers",
    "redwood-labs",
    "saffron-travel",
    "tundra-outdoor",
    "umber-paints",
    "violet-cosmetics",
)

SHARING = ("acme-us", "acme-eu", "acme-apac")
"""These surely have copies of the owner's connections; others may."""

BROKEN_COPIES = {
    "acme-us": "unhealthy",
    "acme-eu": "healthy",
    "acme-apac": None,
    "bluebird-air": "unhealthy",
    "copperleaf": "healthy",
}
"""Who depends on the owner's broken warehouse, and what is said of their copies.

Health is checked on the parent only: a copy repeats that, or its last word is an old one, or none.
"""


def demo_fleet(seed: int = 1) -> Fleet:
    """A new fleet; who fails and how is in the README of this folder."""
    fleet = Fleet(connections=0, seed=seed, names=NAMES)
    random = Random(f"{seed}:demo")  # noqa: S311 - repeatable, not secret
    for organization in fleet:
        organization.size = random.randint(6, 22)
    for name in SHARING:
        _share(fleet.owner, fleet[name])
    _break_warehouse(fleet)

    # For good: these end as failed.
    fleet["harbor-hotels"].faults = [Fault(status=401)]
    fleet["lumen-optics"].faults = [Fault(status=403)]
    fleet["quartz-jewelers"].faults = [Fault(status=500)]
    fleet["umber-paints"].faults = [html_page()]
    # For a while, or merely unpleasant: these end as complete.
    fleet["cobalt-bank"].faults = [refusal(1, times=1)]
    fleet["fjord-shipping"].faults = [Fault(latency=0.3)]
    fleet["nimbus-cloud"].faults = [Fault(status=503, times=2)]
    return fleet


def _break_warehouse(fleet: Fleet) -> None:
    """One connection of the owner fails, and with it what other organizations built on copies."""
    parent = next(
        each
        for each in fleet.owner.connections
        if can(each, "bulksyncsource") and can(each, "target")
    )
    parent |= {
        "name": "Group warehouse",
        "status": "unhealthy",
        "status_error": 'pq: password authentication failed for user "reader"',
    }
    _build_on(fleet.owner, parent)
    for name, status in BROKEN_COPIES.items():
        copy = shared_copy(parent, fleet[name].id)
        if status != "unhealthy":
            del copy["status"], copy["status_error"]
        if status is not None:
            copy["status"] = status
        fleet[name].connections.append(copy)
        _build_on(fleet[name], copy)


def _build_on(organization: Organization, connection: Connection) -> None:
    """A bulk sync, a model and a model sync of the organization now read this connection."""
    organization.bulk_syncs[0] |= {
        "name": "Load from the group warehouse",
        "active": True,
        "source_connection_id": connection["id"],
    }
    model = organization.models[0]
    model |= {"name": "Customers of the group", "connection_id": connection["id"]}
    organization.model_syncs[0] |= {
        "name": "Push customers of the group",
        "active": True,
        "model_ids": [model["id"]],
    }


def _share(owner: Organization, child: Organization) -> None:
    for parent in owner.connections[:2]:
        child.connections.append(shared_copy(parent, child.id))
