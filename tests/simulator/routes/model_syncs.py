"""``/api/syncs``, never more than 50 on a page, and one sync with other fields (5.5)."""

from __future__ import annotations

from tests.simulator.answers import Refused, Reply
from tests.simulator.inventory.model_syncs import detailed
from tests.simulator.routes.route import Call, Route

_MOST = 50


def _list(call: Call) -> Reply:
    return call.resource("model_syncs", min(_asked(call), call.page_size or _MOST))


def _asked(call: Call) -> int:
    """``limit``, cut to 50; what is not positive means 50."""
    try:
        limit = int(call.query.get("limit", _MOST))
    except ValueError:
        raise Refused(400, "invalid limit") from None
    return min(limit, _MOST) if limit > 0 else _MOST


def _get(call: Call) -> Reply:
    return call.one(detailed(call.found("model_syncs")))


ROUTES = (
    Route("/api/syncs", _list),
    Route("/api/syncs/{id}", _get),
)
