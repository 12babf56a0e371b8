"""The vendor's own client as the referee: it must understand the simulator, value by value.

Its models drop nothing and rename what they know, so what they give back is compared with the
fleet field by field. It can send Bearer only; Basic goes as a raw header, as its users do it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from polytomic.core.api_error import ApiError
from polytomic.errors import UnauthorizedError

from tests.integration.referee import MakeReader, narrowed, plain, reader_of, timed
from tests.simulator import Fault, Fleet, Simulator, refusal
from tests.simulator.inventory.connection_types import make_connection_types


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(Fleet(3, 60)) as running:
        yield running


@pytest.fixture(params=["sync", "async"])
def reader(request: pytest.FixtureRequest, simulator: Simulator) -> MakeReader:
    return reader_of(simulator, request.param)


async def test_a_user_key_is_identified(simulator: Simulator, reader: MakeReader) -> None:
    organization = simulator.fleet["acme-02"]
    identity = (await reader(organization.key)(lambda client: client.identity.get())).data
    assert identity.organization_id == organization.id
    assert identity.organization_name == organization.display_name
    assert (identity.is_user, identity.is_partner, identity.is_organization) == (True, False, False)
    assert (identity.email, identity.role) == ("inventory@acme-02.example", "admin")
    assert identity.credential.mode == "full"


async def test_the_organization_of_a_key_is_read(simulator: Simulator, reader: MakeReader) -> None:
    organization = simulator.fleet["acme-02"]
    found = (await reader(organization.key)(lambda client: client.organization.get_current())).data
    assert (found.id, found.name) == (organization.id, organization.display_name)


async def test_a_partner_reads_all_organizations(simulator: Simulator, reader: MakeReader) -> None:
    partner = reader(simulator.fleet.partner_key)
    found = (await partner(lambda client: client.organization.list())).data
    identity = (await partner(lambda client: client.identity.get())).data
    assert [(each.id, each.name) for each in found] == [
        (each.id, each.display_name) for each in simulator.fleet
    ]
    assert identity.is_partner
    assert identity.organization_id is None


async def test_every_value_of_every_connection_arrives(
    simulator: Simulator, reader: MakeReader
) -> None:
    organization = simulator.fleet["acme-02"]
    found = (await reader(organization.key)(lambda client: client.connections.list())).data
    assert plain(found) == timed(organization.connections)
    assert any(each.parent_connection_id for each in found)
    assert any(each.rate_limit and each.rate_limit.currently_limited for each in found)


async def test_one_connection_is_read_by_id(simulator: Simulator, reader: MakeReader) -> None:
    organization = simulator.fleet["acme-01"]
    wanted = organization.connections[7]
    read = reader(organization.key)
    found = (await read(lambda client: client.connections.get(wanted["id"]))).data
    assert plain(found) == timed(wanted)


async def test_a_partner_key_narrowed_to_an_organization_reads_its_connections(
    simulator: Simulator, reader: MakeReader
) -> None:
    organization = simulator.fleet["acme-03"]
    read = reader(None, narrowed(simulator, organization))
    found = (await read(lambda client: client.connections.list())).data
    identity = (await read(lambda client: client.identity.get())).data
    assert [each.id for each in found] == [each["id"] for each in organization.connections]
    assert identity.organization_id == organization.id


async def test_connection_types_are_read(simulator: Simulator, reader: MakeReader) -> None:
    organization = simulator.fleet["acme-01"]
    found = (await reader(organization.key)(lambda client: client.connections.get_types())).data
    assert plain(found) == make_connection_types()
    assert len(found) >= 20
    assert all(each.configuration_form.jsonschema["properties"] is not None for each in found)


async def test_a_wrong_key_and_a_wrong_kind_of_key_raise_the_vendors_errors(
    simulator: Simulator, reader: MakeReader
) -> None:
    with pytest.raises(UnauthorizedError) as refused:
        await reader("wrong")(lambda client: client.identity.get())
    with pytest.raises(ApiError) as not_a_partner:
        await reader(simulator.fleet["acme-01"].key)(lambda client: client.organization.list())
    with pytest.raises(ApiError) as not_an_organization:
        await reader(simulator.fleet.partner_key)(lambda client: client.connections.list())
    assert refused.value.body.message == "invalid or unknown API key"
    assert not_a_partner.value.status_code == not_an_organization.value.status_code == 403


async def test_an_empty_and_a_null_list_are_both_read(
    simulator: Simulator, reader: MakeReader
) -> None:
    organization = simulator.fleet["acme-01"]
    organization.connections = []
    read = reader(organization.key)
    assert (await read(lambda client: client.connections.list())).data == []
    organization.faults = [Fault(body={"data": None})]
    assert (await read(lambda client: client.connections.list())).data is None


async def test_a_short_refusal_is_retried_by_the_vendors_client(
    simulator: Simulator, reader: MakeReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polytomic.core.http_client.INITIAL_RETRY_DELAY_SECONDS", 0.0)
    organization = simulator.fleet["acme-01"]
    organization.faults = [refusal(0, times=1)]
    found = (await reader(organization.key)(lambda client: client.connections.list())).data
    assert len(found) == len(organization.connections)
    assert [each.status for each in simulator.observed.requests("acme-01")] == [429, 200]
