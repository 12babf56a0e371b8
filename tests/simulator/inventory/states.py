"""The answers of endpoints that speak of one connection, or of the state of one bulk sync."""

from __future__ import annotations

from collections.abc import Callable

from tests.simulator.generate import Record
from tests.simulator.inventory import bulk_syncs
from tests.simulator.inventory.proxies import make_proxy
from tests.simulator.inventory.schemas import make_schema_state, make_source
from tests.simulator.inventory.usage import make_usage

STATES = {
    "bulk_sync_states": "bulk_syncs",
    "usage": "connections",
    "schemas": "connections",
    "sources": "connections",
    "proxies": "connections",
}
"""State → the list whose records have it."""

_BY_RECORD = {
    "bulk_sync_states": bulk_syncs.make_state,
    "schemas": make_schema_state,
    "sources": make_source,
    "proxies": make_proxy,
}


def make_state(resource: str, record: Record, read: Callable[[str], list[Record]]) -> Record | None:
    """The state of one record, as the record is now; ``read`` gives the organization's lists."""
    if resource == "usage":
        return make_usage(record, read("bulk_syncs"), read("model_syncs"), read("models"))
    return _BY_RECORD[resource](record)
