"""An independent statement of the Polytomic API, to test against; shares no code with the package.

``async with Simulator(Fleet(3)) as sim`` serves three organizations; ``sim.fleet["acme-01"]`` is
one of them, to be changed at will; ``sim.observed`` says what the host saw. See the README.
"""

from tests.simulator.catalogue import CANARY
from tests.simulator.ceiling import Ceiling
from tests.simulator.demo import demo_fleet
from tests.simulator.fault import Fault, html_page, refusal
from tests.simulator.fleet import Fleet, Organization
from tests.simulator.observed import Observed, Seen
from tests.simulator.server import Simulator

__all__ = [
    "CANARY",
    "Ceiling",
    "Fault",
    "Fleet",
    "Observed",
    "Organization",
    "Seen",
    "Simulator",
    "demo_fleet",
    "html_page",
    "refusal",
]
