"""Whatever a record holds, it is stored or rejected, and Postgres never refuses it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aggregator.resources.connections import CONNECTIONS
from tests.simulator import Fault
from tests.syncing import Row, Syncing

SAMPLES = Path(__file__).parent.parent / "samples" / "connections"
REPLACED = "\N{REPLACEMENT CHARACTER}"


async def _stored(world: Syncing, body: bytes) -> tuple[Row, dict[str, Row]]:
    """How ``acme-01`` ended after it answered with this, and its connections."""
    world.fleet["acme-01"].faults = [Fault(path="/api/connections", body=body)]
    account = await world.sync("acme-01")
    return (await world.scopes(account))["acme-01"], await world.connections("acme-01")


def _body(world: Syncing, *records: dict[str, Any]) -> bytes:
    owner = {"organization_id": world.fleet["acme-01"].id}
    return json.dumps({"data": [owner | record for record in records]}).encode()


def _raw(world: Syncing, members: Iterable[str]) -> bytes:
    """An answer of one connection ``x`` with members as written."""
    owner = world.fleet["acme-01"].id
    inside = ",".join(['"id":"x"', f'"organization_id":"{owner}"', *members])
    return f'{{"data":[{{{inside}}}]}}'.encode("utf-8", "surrogatepass")


async def test_nul_in_a_name_and_a_configuration_is_replaced(world: Syncing) -> None:
    """Fault C10: replaced, not dropped, so that two names that differ still do."""
    body = _body(
        world,
        {"id": "1", "name": "a\x00b", "configuration": {"ho\x00st": "d\x00b", "host": "x\x00"}},
        {"id": "2", "name": "ab"},
        {"id": "3\x00", "name": "c"},
    )

    scope, stored = await _stored(world, body)

    assert scope["outcome"] == "complete"
    assert [stored[key]["name"] for key in ("1", "2")] == [f"a{REPLACED}b", "ab"]
    assert (stored["1"]["sanitized"], stored["2"]["sanitized"]) == (True, False)
    assert f"3{REPLACED}" in stored


@pytest.mark.parametrize(
    ("member", "name"),
    [
        ('"name":"\\ud800"', REPLACED),
        ('"name":"\ud800"', None),  # raw, which is invalid UTF-8
        ('"name":"\\u0000"', REPLACED),
        ('"name":"\\ufdd0\U0001f600\u202e\u2028"', "\ufdd0\U0001f600\u202e\u2028"),
    ],
)
async def test_text_that_is_no_unicode_arrives_sanitized(
    world: Syncing, member: str, name: str | None
) -> None:
    """Faults C8 to C11."""
    scope, stored = await _stored(world, _raw(world, [member]))

    assert scope["outcome"] == "complete"
    assert name is None or stored["x"]["name"] == name
    stored["x"]["name"].encode()


@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "1e200000", "NaN", "Infinity", "9" * 40, str(2**64), "1e-400"]
)
async def test_numbers_that_postgres_would_refuse_or_change_are_stored_all_the_same(
    world: Syncing, number: str
) -> None:
    """Faults C13, C17, F2."""
    members = [
        f'"api_calls_last_24_hours":{number}',
        f'"configuration":{{"port":{number}}}',
        f'"something_new":{number}',
    ]

    scope, stored = await _stored(world, _raw(world, members))

    assert scope["outcome"] == "complete"
    assert stored["x"]["api_calls_last_24_hours"] in {None, 0}


@pytest.mark.parametrize("calls", [2**63 - 1, -(2**63)])
async def test_the_largest_integers_are_stored_as_they_are(world: Syncing, calls: int) -> None:
    """Fault F2."""
    body = _body(world, {"id": "x", "api_calls_last_24_hours": calls})
    assert (await _stored(world, body))[1]["x"]["api_calls_last_24_hours"] == calls


async def test_huge_texts_are_stored_within_bounds(world: Syncing) -> None:
    """Fault C17."""
    huge = "ä" * 200_000
    body = _body(
        world,
        {"id": "x", "name": "n" * 9_000, "status_error": huge, "configuration": {"host": huge}},
        {"id": "y", "name": huge, "policies": [huge], "type": {"id": huge}},
        {"id": "\U0001f600" * 512, "name": "the longest id"},
    )

    scope, stored = await _stored(world, body)

    assert len(stored["x"]["name"]) == 9_000
    assert len(stored["y"]["name"]) == 65_536
    assert {"x", "y"} <= stored.keys()
    assert scope["outcome"] in {"complete", "partial"}
    assert len(stored) + scope["rejected"] == 3


async def test_times_that_postgres_cannot_give_back_are_not_stored_as_times(
    world: Syncing,
) -> None:
    """Fault C18."""
    times = [
        "",
        "0001-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "infinity",
        "-infinity",
        1705311000,
    ]
    times += [
        "2024-01-15T24:00:00Z",
        "2024-01-15T09:30:60Z",
        "0000-01-01T00:00:00Z",
        "4000 BC",
        None,
    ]
    body = _body(world, *({"id": str(n), "created_at": each} for n, each in enumerate(times)))

    scope, stored = await _stored(world, body)

    assert (scope["outcome"], len(stored)) == ("complete", len(times))
    assert {row["created_at"] for row in stored.values()} <= {None, *_days_after(stored)}
    assert stored["0"]["extra"] is stored["1"]["extra"] is None
    for odd in ("2", "3", "5", "9"):
        assert "created_at" in stored[odd]["extra"]


def _days_after(stored: dict[str, Row]) -> list[Any]:
    """24:00 is the next day's midnight where the parser knows it."""
    return [
        row["created_at"]
        for row in stored.values()
        if row["created_at"] and row["created_at"].year == 2024
    ]


