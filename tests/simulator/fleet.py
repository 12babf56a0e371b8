"""A fleet: the organizations of one simulated host, their keys and their connections."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property, lru_cache, partial
from typing import Any, Literal

from tests.simulator.answers import DEFAULT_VERSION, Body, ErrorShape
from tests.simulator.ceiling import Ceiling
from tests.simulator.fault import Fault
from tests.simulator.generate import Connection, Record, make_connections
from tests.simulator.inventory.bulk_syncs import make_bulk_syncs
from tests.simulator.inventory.connection_types import make_connection_types, make_type_schemas
from tests.simulator.inventory.links import newest_first
from tests.simulator.inventory.model_syncs import make_model_syncs
from tests.simulator.inventory.models import make_models
from tests.simulator.inventory.people import make_policies, make_roles, make_users
from tests.simulator.inventory.states import STATES, make_state
from tests.simulator.organization import Organization, identified

__all__ = ["DEPLOYMENT_KEY", "PARTNER_KEY", "RECORDS", "Fleet", "Organization"]

PARTNER_KEY = "feed0000-0000-4000-8000-000000000001"
DEPLOYMENT_KEY = "beef0000-0000-4000-8000-000000000001"

KEPT_ENCODED = 100_000
"""About how many encoded records of one resource are kept ready; others are made again."""

KEPT_RECORDS = 50_000
"""About how many generated records are kept for reading one by one, or for other resources."""

NEWEST_FIRST = frozenset({"bulk_syncs", "model_syncs", "models"})
"""Lists that the API sorts by ``updated_at``, also when a test put records elsewhere (3)."""

RECORDS = 4
"""Bulk syncs, model syncs and models of an organization, unless the fleet says otherwise."""


class Fleet:
    """All organizations of one host; the first one is the partner's owner organization.

    Organizations are named ``acme-01``, ``acme-02`` … where ``names`` does not say otherwise, and
    have exactly ``connections`` connections each, and as many bulk syncs, model syncs and models as
    is said here where there are connections at all. Nothing is generated before it is asked for.
    """

    def __init__(
        self,
        organizations: int = 3,
        connections: int = 5,
        seed: int = 1,
        *,
        names: Sequence[str] | None = None,
        bulk_syncs: int = RECORDS,
        model_syncs: int = RECORDS,
        models: int = RECORDS,
    ) -> None:
        self.seed = seed
        self.bulk_syncs = bulk_syncs
        self.model_syncs = model_syncs
        self.models = models
        self.partner_key = PARTNER_KEY
        self.deployment_key: str | None = DEPLOYMENT_KEY
        """None: this host knows no deployment key, as the vendor's cloud."""
        self.faults: list[Fault] = []
        """Looked at after those of the organization; they also meet callers without one."""
        self.ceiling: Ceiling | None = None
        self.latency = 0.0
        """Seconds before every answer, whatever else befalls it."""
        self.error_shape: ErrorShape = "A"
        self.bad_key_status: Literal[401, 403] = 401
        self.default_version = DEFAULT_VERSION
        """The version that serves a request without ``X-Polytomic-Version``."""
        self.page_sizes: dict[str, int] = {}
        """Route path → records on a page. Lists that are not named here come whole, but for
        ``/api/syncs``, which has 50 or fewer on a page."""
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        """Tells when a refresh of schemas started and finished."""
        self.refresh_reads = 2
        """How many reads of its state find a schema cache refreshing, until it is fresh."""
        self.gzip = True
        """Compress answers for callers that accept it."""

        names = names or [f"acme-{number:02d}" for number in range(1, organizations + 1)]
        self.organizations = [
            Organization(name, index, seed, connections, self._make)
            for index, name in enumerate(names)
        ]
        self.by_name = {each.name: each for each in self.organizations}
        self.by_id = {each.id: each for each in self.organizations}
        self.keys = {each.key: each for each in self.organizations}
        """Key → organization. Add a second key, delete one, or point it at another tenant."""
        self._kept = {
            resource: lru_cache(maxsize=max(1, KEPT_ENCODED // max(1, size)))(
                partial(self._encode, resource)
            )
            for resource, size in self._sizes(connections).items()
        }
        largest = max(1, *self._sizes(connections).values())
        self._made = lru_cache(maxsize=max(1, KEPT_RECORDS // largest))(self._generate)

    def _sizes(self, connections: int) -> dict[str, int]:
        return {
            "connections": connections,
            "bulk_syncs": self.bulk_syncs,
            "model_syncs": self.model_syncs,
            "models": self.models,
        }

    @property
    def owner(self) -> Organization:
        return self.organizations[0]

    @property
    def api_keys(self) -> dict[str, str]:
        """Organization name → its key, as the aggregator's setting ``API_KEYS`` takes it."""
        return {each.name: each.key for each in self.organizations}

    def encoded_connections(self, organization: Organization) -> Body:
        """The whole list answer; kept as long as nobody touched the connections."""
        return self.encoded(organization, "connections")

    def encoded(self, organization: Organization, resource: str) -> Body:
        """The whole list answer; kept as long as nobody touched that list."""
        if resource in organization.touched or resource not in self._kept:
            return self._encode(resource, organization)
        return self._kept[resource](organization)

    def read(self, organization: Organization, resource: str) -> list[Record]:
        """One of its lists for reading only: a look from outside is not a touch."""
        if resource in organization.touched:
            touched: list[Record] = organization.touched[resource]
            return newest_first(touched) if resource in NEWEST_FIRST else touched
        return self._made(organization, resource)

    def count(self, organization: Organization, resource: str) -> int:
        """How long one of its lists is at most; untouched ones need not be made for that."""
        sizes = self._sizes(organization.size)
        if resource in sizes and resource not in organization.touched:
            return sizes[resource]
        return len(self.read(organization, resource))

    def state(self, organization: Organization, resource: str, record: Record) -> Record | None:
        """The answer for one connection or bulk sync; None where there is none."""
        touched = organization.touched.get(resource, {})
        if record.get("id") in touched:
            answer: Record | None = touched[record["id"]]
            return answer
        return make_state(resource, record, partial(self.read, organization))

    def copies_of(self, connection_id: str) -> list[Connection]:
        """The shared copies of a connection in all organizations, as they are now."""
        untouched = self._generated_copies.get(connection_id, ())
        return [copy for each, copy in untouched if "connections" not in each.touched] + [
            copy
            for each in self
            if "connections" in each.touched
            for _, copy in identified(each.connections)
            if copy.get("parent_connection_id") == connection_id
        ]

    @cached_property
    def connection_types(self) -> list[Record]:
        """What ``/api/connection_types`` lists; change it at will."""
        return make_connection_types()

    @cached_property
    def type_schemas(self) -> dict[str, bytes]:
        """Type → the bytes of its JSON Schema; change them at will."""
        return make_type_schemas()

    def _encode(self, resource: str, organization: Organization) -> Body:
        return Body.of({"data": self.read(organization, resource)})

    def _make(self, organization: Organization, resource: str) -> Any:  # noqa: ANN401 - as asked
        """A list, or a dict of states, that belongs to whoever asks and may be changed."""
        if resource not in STATES:
            return self._generate(organization, resource)
        records = self.read(organization, STATES[resource])
        read = partial(self.read, organization)
        return {key: make_state(resource, record, read) for key, record in identified(records)}

    def _generate(self, organization: Organization, resource: str) -> list[Record]:
        own, made = (self.seed, organization.id), partial(self._made, organization)
        makers: dict[str, Callable[[], list[Record]]] = {
            "connections": lambda: make_connections(
                *own, organization.name, organization.size, self._parents(organization)
            ),
            "bulk_syncs": lambda: make_bulk_syncs(
                *own, organization.name, self.bulk_syncs, made("connections")
            ),
            "model_syncs": lambda: make_model_syncs(
                *own,
                self.model_syncs,
                connections=made("connections"),
                models=made("models"),
                bulk_syncs=made("bulk_syncs"),
            ),
            "models": lambda: make_models(*own, self.models, made("connections")),
            "users": lambda: make_users(organization.id, organization.name),
            "policies": lambda: make_policies(organization.id),
            "roles": lambda: make_roles(organization.id),
        }
        return makers[resource]()

    def _parents(self, organization: Organization) -> Sequence[Connection]:
        return () if organization is self.owner else self._shareable

    @cached_property
    def _shareable(self) -> Sequence[Connection]:
        """What the owner shares: its connections as generated, whatever becomes of them later."""
        return self._generate(self.owner, "connections")

    @cached_property
    def _generated_copies(self) -> dict[str, list[tuple[Organization, Connection]]]:
        copies: dict[str, list[tuple[Organization, Connection]]] = {}
        for organization in self:
            for connection in self._generate(organization, "connections"):
                if parent := connection.get("parent_connection_id"):
                    copies.setdefault(parent, []).append((organization, connection))
        return copies

    def __getitem__(self, name: str) -> Organization:
        return self.by_name[name]

    def __iter__(self) -> Iterator[Organization]:
        return iter(self.organizations)

    def __len__(self) -> int:
        return len(self.organizations)
