"""Versions of a connection over many runs: one chain without gaps that folds to what is there."""

from __future__ import annotations

import random
from copy import deepcopy
from datetime import datetime
from itertools import pairwise
from typing import Any

import orjson
import pytest

from tests.simulator.generate import Connection
from tests.syncing import Row, Syncing

TRACKED = ("name", "status", "status_error", "configuration", "policies", "saved", "type_id")


async def test_an_update_closes_the_old_version_and_names_what_changed(world: Syncing) -> None:
    connection = world.fleet["acme-01"].connections[0] | {"name": "old", "status": "healthy"}
    world.fleet["acme-01"].connections[0] = connection
    await world.sync()
    connection |= {"name": "new", "status": "unhealthy"}

    account = await world.sync()

    counts = account["resources"]["connections"]
    assert (counts["updated"], counts["unchanged"]) == (1, 11)
    old, new = await world.history(connection["id"])
    assert (old["change"], old["name"], old["valid_to"]) == ("created", "old", new["valid_from"])
    assert (new["change"], new["name"], new["valid_to"]) == ("updated", "new", None)
    assert new["changed_fields"] == ["name", "status"]
    assert old["configuration"] == new["configuration"]
    current = (await world.connections("acme-01"))[connection["id"]]
    assert current["first_seen_at"] == old["valid_from"]
    assert current["last_changed_at"] == new["valid_from"]


async def test_changes_have_old_and_new_values(world: Syncing) -> None:
    acme = world.fleet["acme-01"]
    connection = acme.connections[0]
    connection |= {"name": "old", "policies": ["a"], "updated_at": "2026-01-01T00:00:00Z"}
    await world.sync()
    connection |= {"name": "new", "policies": ["b", "a"], "updated_at": "2026-02-01T00:00:00Z"}
    await world.sync()
    connection |= {"name": None}
    await world.sync()
    acme.connections.remove(connection)
    await world.sync()

    changes = [
        (row["change"], row["field"], row["old_value"], row["new_value"])
        for row in await world.changes(connection["id"])
    ]

    assert changes == [
        ("created", None, None, None),
        ("updated", "name", "old", "new"),
        ("updated", "policies", ["a"], ["a", "b"]),
        ("updated", "updated_at", "2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00"),
        ("updated", "name", "new", None),
        ("removed", None, None, None),
    ]


async def test_a_connection_that_comes_back_is_restored_and_keeps_its_first_sight(
    world: Syncing,
) -> None:
    """Fault D5: a row that returns after its removal is visible again."""
    acme = world.fleet["acme-01"]
    connection = acme.connections[0]
    await world.sync()
    first_seen = (await world.connections("acme-01"))[connection["id"]]["first_seen_at"]
    acme.connections.remove(connection)
    account = await world.sync()
    assert account["resources"]["connections"]["removed"] == 1
    assert connection["id"] not in await world.connections("acme-01")
    acme.connections.append(connection)

    account = await world.sync()

    assert account["resources"]["connections"]["restored"] == 1
    assert account["resources"]["connections"]["created"] == 0
    created, removed, restored = await world.history(connection["id"])
    assert [row["change"] for row in (created, removed, restored)] == [
        "created",
        "removed",
        "restored",
    ]
    assert created["valid_to"] == removed["valid_from"] == removed["valid_to"]
    assert removed["valid_to"] < restored["valid_from"]
    assert (await world.connections("acme-01"))[connection["id"]]["first_seen_at"] == first_seen


async def test_a_clock_that_steps_back_breaks_no_chain(world: Syncing) -> None:
    """Fault D14: time decides nothing; here the database's own clock was an hour ahead."""
    connection = world.fleet["acme-01"].connections[0]
    await world.sync()
    await world.query(
        "update inventory.connections"
        " set valid_from = now() + interval '1 hour', first_seen_at = now() + interval '1 hour'"
    )
    for name in ("one", "two", "three"):
        connection["name"] = name
        account = await world.sync()
        assert account["resources"]["connections"]["updated"] == 1
        assert account["resources"]["connections"]["rejected"] == 0
    world.fleet["acme-01"].connections.remove(connection)
    await world.sync()
    world.fleet["acme-01"].connections.append(connection)
    await world.sync()

    chain = await world.history(connection["id"])

    assert [row["change"] for row in chain] == [
        *("created", "updated", "updated", "updated", "removed", "restored")
    ]
    for earlier, later in pairwise(chain[:5]):
        assert earlier["valid_to"] == later["valid_from"]
    assert chain[4]["valid_to"] <= chain[5]["valid_from"]
    assert len({(row["valid_from"], row["change"]) for row in chain}) == len(chain)
    renames = [row["new_value"] for row in await world.changes(connection["id"]) if row["field"]]
    assert renames == ["one", "two", "three"]


