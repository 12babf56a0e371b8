"""One tenant of the simulated host."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, Literal, TypeVar

from tests.simulator.ceiling import Ceiling
from tests.simulator.fault import Fault
from tests.simulator.generate import Connection, Record, identifier

USER_KEY_PREFIX = "face0000"
"""Every key of an organization starts so; it looks like a UUID, as the real ones do."""

KeyClass = Literal["user", "organization"]

T = TypeVar("T")


def identified(records: Iterable[Any]) -> Iterator[tuple[str, Record]]:
    """Those that are objects with an id, with it: tests also put nonsense in lists."""
    for record in records:
        if isinstance(record, dict) and isinstance(record.get("id"), str):
            yield record["id"], record


class Touchable(Generic[T]):
    """Made when a test first asks for it; from then on what the test made of it is served."""

    def __set_name__(self, owner: type[Organization], name: str) -> None:
        self._name = name

    def __get__(self, organization: Organization, owner: type[Organization]) -> T:
        touched = organization.touched
        if self._name not in touched:
            touched[self._name] = organization.make(self._name)
        made: T = touched[self._name]
        return made

    def __set__(self, organization: Organization, value: T) -> None:
        organization.touched[self._name] = value


class Organization:
    """Everything about it may be changed while the simulator runs, and is read anew each time.

    The lists hold what their endpoints show. The dicts hold one answer for each connection (for
    each bulk sync where it says so); an answer of None is one that is not available.
    """

    connections: Touchable[list[Connection]] = Touchable()
    bulk_syncs: Touchable[list[Record]] = Touchable()
    model_syncs: Touchable[list[Record]] = Touchable()
    models: Touchable[list[Record]] = Touchable()
    users: Touchable[list[Record]] = Touchable()
    policies: Touchable[list[Record]] = Touchable()
    roles: Touchable[list[Record]] = Touchable()

    bulk_sync_states: Touchable[dict[str, Record | None]] = Touchable()
    """By bulk sync."""
    usage: Touchable[dict[str, Record | None]] = Touchable()
    schemas: Touchable[dict[str, Record | None]] = Touchable()
    """The state of each schema cache; a refresh changes it."""
    sources: Touchable[dict[str, Record | None]] = Touchable()
    proxies: Touchable[dict[str, Record | None]] = Touchable()

    def __init__(
        self,
        name: str,
        index: int,
        seed: int,
        size: int,
        make: Callable[[Organization, str], Any],
    ) -> None:
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
        self.touched: dict[str, Any] = {}
        """What tests asked for, by attribute; all else is generated."""
        self.refreshing: dict[str, int] = {}
        """Connection → how many more reads find its schema cache being refreshed."""
        self._make = make

    def make(self, resource: str) -> Any:  # noqa: ANN401 - a list or a dict, by resource
        return self._make(self, resource)

    def connection(self, name_or_id: str) -> Connection:
        """The first connection with this id or name. Raises KeyError where there is none."""
        for connection in self.connections:
            if name_or_id in (connection.get("id"), connection.get("name")):
                return connection
        raise KeyError(name_or_id)

    def __repr__(self) -> str:
        return f"Organization({self.name!r})"
