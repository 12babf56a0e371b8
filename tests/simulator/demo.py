"""The fleet of ``make demo``: 26 organizations, some of which fail, each in its own way."""

from __future__ import annotations

from random import Random

from tests.simulator.fault import Fault, html_page, refusal
from tests.simulator.fleet import Fleet, Organization
from tests.simulator.generate import shared_copy

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


def demo_fleet(seed: int = 1) -> Fleet:
    """A new fleet; who fails and how is in the README of this folder."""
    fleet = Fleet(connections=0, seed=seed, names=NAMES)
    random = Random(f"{seed}:demo")  # noqa: S311 - repeatable, not secret
    for organization in fleet:
        organization.size = random.randint(6, 22)
    for name in SHARING:
        _share(fleet.owner, fleet[name])

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


def _share(owner: Organization, child: Organization) -> None:
    for parent in owner.connections[:2]:
        child.connections.append(shared_copy(parent, child.id))
