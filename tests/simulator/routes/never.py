"""What reads customers' data or acts for them: refused with 404, whoever asks and however.

They are spelled out so that no other path pattern answers for them; ``observed`` has every try.
"""

from __future__ import annotations

from tests.simulator.answers import Refused, Reply
from tests.simulator.routes.route import Call, Route

PATHS = (
    "/api/connections/test",
    "/api/connections/{id}/parameter_values",
    "/api/connections/{id}/proxy",
    "/api/connections/{id}/schemas/{schema}/records",
    "/api/connection_types/{id}/parameter_values",
)


def _refuse(_call: Call) -> Reply:
    raise Refused(404, "not served")


ROUTES = tuple(Route(path, _refuse, access="anyone", method="*") for path in PATHS)
