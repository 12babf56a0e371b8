"""What is collected: one file a resource, with its path, its columns and its ``normalize``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from aggregator.resource import Resource
from aggregator.resources.bulk_syncs import BULK_SYNCS
from aggregator.resources.connection_proxy import CONNECTION_PROXY
from aggregator.resources.connection_schemas import CONNECTION_SCHEMAS
from aggregator.resources.connection_sources import CONNECTION_SOURCES
from aggregator.resources.connection_types import CONNECTION_TYPES
from aggregator.resources.connection_usage import CONNECTION_USAGE
from aggregator.resources.connections import CONNECTIONS
from aggregator.resources.model_syncs import MODEL_SYNCS
from aggregator.resources.models import MODELS
from aggregator.resources.organizations import ORGANIZATIONS
from aggregator.resources.policies import POLICIES
from aggregator.resources.roles import ROLES
from aggregator.resources.shared_connections import SHARED_CONNECTIONS
from aggregator.resources.users import USERS

_ALL = (
    CONNECTIONS,
    CONNECTION_TYPES,
    ORGANIZATIONS,
    BULK_SYNCS,
    MODEL_SYNCS,
    MODELS,
    SHARED_CONNECTIONS,
    CONNECTION_USAGE,
    CONNECTION_SCHEMAS,
    CONNECTION_SOURCES,
    CONNECTION_PROXY,
    USERS,
    POLICIES,
    ROLES,
)

RESOURCES: Mapping[str, Resource] = MappingProxyType({each.name: each for each in _ALL})
"""Every known resource by name; the order is the one in which a run takes them."""
