"""What is collected: one file a resource, with its path, its columns and its ``normalize``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from aggregator.model import Resource
from aggregator.resources.bulk_syncs import BULK_SYNCS
from aggregator.resources.connections import CONNECTIONS
from aggregator.resources.model_syncs import MODEL_SYNCS
from aggregator.resources.models import MODELS
from aggregator.resources.organizations import ORGANIZATIONS
from aggregator.resources.policies import POLICIES
from aggregator.resources.roles import ROLES
from aggregator.resources.users import USERS

_ALL = (
    CONNECTIONS,
    ORGANIZATIONS,
    BULK_SYNCS,
    MODEL_SYNCS,
    MODELS,
    USERS,
    POLICIES,
    ROLES,
)

RESOURCES: Mapping[str, Resource] = MappingProxyType({each.name: each for each in _ALL})
"""Every known resource by name; the order is the one in which a run takes them."""
