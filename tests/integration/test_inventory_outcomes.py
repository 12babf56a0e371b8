"""Each resource ends by itself: one that fails takes no other with it; each is accounted for."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import timedelta

import pytest

from aggregator.resources import RESOURCES
from tests.simulator import Fault, Fleet, html_page
from tests.syncing import Row, Syncing, syncing

LISTS = [name for name, each in RESOURCES.items() if each.per == "organization"]
PER_CONNECTION = [name for name, each in RESOURCES.items() if each.per == "connection"]
DEPENDENT = len(PER_CONNECTION)


async def by_scope(world: Syncing, account: Row) -> dict[tuple[str, str], str]:
    """Outcomes by organization and resource; what deployments have in common left out."""
    ends = await world.ends(account)
    return {key: end["outcome"] for key, end in ends.items() if key[1] != "connection_types"}


def planned(world: Syncing) -> set[tuple[str, str]]:
    names = [each.name for each in world.resources if each.per != "deployment"]
    return {(organization.name, name) for organization in world.fleet for name in names}


@pytest.mark.parametrize(
    ("resource", "fault", "outcome"),
    [
        *((resource, Fault(status=500), "upstream_error") for resource in LISTS),
        ("users", Fault(status=403), "forbidden"),
        ("bulk_syncs", Fault(status=404), "not_found"),
        ("organizations", Fault(body={"data": 7}), "bad_payload"),
        ("model_syncs", html_page(), "bad_payload"),
        ("policies", Fault(body={"data": {}}), "bad_payload"),
    ],
)
async def test_a_resource_that_fails_leaves_all_others_complete(
    everything: Syncing, resource: str, fault: Fault, outcome: str
) -> None:
    fault.path, fault.applied = RESOURCES[resource].path, 0
    everything.fleet["acme-02"].faults = [fault]

    account = await everything.sync()

    ends = await by_scope(everything, account)
    assert ends.keys() == planned(everything)
    failed = {key: end for key, end in ends.items() if end != "complete"}
    assert failed.pop(("acme-02", resource)) == outcome
    waiting = PER_CONNECTION if resource == "connections" else []
    assert failed == {("acme-02", name): "deferred" for name in waiting}
    assert account["exit_code"] == 3
    assert account["organizations"]["complete"] == 2
    row = await everything.organization("acme-02")
    assert row["resources_not_complete"] == [resource]
    assert row["last_outcome"] == outcome
    assert "connection_types" not in row["resources_complete"], "that is nobody's own"


@pytest.mark.parametrize("resource", PER_CONNECTION)
async def test_a_resource_of_connections_that_fails_leaves_all_others_complete(
    everything: Syncing, resource: str
) -> None:
    path = RESOURCES[resource].path.replace("{id}", "*")
    acme = everything.fleet["acme-02"]
    acme.faults = [Fault(path=path, status=500)]
    for connection in acme.connections:
        connection["api_calls_last_24_hours"] = 5

    account = await everything.sync()

    ends = await by_scope(everything, account)
    assert ends.keys() == planned(everything)
    failed = {key: end for key, end in ends.items() if end != "complete"}
    assert failed == {("acme-02", resource): "upstream_error"}


async def test_each_resource_is_as_old_as_its_own_last_look(everything: Syncing) -> None:
    await everything.sync()
    await everything.pass_time(timedelta(days=3))
    everything.fleet["acme-02"].faults = [Fault(path="/api/models", status=500)]

    await everything.sync()

    ages = await everything.query(
        "select resource, now() - last_complete_at > interval '2 days' as is_old"
        " from ledger.scopes where organization = 'acme-02' and last_attempt_at is not null"
    )
    assert [each["resource"] for each in ages if each["is_old"]] == ["models"]
    seen = "select distinct now() - last_seen_at > interval '2 days' from reporting.{}"
    of_it = " where organization = 'acme-02'"
    assert await everything.column(seen.format("models") + of_it) == [True]
    assert await everything.column(seen.format("bulk_syncs") + of_it) == [False]
    row = await everything.organization("acme-02")
    assert (row["status"], row["last_outcome"]) == ("stale", "upstream_error")


async def test_what_is_not_asked_for_any_more_counts_for_nobodys_status(
    everything: Syncing,
) -> None:
    everything.fleet["acme-02"].faults = [Fault(path="/api/models", status=500)]
    await everything.sync()
    assert (await everything.organization("acme-02"))["status"] != "complete"
    everything.resources = [RESOURCES["connections"]]

    await everything.sync()

    row = await everything.organization("acme-02")
    assert (row["status"], row["resources_not_complete"]) == ("complete", [])


async def test_a_run_that_is_stopped_accounts_for_every_scope_once(everything: Syncing) -> None:
    """Fault H1: some are written, some are in flight, some are not begun."""
    everything.settings = {"max_concurrency": 2, "run_deadline_seconds": 0.3}
    everything.fleet.latency = 0.02

    account = await everything.sync()

    ends = await by_scope(everything, account)
    assert ends.keys() == planned(everything)
    assert {"complete", "deferred"} <= set(ends.values())
    assert account["outcomes"] == Counter(
        end["outcome"] for end in (await everything.ends(account)).values()
    )
    everything.settings, everything.fleet.latency = {}, 0
    assert (await everything.sync())["exit_code"] == 0


async def test_a_run_that_died_is_closed_by_the_next_one(everything: Syncing) -> None:
    """Fault H4: whatever it had not read is accounted for, resource by resource."""
    await everything.sync()
    run_id = await everything.value("select run_id from reporting.runs")
    async with everything.database.transaction() as connection:
        await connection.execute(
            "delete from ledger.run_organizations where resource not in ('connections', 'models')"
        )
        names = [each.name for each in everything.fleet]
        await connection.execute(
            "update ledger.runs set status = 'running', finished_at = null, planned ="
            " (select jsonb_object_agg(r, $1::text[]) from unnest($2::text[]) r)",
            names,
            [each.name for each in everything.resources if each.per != "deployment"],
        )

    await everything.sync()

    died = {"run_id": str(run_id)}
    ends = await by_scope(everything, died)
    assert ends.keys() == planned(everything)
    assert Counter(ends.values()) == {"complete": 6, "cancelled": len(ends) - 6}
    [old] = [run for run in await everything.runs() if run["run_id"] == run_id]
    assert old["status"] == "abandoned"


async def tables(world: Syncing) -> dict[str, list[str]]:
    """All rows of all tables, as text."""
    names = await world.column(
        "select format('%I.%I', schemaname, tablename) from pg_tables"
        " where schemaname in ('inventory', 'ledger') order by 1"
    )
    return {
        name: await world.column(f"select t::text from {name} t order by 1")  # noqa: S608
        for name in names
    }


async def test_a_plan_of_everything_commits_nothing_and_names_changes_of_each_resource(
    everything: Syncing,
) -> None:
    before = await tables(everything)
    first = await everything.sync(plan=True)
    assert (first["exit_code"], await tables(everything)) == (0, before)
    own = {name for name in LISTS if name != "organizations"}
    assert {each["resource"] for each in first["plan"]} >= own
    await everything.sync()
    acme = everything.fleet["acme-01"]
    for name in own - {"users"}:
        getattr(acme, name)[0]["name"] = "renamed"
    acme.users[0]["role"] = "none"
    acme.models.pop()
    parent = next(each for each in acme.connections if each.get("parent_connection_id") is None)
    acme.proxies[parent["id"]] = {"backend_type": "made up"}
    before = await tables(everything)

    account = await everything.sync(plan=True)

    assert await tables(everything) == before
    plans = {each["resource"]: each for each in account["plan"]}
    assert plans.keys() >= {*own, "connection_proxy"}
    assert plans["models"]["removed"] == 1
    assert plans["users"]["fields"] == {"role": 1}
    assert plans["bulk_syncs"]["fields"] == {"name": 1}


async def test_a_key_says_once_whose_it_is_for_all_lists(everything: Syncing) -> None:
    everything.resources = [RESOURCES[name] for name in LISTS]
    await everything.sync()
    for each in everything.fleet:
        assert everything.simulator.observed.calls(each.name).count(("GET", "/api/me")) == 1
    await everything.sync()
    everything.simulator.observed.reset()
    await everything.sync()
    assert ("GET", "/api/me") not in everything.simulator.observed.calls()


@pytest.mark.parametrize(
    ("identity", "outcome"),
    [
        ({"organization_id": "00000000-1111-4000-8000-000000000000"}, "org_mismatch"),
        ({"organization_id": None}, "wrong_key_type"),
    ],
)
async def test_a_key_that_is_not_the_organizations_ends_all_of_it_alike(
    everything: Syncing, identity: Row, outcome: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    everything.configure("acme-02", organization_id=everything.fleet["acme-02"].id)
    everything.fleet["acme-02"].identity = identity

    account = await everything.sync()

    ends = await by_scope(everything, account)
    mine = {name: end for (organization, name), end in ends.items() if organization == "acme-02"}
    assert mine == {name: "deferred" if name in PER_CONNECTION else outcome for name in mine}
    for name in RESOURCES:
        assert await everything.stored(name, "acme-02") == 0
    assert not caplog.records


async def test_a_key_of_another_organization_changes_nothing_of_either(
    everything: Syncing,
) -> None:
    """Fault A1: the wrong file, the wrong line; nothing of either is taken for the other's."""
    await everything.sync()
    before = await everything.inventory_writes()
    everything.use_key("acme-02", everything.fleet["acme-03"].key)
    everything.fleet["acme-03"].models.clear()  # an empty list has no record that names anybody
    everything.fleet["acme-03"].roles.clear()
    everything.fleet["acme-01"].faults = []

    account = await everything.sync("acme-02")

    ends = await by_scope(everything, account)
    assert Counter(ends.values()) == {"org_mismatch": len(LISTS), "deferred": DEPENDENT}
    assert await everything.inventory_writes() == before


