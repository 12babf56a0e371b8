"""What is collected: one file a resource, with its path, its columns and its ``normalize``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from aggregator.model import Resource
from aggregator.resources.connections import CONNECTIONS

RESOURCES: Mapping[str, Resource] = MappingProxyType({CONNECTIONS.name: CONNECTIONS})
"""Every known resource by name; the order is the one in which a run takes them."""
