"""The vendor's own client reads syncs, models, people and what belongs to one connection."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from polytomic.core.api_error import ApiError
from polytomic.errors import BadRequestError, ForbiddenError, NotFoundError

from tests.integration.referee import MakeReader, narrowed, plain, reader_of, timed
from tests.simulator import Fleet, Organization, Simulator
from tests.simulator.inventory.model_syncs import detailed
from tests.simulator.inventory.schemas import NEVER

CLOCK = datetime(2026, 11, 23, 12, tzinfo=UTC)

LISTS: dict[str, Callable[[Any], Any]] = {
    "bulk_syncs": lambda client: client.bulk_sync.list(),
    "model_syncs": lambda client: client.model_sync.list(),
    "models": lambda client: client.models.list(),
    "users": lambda client: client.users.list_current_org_users(),
    "policies": lambda client: client.permissions.policies.list(),
    "roles": lambda client: client.permissions.roles.list(),
}
ITEMS: dict[str, Callable[[Any, str], Any]] = {
    "bulk_syncs": lambda client, id_: client.bulk_sync.get(id_),
    "model_syncs": lambda client, id_: client.model_sync.get(id_),
    "models": lambda client, id_: client.models.get(id_),
    "users": lambda client, id_: client.users.get_current_org_user(id_),
    "policies": lambda client, id_: client.permissions.policies.get(id_),
    "roles": lambda client, id_: client.permissions.roles.get(id_),
}
STATES: dict[str, Callable[[Any, str], Any]] = {
    "usage": lambda client, id_: client.connections.get_usage(id_),
    "schemas": lambda client, id_: client.schemas.get_status(id_),
    "sources": lambda client, id_: client.bulk_sync.get_source(id_, include_fields=True),
    "proxies": lambda client, id_: client.connections.proxy.get_proxy_info(id_),
}
REFUSALS = {"schemas": {404}, "sources": {400}, "proxies": {403, 404}}


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    fleet = Fleet(3, 60, bulk_syncs=20, model_syncs=20, models=20)
    fleet.clock = lambda: CLOCK
    async with Simulator(fleet) as running:
        yield running


@pytest.fixture
def organization(simulator: Simulator) -> Organization:
    return simulator.fleet["acme-02"]


@pytest.fixture(params=["sync", "async"])
def reader(request: pytest.FixtureRequest, simulator: Simulator) -> MakeReader:
    return reader_of(simulator, request.param)


@pytest.mark.parametrize("resource", LISTS)
async def test_every_value_of_a_list_arrives(
    organization: Organization, reader: MakeReader, resource: str
) -> None:
    found = (await reader(organization.key)(LISTS[resource])).data
    assert plain(found) == timed(getattr(organization, resource))
    assert found


@pytest.mark.parametrize("resource", LISTS)
async def test_a_partner_key_narrowed_to_the_organization_reads_the_same(
    simulator: Simulator, organization: Organization, reader: MakeReader, resource: str
) -> None:
    read = reader(None, narrowed(simulator, organization))
    assert plain((await read(LISTS[resource])).data) == timed(getattr(organization, resource))


@pytest.mark.parametrize("resource", ITEMS)
async def test_each_record_is_read_by_id(
    organization: Organization, reader: MakeReader, resource: str
) -> None:
    for record in getattr(organization, resource)[:5]:

        def ask(client: Any, id_: str = record["id"]) -> Any:  # noqa: ANN401 - the vendor's
            return ITEMS[resource](client, id_)

        found = (await reader(organization.key)(ask)).data
        shown = detailed(record) if resource == "model_syncs" else record
        assert plain(found) == timed(shown)


async def test_the_states_of_all_bulk_syncs_come_in_one_answer(
    organization: Organization, reader: MakeReader
) -> None:
    read = reader(organization.key)
    found = (await read(lambda client: client.bulk_sync.executions.list_status(all_=True))).data
    assert plain(found) == timed(list(organization.bulk_sync_states.values()))
    assert [state.sync_id for state in found] == [sync["id"] for sync in organization.bulk_syncs]
    wanted = [organization.bulk_syncs[number]["id"] for number in (1, 3)]
    some = await read(lambda client: client.bulk_sync.executions.list_status(sync_id=wanted))
    assert [state.sync_id for state in some.data] == wanted


@pytest.mark.parametrize("rows", [50, 51, 100, 101])
async def test_model_syncs_come_fifty_a_page_to_the_last_one(rows: int) -> None:
    async with Simulator(Fleet(1, 5, model_syncs=rows)) as simulator:
        organization = simulator.fleet.owner
        read = reader_of(simulator, "async")(organization.key)
        pages: list[Any] = []
        token: str | None = ""
        while token is not None:

            def ask(client: Any, token: str = token) -> Any:  # noqa: ANN401 - the vendor's
                return client.model_sync.list(page_token=token or None, limit=1000)

            page = await read(ask)
            pages.append(page.data)
            token = page.pagination.next_page_token if page.pagination else None
    found = [sync for page in pages for sync in page]
    assert [len(page) for page in pages] == [50] * (rows // 50) + [rows % 50] * (rows % 50 > 0)
    assert plain(found) == timed(organization.model_syncs)
    assert len({sync.id for sync in found}) == rows


@pytest.mark.parametrize("resource", STATES)
async def test_what_belongs_to_one_connection_is_read_or_refused(
    organization: Organization, reader: MakeReader, resource: str
) -> None:
    expected = getattr(organization, resource)
    outcomes = set()
    for connection in organization.connections:

        def ask(client: Any, id_: str = connection["id"]) -> Any:  # noqa: ANN401 - the vendor's
            return STATES[resource](client, id_)

        try:
            found = plain((await reader(organization.key)(ask)).data)
        except (BadRequestError, ForbiddenError, NotFoundError) as refused:
            outcomes.add(refused.status_code)
            refused_for_setup = refused.status_code == 400 and not connection["saved"]
            assert expected[connection["id"]] is None or refused_for_setup
        else:
            assert found == timed(expected[connection["id"]])
    assert outcomes >= REFUSALS.get(resource, set())


async def test_a_never_refreshed_cache_says_the_zero_time(
    organization: Organization, reader: MakeReader
) -> None:
    key = next(
        key
        for key, state in organization.schemas.items()
        if state and state["last_refresh_finished"] == NEVER
    )
    state = (await reader(organization.key)(lambda client: client.schemas.get_status(key))).data
    assert state.last_refresh_finished == datetime(1, 1, 1, tzinfo=UTC)


async def test_a_refresh_is_accepted_and_ends_after_some_reads(
    simulator: Simulator, organization: Organization, reader: MakeReader
) -> None:
    key = _refreshable(organization)
    read = reader(organization.key)
    response = await read(lambda client: client.schemas.with_raw_response.refresh(key))
    assert response.headers["location"] == f"/api/connections/{key}/schemas/status"
    states = [(await read(lambda client: client.schemas.get_status(key))).data for _ in range(4)]
    assert [each.cache_status for each in states] == ["refreshing"] * 2 + ["fresh"] * 2
    assert states[0].last_refresh_started == CLOCK
    assert states[-1].last_refresh_finished > states[-1].last_refresh_started
    path = f"/api/connections/{key}/schemas"
    assert simulator.observed.calls() == [
        ("POST", f"{path}/refresh"),
        *[("GET", f"{path}/status")] * 4,
    ]


async def test_only_healthy_connections_with_schemas_of_their_own_are_refreshed(
    organization: Organization, reader: MakeReader
) -> None:
    read = reader(organization.key)
    key = _refreshable(organization)
    without = next(key for key, state in organization.schemas.items() if state is None)

    async def status(id_: str) -> int:
        with pytest.raises(ApiError) as refused:
            await read(lambda client: client.schemas.refresh(id_))
        return refused.value.status_code or 0

    assert (await status(without), await status("unknown")) == (404, 404)
    organization.connection(key)["parent_connection_id"] = "elsewhere"
    assert await status(key) == 400
    del organization.connection(key)["parent_connection_id"]
    organization.connection(key)["status"] = "unhealthy"
    assert await status(key) == 400


async def test_the_copies_of_a_connection_are_read_by_its_organization_and_the_partner(
    simulator: Simulator, reader: MakeReader
) -> None:
    fleet = simulator.fleet
    for parent in fleet.owner.connections:
        key = parent["id"]
        copies = [
            connection
            for organization in fleet
            for connection in organization.connections
            if connection.get("parent_connection_id") == key
        ]
        if copies:
            break
    own, partner = reader(fleet.owner.key), reader(fleet.partner_key)
    found = await own(
        lambda client: client.connections.shared_connections.list_shared_connections(key)
    )
    by_partner = await partner(
        lambda client: client.connections.shared_connections.list_shared_connections_for_partner(
            fleet.owner.id, key
        )
    )
    assert plain(found.data) == plain(by_partner.data) == timed(copies)
    with pytest.raises(NotFoundError):
        await partner(
            lambda client: (
                client.connections.shared_connections.list_shared_connections_for_partner(
                    fleet["acme-02"].id, key
                )
            )
        )


async def test_the_schema_of_a_type_comes_bare(simulator: Simulator, reader: MakeReader) -> None:
    read = reader(simulator.fleet["acme-02"].key)
    for kind, listed in ((each["id"], each) for each in simulator.fleet.connection_types):

        def ask(client: Any, kind: str = kind) -> Any:  # noqa: ANN401 - the vendor's
            return client.connections.get_connection_type_schema(kind)

        assert plain(await read(ask)) == listed["configurationForm"]["jsonschema"]
    with pytest.raises(NotFoundError):
        await read(lambda client: client.connections.get_connection_type_schema("unknown"))


def _refreshable(organization: Organization) -> str:
    return next(
        str(connection["id"])
        for connection in organization.connections
        if connection.get("status") == "healthy"
        and "parent_connection_id" not in connection
        and organization.schemas[connection["id"]]
    )
