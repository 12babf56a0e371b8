"""Other resources than connections: each is read in its way, and written like connections."""

from __future__ import annotations

from aggregator.resources import RESOURCES
from tests.simulator import Fault
from tests.syncing import Syncing


async def test_every_default_resource_is_read_of_every_organization(whole: Syncing) -> None:
    account = await whole.sync()

    assert account["exit_code"] == 0
    for name in ("connections", "bulk_syncs", "model_syncs", "models"):
        there = sum(len(getattr(each, name)) for each in whole.fleet)
        assert account["resources"][name]["created"] == there == await whole.stored(name)
    assert await whole.stored("organizations") == 3


async def test_an_unchanged_inventory_writes_nothing_of_any_resource(whole: Syncing) -> None:
    await whole.sync()
    before = await whole.inventory_writes()

    account = await whole.sync()

    assert await whole.inventory_writes() == before
    for counts in account["resources"].values():
        assert counts["seen"] == counts["unchanged"] > 0


async def test_one_resource_that_fails_leaves_the_others_complete(whole: Syncing) -> None:
    whole.fleet["acme-02"].faults = [Fault(path="/api/models", status=500)]

    account = await whole.sync()

    assert account["outcomes"]["upstream_error"] == 1
    assert account["organizations"] == {
        "total": 3,
        "complete": 2,
        "partial": 0,
        "failed": 1,
        "deferred": 0,
    }
    assert account["resources"]["bulk_syncs"]["created"] == 12
    row = await whole.organization("acme-02")
    assert (row["status"], row["resources_not_complete"]) == ("failed", ["models"])


async def test_who_a_key_is_is_asked_once_for_all_resources(whole: Syncing) -> None:
    await whole.sync()
    assert whole.simulator.observed.calls("acme-02").count(("GET", "/api/me")) == 1


async def test_schemas_of_types_in_use_are_read_once_and_decide_what_is_kept(
    whole: Syncing,
) -> None:
    account = await whole.sync()

    in_use = await whole.column("select distinct type_id from inventory.connections")
    assert account["resources"]["connection_types"]["rejected"] == 0
    calls = [path for _, path in whole.simulator.observed.calls()]
    for kind in in_use:
        assert calls.count(f"/api/connection_types/{kind}") == 1
    known = await whole.column(
        "select id from inventory.connection_types where configuration_fields is not null"
    )
    assert set(known) == set(in_use)
    assert calls.count("/api/connection_types") == 1, "once for all organizations of a host"


async def test_every_resource_is_read_and_unchanged_the_next_time(everything: Syncing) -> None:
    account = await everything.sync()
    assert account["exit_code"] == 0
    assert account["resources"].keys() == RESOURCES.keys()
    before = await everything.inventory_writes()

    account = await everything.sync()

    assert account["exit_code"] == 0
    after = await everything.inventory_writes()
    assert {name: after[name] for name in after if after[name] != before[name]} == {}


async def calls(world: Syncing, method: str, part: str) -> list[str]:
    seen = world.simulator.observed.calls()
    return [path for asked, path in seen if asked == method and part in path]


async def test_only_one_that_was_asked_to_refreshes_schemas_and_only_of_healthy_connections(
    everything: Syncing,
) -> None:
    everything.resources = [RESOURCES["connections"], RESOURCES["connection_schemas"]]
    await everything.sync()
    assert await calls(everything, "POST", "") == []
    before = await everything.column(
        "select last_refresh_finished_at from reporting.connection_schemas order by connection_id"
    )

    account = await everything.sync(refresh_schemas=True)

    assert account["exit_code"] == 0
    posted = await calls(everything, "POST", "/schemas/refresh")
    healthy = await everything.column(
        "select connection_id from reporting.connection_schemas"
        " join reporting.connections using (connection_id) where is_healthy and not is_shared"
    )
    assert {path.split("/")[3] for path in posted} == set(healthy)
    after = await everything.column(
        "select last_refresh_finished_at from reporting.connection_schemas order by connection_id"
    )
    assert after != before


async def test_nothing_is_asked_of_connections_that_were_not_read_completely(
    everything: Syncing,
) -> None:
    everything.fleet["acme-02"].faults = [Fault(path="/api/connections", status=500)]

    account = await everything.sync()

    each = sum(resource.per == "connection" for resource in RESOURCES.values())
    assert account["outcomes"]["deferred"] == each
    assert account["organizations"]["failed"] == 1
    asked = everything.simulator.observed.calls("acme-02")
    assert not [path for _, path in asked if path.startswith("/api/connections/")]


async def test_a_connection_that_has_no_such_thing_is_not_a_failure(everything: Syncing) -> None:
    everything.resources = [RESOURCES["connections"], RESOURCES["connection_proxy"]]
    account = await everything.sync()
    assert account["exit_code"] == 0
    shown = await everything.column("select is_available from reporting.connection_proxy")
    assert set(shown) == {True, False}


async def test_one_connection_that_cannot_be_asked_keeps_its_rows_and_the_others_are_read(
    everything: Syncing,
) -> None:
    everything.resources = [RESOURCES["connections"], RESOURCES["connection_proxy"]]
    await everything.sync()
    broken = everything.fleet["acme-01"].connections[2]["id"]
    before = await everything.stored("connection_proxy")
    everything.fleet.faults = [Fault(path=f"/api/connections/{broken}/proxy/info", status=500)]

    account = await everything.sync()

    assert account["outcomes"]["partial"] == 1
    assert account["resources"]["connection_proxy"]["rejected"] == 1
    assert account["resources"]["connection_proxy"]["removed"] == 0
    assert await everything.stored("connection_proxy") == before


async def test_a_plan_of_a_new_fleet_asks_nothing_of_connections_it_has_not_stored(
    everything: Syncing,
) -> None:
    account = await everything.sync(plan=True)
    assert account["exit_code"] == 0
    assert account["resources"]["bulk_syncs"]["created"] == 12
    assert account["resources"]["connection_proxy"]["seen"] == 0


async def test_what_a_lesser_key_may_not_ask_is_not_taken_for_absent(everything: Syncing) -> None:
    everything.resources = [RESOURCES["connections"], RESOURCES["connection_sources"]]
    await everything.sync()
    before = await everything.query("select * from inventory.connection_sources order by id")
    lesser = everything.fleet["acme-01"]
    lesser.identity = {"role": "viewer"}
    lesser.faults = [
        Fault(path=f"/api/connections/{each['id']}/bulksync/source", status=403)
        for each in lesser.connections
    ]

    account = await everything.sync()

    assert account["outcomes"]["forbidden"] == 1
    assert before == await everything.query(
        "select * from inventory.connection_sources order by id"
    )