@pytest.mark.parametrize("seed", [1, 2])
async def test_history_folds_to_the_fleet_as_it_was_after_every_run(
    world: Syncing, seed: int
) -> None:
    """Replay: whatever was edited, "as of" any run gives exactly what the run read."""
    dice = random.Random(seed)  # noqa: S311 - repeatable
    world.settings = {"removal_limit_fraction": 1.0}
    acme = world.fleet["acme-01"]
    pool = deepcopy(acme.connections)
    snapshots: list[tuple[datetime, dict[str, Row]]] = []
    for _ in range(12):
        _edit(acme.connections, pool, dice)
        await world.sync("acme-01")
        moment = await world.value("select clock_timestamp()")
        snapshots.append((moment, _tracked(await world.connections("acme-01"))))
        assert {row["id"]: row["name"] for row in acme.connections} == {
            key: row["name"] for key, row in snapshots[-1][1].items()
        }

    for moment, snapshot in snapshots:
        rows = await world.query(
            "select * from reporting.connection_history where organization = 'acme-01'"
            " and valid_from <= $1 and (valid_to > $1 or valid_to is null)",
            moment,
        )
        assert len({row["connection_id"] for row in rows}) == len(rows)
        assert _tracked({row["connection_id"]: row for row in rows}) == snapshot

    await _assert_unbroken_chains(world)


async def _assert_unbroken_chains(world: Syncing) -> None:
    rows = await world.query(
        "select * from reporting.connection_history"
        " order by connection_id, valid_from, valid_to nulls last"
    )
    chains: dict[str, list[Row]] = {}
    for row in rows:
        chains.setdefault(row["connection_id"], []).append(row)
    for chain in chains.values():
        assert chain[0]["change"] == "created"
        for earlier, later in pairwise(chain):
            if later["change"] == "restored":
                assert earlier["change"] == "removed"
            else:
                assert earlier["valid_to"] == later["valid_from"]
                assert later["change"] in {"updated", "removed"}
            if later["change"] == "updated":
                differing = {name for name in TRACKED if earlier[name] != later[name]}
                assert differing == set(later["changed_fields"]) & set(TRACKED)
                assert later["changed_fields"]


def _edit(connections: list[Connection], pool: list[Connection], dice: random.Random) -> None:
    """A few random edits: rename, break, reconfigure, delete, bring back, shuffle."""
    for _ in range(dice.randint(1, 4)):
        edit = dice.choice(("rename", "break", "configure", "policies", "delete", "add"))
        present = {connection["id"] for connection in connections}
        if edit == "add":
            absent = [each for each in pool if each["id"] not in present]
            if absent:
                connections.append(deepcopy(dice.choice(absent)))
            continue
        if len(connections) < 2:  # an empty answer is another story
            continue
        chosen = dice.choice(connections)
        if edit == "delete":
            connections.remove(chosen)
        elif edit == "rename":
            chosen["name"] = dice.choice(("a", "b", "ü", "", None))
        elif edit == "break":
            chosen["status"] = dice.choice(("healthy", "unhealthy", "", None))
            chosen["status_error"] = dice.choice((None, "connection refused"))
        elif edit == "configure":
            chosen["configuration"] = dice.choice((None, {}, {"host": "h", "port": 1}, {"port": 2}))
        else:
            chosen["policies"] = dice.choice((None, [], ["p"], ["q", "p"]))
    dice.shuffle(connections)


def _tracked(rows: dict[str, Any]) -> dict[str, Row]:
    return {key: {name: _plain(row[name]) for name in TRACKED} for key, row in sorted(rows.items())}


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    return orjson.loads(value) if isinstance(value, str) and value[:1] == "{" else value