async def test_wrong_types_cost_a_field_and_never_the_record(world: Syncing) -> None:
    """Fault C19."""
    document = json.loads((SAMPLES / "oddities.json").read_bytes())
    for record in document["data"]:
        record["organization_id"] = world.fleet["acme-01"].id

    scope, stored = await _stored(world, json.dumps(document).encode())

    assert (scope["outcome"], len(stored)) == ("complete", 3)
    odd = stored["numbers-for-texts"]
    assert (odd["name"], odd["status"], odd["is_healthy"], odd["type_id"]) == (
        None,
        None,
        None,
        "postgresql",
    )
    assert odd["extra"]["name"] == 5
    assert "hunter2" not in json.dumps(stored, default=str)


async def test_unknown_words_are_kept_and_counted_as_what_they_are(world: Syncing) -> None:
    """Fault C20."""
    body = _body(
        world,
        {"id": "x", "status": "Napping", "type": {"id": "brand-new"}, "shard": 12},
        {"id": "y", "status": "HEALTHY"},
        {"id": "z", "status": ""},
    )

    _, stored = await _stored(world, body)

    assert (stored["x"]["status"], stored["x"]["type_id"]) == ("Napping", "brand-new")
    assert stored["x"]["extra"] == {"shard": 12}
    assert [stored[key]["is_healthy"] for key in "xyz"] == [False, True, None]
    organization = await world.organization("acme-01")
    counts = [organization[f"{health}connections"] for health in ("", "healthy_", "unhealthy_")]
    assert counts == [3, 1, 1]


async def test_records_without_a_usable_id_are_rejected_and_the_others_are_stored(
    world: Syncing,
) -> None:
    """Fault C21."""
    body = _body(
        world,
        {"name": "missing"},
        {"id": "", "name": "empty"},
        {"id": "x" * 10_000, "name": "long"},
        {"id": None},
        {"id": ["list"]},
        {"id": "not-a-uuid"},
        {"id": "NOT-A-UUID"},
        {"id": 7},
    )

    scope, stored = await _stored(world, body)

    assert (scope["outcome"], scope["rejected"], scope["seen"]) == ("partial", 5, 8)
    assert stored.keys() == {"not-a-uuid", "NOT-A-UUID", "7"}
    reasons = await world.column("select reason from reporting.rejected_records order by 1")
    assert len(reasons) == 5
    assert "the id is empty" in reasons
    again, _ = await _stored(world, body)
    assert (again["outcome"], again["created"], again["updated"]) == ("partial", 0, 0)


async def test_of_two_records_with_one_id_the_last_is_stored(
    world: Syncing, caplog: pytest.LogCaptureFixture
) -> None:
    """Fault D6."""
    body = _body(world, {"id": "x", "name": "first"}, {"id": "x", "name": "last"}, {"id": "y"})
    doubled = _body(world, {"id": "x", "name": "last"}, {"id": "x", "name": "last"}, {"id": "y"})

    scope, stored = await _stored(world, body)
    assert (scope["outcome"], scope["seen"], stored["x"]["name"]) == ("complete", 2, "last")
    assert "records.conflicting" in caplog.messages
    caplog.clear()

    scope, _ = await _stored(world, doubled)
    assert (scope["outcome"], scope["updated"]) == ("complete", 0)
    assert "records.conflicting" not in caplog.messages


async def test_of_endless_rejections_the_first_are_kept_and_all_are_counted(
    world: Syncing,
) -> None:
    world.fleet["acme-01"].faults = [Fault(body={"data": [{"id": ""}] * 5_000})]
    account = await world.sync()
    assert account["resources"]["connections"]["rejected"] == 5_000
    rows = await world.query("select * from reporting.rejected_records")
    assert len(rows) == 100
    assert {row["record_id"] for row in rows} == {None}, "an empty id is none"


async def test_parents_may_be_unknown_or_go_round_in_circles(world: Syncing) -> None:
    """Fault D12."""
    body = _body(
        world,
        {"id": "a", "parent_connection_id": "b"},
        {"id": "b", "parent_connection_id": "a"},
        {"id": "c", "parent_connection_id": "c"},
        {"id": "d", "parent_connection_id": "nobody"},
    )

    scope, stored = await _stored(world, body)

    assert scope["outcome"] == "complete"
    assert all(row["is_shared"] for row in stored.values())


async def test_one_scope_may_have_more_rows_than_a_statement_has_parameters(
    world: Syncing,
) -> None:
    """Fault F7: written, and removed, by COPY and arrays."""
    world.resources = [replace(CONNECTIONS, item_path=None)]
    await _stored(world, _body(world, *({"id": str(n)} for n in range(33_000))))
    assert await world.value("select count(*) from inventory.connections") == 33_000
    world.fleet["acme-01"].faults = [Fault(path="/api/connections", body=_body(world, {"id": "0"}))]

    await world.sync("acme-01")
    account = await world.sync("acme-01")

    assert account["resources"]["connections"]["removed"] == 32_999
