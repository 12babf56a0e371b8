"""A fleet: the organizations of one simulated host, their keys and their connections."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Any, Literal

from tests.simulator.answers import DEFAULT_VERSION, Body, ErrorShape
from tests.simulator.ceiling import Ceiling
from tests.simulator.fault import Fault
from tests.simulator.generate import Connection, identifier, make_connections

USER_KEY_PREFIX = "face0000"
"""Every key of an organization starts so; it looks like a UUID, as the real ones do."""

PARTNER_KEY = "feed0000-0000-4000-8000-000000000001"
DEPLOYMENT_KEY = "beef0000-0000-4000-8000-000000000001"

KEPT_CONNECTIONS = 100_000
"""About how many encoded connections are kept ready; more are made again when they are asked."""

KeyClass = Literal["user", "organization"]
Generate = Callable[["Organization"], list[Connection]]


class Organization:
    """One tenant; everything about it may be changed while the simulator runs."""

    def __init__(self, name: str, index: int, seed: int, size: int, generate: Generate) -> None:
        self.name = name
        self.id = identifier(seed, "organization", index)
        self.display_name = name.replace("-", " ").title()
        self.key = f"{USER_KEY_PREFIX}-{seed & 0xFFFF:04x}-4000-8000-{index:012x}"
        self.key_class: KeyClass = "user"
        self.size = size
        """How many connections are generated, if nothing touched them before."""
        self.identity: dict[str, Any] = {}
        """Laid over the answer of ``/api/me``: another role, a mode, an organization gone."""
        self.is_listed = True
        """Whether the partner's list of organizations shows it."""
        self.is_open_to_partner = True
        """Whether the partner key, narrowed to it by Basic, may read it; else that is refused."""
        self.faults: list[Fault] = []
        self.ceiling: Ceiling | None = None
        self._generate = generate
        self._connections: list[Connection] | None = None

    @property
    def connections(self) -> list[Connection]:
        """A plain list: add, change, replace and delete in it. Encoded anew once touched."""
        if self._connections is None:
            self._connections = self._generate(self)
        return self._connections

    @connections.setter
    def connections(self, connections: list[Connection]) -> None:
        self._connections = connections

    @property
    def touched(self) -> bool:
        return self._connections is not None

    def connection(self, name_or_id: str) -> Connection:
        """The first connection with this id or name. Raises KeyError where there is none."""
        for connection in self.connections:
            if name_or_id in (connection.get("id"), connection.get("name")):
                return connection
        raise KeyError(name_or_id)

    def __repr__(self) -> str:
        return f"Organization({self.name!r})"


class Fleet:
    """All organizations of one host; the first one is the partner's owner organization.

    Organizations are named ``acme-01``, ``acme-02`` … where ``names`` does not say otherwise, and
    have exactly ``connections`` connections each. Nothing is generated before it is asked for.
    """

    def __init__(
        self,
        organizations: int = 3,
        connections: int = 5,
        seed: int = 1,
        *,
        names: Sequence[str] | None = None,
    ) -> None:
        self.seed = seed
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
        """Route path → records on a page. Lists that are not named here come whole."""
        self.gzip = True
        """Compress answers for callers that accept it."""

        names = names or [f"acme-{number:02d}" for number in range(1, organizations + 1)]
        self.organizations = [
            Organization(name, index, seed, connections, self._generate)
            for index, name in enumerate(names)
        ]
        self.by_name = {each.name: each for each in self.organizations}
        self.by_id = {each.id: each for each in self.organizations}
        self.keys = {each.key: each for each in self.organizations}
        """Key → organization. Add a second key, delete one, or point it at another tenant."""
        self._kept = lru_cache(maxsize=max(1, KEPT_CONNECTIONS // max(1, connections)))(
            self._encode
        )

    @property
    def owner(self) -> Organization:
        return self.organizations[0]

    @property
    def api_keys(self) -> dict[str, str]:
        """Organization name → its key, as the aggregator's setting ``API_KEYS`` takes it."""
        return {each.name: each.key for each in self.organizations}

    def encoded_connections(self, organization: Organization) -> Body:
        """The whole list answer; kept as long as nobody touched the connections."""
        return self._encode(organization) if organization.touched else self._kept(organization)

    def read_connections(self, organization: Organization) -> Sequence[Connection]:
        """The connections for reading only: a look from outside is not a touch."""
        return organization.connections if organization.touched else self._generate(organization)

    def _encode(self, organization: Organization) -> Body:
        return Body.of({"data": self.read_connections(organization)})

    def _generate(self, organization: Organization) -> list[Connection]:
        parents = () if organization is self.owner else self._shareable
        return make_connections(
            self.seed, organization.id, organization.name, organization.size, parents
        )

    @cached_property
    def _shareable(self) -> Sequence[Connection]:
        """What the owner shares: its connections as generated, whatever becomes of them later."""
        return self._generate(self.owner)

    def __getitem__(self, name: str) -> Organization:
        return self.by_name[name]

    def __iter__(self) -> Iterator[Organization]:
        return iter(self.organizations)

    def __len__(self) -> int:
        return len(self.organizations)
