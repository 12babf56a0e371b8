"""The drift radar: what answers have that the documentation has not, by organization and time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator import refusal
from tests.syncing import Row, Syncing

CANARY = "canary-value-7f3a9c"


async def drift(world: Syncing) -> dict[tuple[str, str], Row]:
    """``reporting.api_drift`` by kind and path."""
    rows = await world.query("select * from reporting.api_drift where resource = 'connections'")
    found = {(row["kind"], row["path"]): row for row in rows}
    assert len(found) == len(rows)
    return found


async def read_at(world: Syncing, organization: str) -> Any:  # noqa: ANN401 - a time
    return await world.value(
        "select last_read_at from ledger.scopes where organization = $1", organization
    )


def everywhere(world: Syncing, organization: str = "acme-01", **fields: object) -> None:
    for connection in world.fleet[organization].connections:
        connection.update(fields)


def drop(world: Syncing, field: str, organization: str = "acme-01") -> None:
    for connection in world.fleet[organization].connections:
        connection.pop(field, None)


async def test_what_is_documented_is_no_drift(world: Syncing) -> None:
    await world.sync()

    assert await drift(world) == {}


async def test_an_added_field_is_noticed_wherever_it_is(world: Syncing) -> None:
    """Fault C20: kept, counted as drift, its row as good as any."""
    world.fleet["acme-01"].connections[0]["quantum"] = CANARY
    world.fleet["acme-01"].connections[1]["type"]["color"] = CANARY
    everywhere(world, "acme-02", quantum={"spin": CANARY})

    await world.sync()

    found = await drift(world)
    assert found.keys() == {("unknown_field", "quantum"), ("unknown_field", "type.color")}
    quantum = found["unknown_field", "quantum"]
    assert (quantum["organizations"], quantum["organizations_ever"]) == (2, 2)
    assert quantum["is_current"]
    assert quantum["example_organization"] in {"acme-01", "acme-02"}
    assert found["unknown_field", "type.color"]["example_organization"] == "acme-01"


async def test_an_address_as_the_name_of_a_field_is_not_shown(world: Syncing) -> None:
    odd = world.fleet["acme-01"].connections[0]
    odd["dee@coffee.example.com"] = 1

    await world.sync()

    assert (await drift(world)).keys() == {("unknown_field", "(set)")}
    assert (await world.connections("acme-01"))[odd["id"]]["extra"] == {"(set)": "(set)"}


async def test_a_field_that_no_record_has_any_more_has_vanished(world: Syncing) -> None:
    everywhere(world, status="healthy")
    await world.sync()
    drop(world, "status")
    await world.sync()

    found = await drift(world)
    assert found.keys() == {("vanished_field", "status")}
    assert found["vanished_field", "status"]["organizations"] == 1

    world.fleet["acme-01"].connections[0]["name"] = "renamed"  # a further answer without it
    await world.sync()
    assert (await drift(world))["vanished_field", "status"]["is_current"]

    world.fleet["acme-01"].connections[0]["status"] = "healthy"
    await world.sync()
    assert not (await drift(world))["vanished_field", "status"]["is_current"]


async def test_a_field_that_some_record_lacked_or_that_is_optional_does_not_vanish(
    world: Syncing,
) -> None:
    everywhere(world, status="healthy", status_error="late", parent_connection_id="p")
    del world.fleet["acme-01"].connections[3]["status"]
    await world.sync()
    for field in ("status", "status_error", "parent_connection_id"):
        drop(world, field)
    await world.sync()

    assert await drift(world) == {}


async def test_a_member_vanishes_only_where_its_object_is(world: Syncing) -> None:
    await world.sync()
    everywhere(world, created_by=None)
    for connection in world.fleet["acme-01"].connections:
        del connection["updated_by"]["name"]
    await world.sync()

    assert (await drift(world)).keys() == {("vanished_field", "updated_by.name")}


async def test_a_field_of_another_type_is_noticed_with_the_type(world: Syncing) -> None:
    """Fault C19: a drift row for each field of a wrong type."""
    first, second, third, *_ = world.fleet["acme-01"].connections
    first |= {"name": 7, "status": {"code": CANARY}, "policies": ["a", 5]}
    second["type"] = "csv"
    third |= {"rate_limit": True, "created_by": {**third["created_by"], "name": [CANARY]}}

    await world.sync()

    found = await drift(world)
    assert {(path, row["found_type"]) for (_, path), row in found.items()} == {
        ("name", "integer"),
        ("status", "object"),
        ("policies[]", "integer"),
        ("type", "string"),
        ("rate_limit", "boolean"),
        ("created_by.name", "array"),
    }
    assert {kind for kind, _ in found} == {"changed_type"}


async def test_new_terms_of_vocabularies_are_told_apart_by_digests(world: Syncing) -> None:
    """Fault C20: an unknown status."""
    first, second, third, fourth, *_ = world.fleet["acme-01"].connections
    first["status"], second["status"], third["status"] = "Sleepy", "SLEEPY", "Healthy"
    fourth["type"]["operations"] = ["BulkSyncSource", "teleport"]
    everywhere(world, "acme-02", status="grumpy")

    await world.sync()

    rows = await world.query("select * from reporting.api_drift order by path, organizations")
    assert [(row["kind"], row["path"]) for row in rows] == [
        ("new_value", "status"),
        ("new_value", "status"),
        ("new_value", "type.operations[]"),
    ]
    digests = {row["value_digest"] for row in rows}
    assert len(digests) == 3
    assert all(len(digest) == 8 for digest in digests)


async def test_conflicting_duplicates_are_noticed(world: Syncing) -> None:
    """Fault D6: a drift row where records of one id differ, none where they are equal."""
    acme, other = world.fleet["acme-01"], world.fleet["acme-02"]
    acme.connections.append({**acme.connections[0], "name": "another"})
    other.connections.append(dict(other.connections[0]))

    await world.sync()

    found = await drift(world)
    assert found.keys() == {("conflicting_duplicates", "id")}
    assert found["conflicting_duplicates", "id"]["organizations"] == 1


async def test_drift_appears_goes_and_comes_back(world: Syncing) -> None:
    everywhere(world, quantum=1)
    await world.sync()
    began = await read_at(world, "acme-01")
    await world.sync()  # nobody parses what is unchanged, and still it was there
    seen = await read_at(world, "acme-01")
    row = (await drift(world))["unknown_field", "quantum"]
    assert (row["first_seen_at"], row["last_seen_at"], row["is_current"]) == (began, seen, True)
    assert began < seen

    drop(world, "quantum")
    await world.sync()
    row = (await drift(world))["unknown_field", "quantum"]
    assert (row["first_seen_at"], row["last_seen_at"], row["is_current"]) == (began, seen, False)
    assert (row["organizations"], row["organizations_ever"]) == (0, 1)

    everywhere(world, name="renamed")
    await world.sync()
    assert (await drift(world))["unknown_field", "quantum"]["last_seen_at"] == seen

    everywhere(world, quantum=2)
    await world.sync()
    row = (await drift(world))["unknown_field", "quantum"]
    assert (row["first_seen_at"], row["is_current"]) == (began, True)
    assert row["last_seen_at"] == await read_at(world, "acme-01")


@pytest.mark.parametrize("status", [401, 500])
async def test_a_scope_that_could_not_be_read_says_nothing(world: Syncing, status: int) -> None:
    everywhere(world, quantum=1)
    await world.sync()
    seen = await read_at(world, "acme-01")
    drop(world, "quantum")
    world.fleet["acme-01"].faults = [refusal(status)]
    await world.sync()

    row = (await drift(world))["unknown_field", "quantum"]
    assert (row["is_current"], row["last_seen_at"]) == (True, seen)


async def test_an_empty_answer_ends_drift_and_lets_nothing_vanish(world: Syncing) -> None:
    everywhere(world, quantum=1, status="healthy")
    await world.sync()
    connections, world.fleet["acme-01"].connections = world.fleet["acme-01"].connections, []
    await world.sync()
    found = await drift(world)
    assert found.keys() == {("unknown_field", "quantum")}
    assert not found["unknown_field", "quantum"]["is_current"]

    world.fleet["acme-01"].connections = connections
    drop(world, "quantum")
    drop(world, "status")
    await world.sync()
    assert ("vanished_field", "status") in await drift(world)


async def test_an_unchanged_fleet_writes_nothing_of_it(world: Syncing) -> None:
    everywhere(world, quantum=1, status="healthy")
    await world.sync()
    drop(world, "status")
    await world.sync()
    before = await _versions(world)
    await world.sync()
    assert await _versions(world) == before

    everywhere(world, name="renamed")  # parsed again, with the same drift
    await world.sync()
    assert await _versions(world) == before


async def _versions(world: Syncing) -> list[Row]:
    """Every row with the transaction that wrote it and the one that locked it last."""
    return await world.query(
        "select xmin::text, xmax::text, ctid::text, organization from ledger.drift"
        " union all select xmin::text, xmax::text, ctid::text, organization from ledger.shapes"
        " order by 4, 3, 1"
    )


async def test_a_plan_leaves_no_drift(world: Syncing) -> None:
    everywhere(world, quantum=1)

    await world.sync(plan=True)

    assert await world.query("select from ledger.drift") == []
    assert await world.query("select from ledger.shapes") == []


async def test_drift_follows_an_organization_to_its_new_name(world: Syncing) -> None:
    everywhere(world, quantum=1, status="healthy")
    await world.sync()
    began = (await drift(world))["unknown_field", "quantum"]["first_seen_at"]
    del world.organizations["acme-01"]
    world.add("renamed", world.fleet.api_keys["acme-01"])
    drop(world, "status")
    await world.sync()

    found = await drift(world)
    quantum = found["unknown_field", "quantum"]
    assert (quantum["organizations_ever"], quantum["example_organization"]) == (1, "renamed")
    assert quantum["first_seen_at"] == began
    assert found["vanished_field", "status"]["example_organization"] == "renamed"


async def test_a_server_that_invents_names_cannot_fill_the_database(world: Syncing) -> None:
    acme = world.fleet["acme-01"]
    for run in range(15):
        everywhere(world, status=f"status {run}")
        for number in range(18):
            drop(world, f"name {run - 1} {number}")
            acme.connections[0][f"name {run} {number}"] = number
        await world.sync()
    assert await world.value("select count(*) from ledger.drift where last_seen_at is null") == 19
    kept = "select count(*) from ledger.drift where last_seen_at is not null"
    assert 200 <= await world.value(kept) < 200 + 19 + 1

    acme.connections[0] |= {f"many {number}": number for number in range(100_000)}
    await world.sync()
    now = await world.query("select path from ledger.drift where last_seen_at is null")
    assert [row["path"] for row in now if row["path"] != "status"] == ["*"]


async def test_what_is_new_to_the_whole_fleet_is_told_once(
    world: Syncing, caplog: pytest.LogCaptureFixture
) -> None:
    await world.sync()
    everywhere(world, quantum=1, flavor=2)
    everywhere(world, "acme-02", quantum=1, status="sleepy")
    await world.sync()
    drop(world, "flavor")
    everywhere(world, "acme-02", flavor=3)  # new to this organization only
    await world.sync()

    [event] = [record for record in caplog.records if record.getMessage() == "drift.noticed"]
    assert vars(event)["unknown_field"] == 2
    assert vars(event)["new_value"] == 1


async def test_no_value_is_stored(world: Syncing) -> None:
    """Fault D16, for what the radar keeps: neither values nor names that look like secrets."""
    token = "sk_live_4eC39HqLyjWDarjtT1zdp7dc"
    first, second, *_ = world.fleet["acme-01"].connections
    first |= {token: 1, "quantum": CANARY, "saved": CANARY, "policies": [{"id": CANARY}]}
    second |= {"status": CANARY, "bell\x07\u202e": 1, "": CANARY}
    second["created_by"] = {**second["created_by"], "type": CANARY, CANARY * 10: 1}

    await world.sync()

    tables = await world.column(
        "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname = 'ledger'"
    )
    texts = [
        text
        for table in (*tables, "reporting.api_drift")
        for text in await world.column(f"select t::text from {table} t")  # noqa: S608 - names of ours
    ]
    assert any("quantum" in text for text in texts)
    assert not [text for text in texts if CANARY in text or token in text]
    assert {path for _, path in await drift(world)} >= {
        *("(set)", "quantum", "bell\ufffd\ufffd", "(empty)", "created_by.(set)"),
        *("saved", "policies[]", "status", "created_by.type"),
    }