async def test_one_key_under_two_names_is_read_once(everything: Syncing) -> None:
    """Fault A2."""
    everything.add("twin", everything.fleet["acme-01"].key)

    account = await everything.sync()

    ends = await by_scope(everything, account)
    twins = [{e for (o, _), e in ends.items() if o == name} for name in ("acme-01", "twin")]
    assert {frozenset(each) for each in twins} == {
        frozenset({"complete"}),
        frozenset({"duplicate_org", "deferred"}),
    }
    assert await everything.stored("models", "acme-01") == 4


async def test_a_key_that_points_elsewhere_of_a_sudden_writes_nothing_anywhere(
    everything: Syncing,
) -> None:
    """Fault A1: the same key, which the server takes for another organization's now."""
    await everything.sync()
    before = await everything.inventory_writes()
    fleet = everything.fleet
    fleet.keys[fleet["acme-02"].key] = fleet["acme-03"]

    account = await everything.sync("acme-02")

    ends = await by_scope(everything, account)
    assert set(ends.values()) == {"org_mismatch", "deferred"}
    assert await everything.inventory_writes() == before


async def test_a_key_that_is_demoted_between_two_lists_proves_nothing_with_either(
    everything: Syncing,
) -> None:
    """Fault D3: the rights that an answer lacked rows with are asked for after it."""
    everything.resources = [RESOURCES[name] for name in LISTS]
    await everything.sync()
    acme = everything.fleet["acme-01"]
    acme.models.pop()
    acme.bulk_syncs.pop()

    def demote(body: bytes) -> bytes:
        return body.replace(b'"role":"', b'"role":"less-')

    acme.faults = [Fault(path="/api/me", skip=1, edit=demote)]

    account = await everything.sync()

    assert sum(counts["removed"] for counts in account["resources"].values()) == 0
    assert await everything.stored("models", "acme-01") == 4


async def test_limits_hold_over_all_resources_together(database_url: str) -> None:
    async with syncing(database_url, Fleet(2, 3)) as world:
        world.resources = list(RESOURCES.values())
        world.settings = {
            "requests_per_second": 40,
            "requests_per_second_per_organization": 25,
            "max_concurrency_per_organization": 2,
        }
        account = await world.sync()
        assert account["exit_code"] == 0
        observed = world.simulator.observed
        assert observed.max_in_any_second() <= 40 + 1
        for each in world.fleet:
            assert observed.max_in_any_second(each.name) <= 25 + 1
            assert observed.max_in_flight(each.name) <= 2
