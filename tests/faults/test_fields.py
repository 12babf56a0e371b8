"""Faults C: single fields; what is sent, and what then stands in ``reporting.connections``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from tests.faults.conftest import OpenWorld
from tests.faults.world import Ran, Row
from tests.simulator import Fault, Fleet

GOOD: dict[str, Any] = {"id": "good", "name": "good", "status": "healthy"}
ODD = "odd"
REPLACED = "\N{REPLACEMENT CHARACTER}"
LONG_ID = 9_000 * "i"

Expected = dict[str, Any]
TIMES: dict[str, Expected] = {
    "0001-01-01T00:00:00Z": {"created_at": None, "extra": None},
    "": {"created_at": None, "extra": None},
    "2024-05-06T07:08:09": {
        "created_at": datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC),
        "extra": {"created_at": "2024-05-06T07:08:09"},
    },
    "2024-05-06T07:08:09.123456789+02:00": {
        "created_at": datetime(2024, 5, 6, 5, 8, 9, 123456, tzinfo=UTC)
    },
    "9999-12-31T23:59:59-12:00": {"created_at": None},
    "10000-01-01T00:00:00Z": {"created_at": None},
    "0000-00-00T00:00:00Z": {"created_at": None},
    "0044-03-15 BC": {"created_at": None},
    "2024-05-06T24:00:01Z": {"created_at": None},
    "2024-05-06T07:08:60Z": {"created_at": None},
    "infinity": {"created_at": None},
    "-infinity": {"created_at": None},
    "now": {"created_at": None},
}
FIELDS: list[tuple[str, str | bytes, Expected]] = [
    ("Fault C8: invalid UTF-8", b'{"id":"odd","name":"a\xffb"}', {"name": f"a{REPLACED}b"}),
    ("Fault C8: latin-1", b'{"id":"odd","name":"M\xfcnchen"}', {"name": f"M{REPLACED}nchen"}),
    (
        "Fault C8: raw surrogates",
        b'{"id":"odd","name":"a\xed\xa0\x80"}',
        {"name": f"a{3 * REPLACED}", "sanitized": True},
    ),
    (
        "Fault C9: a lone surrogate",
        '{"id":"odd","name":"a\\ud800b"}',
        {"name": f"a{REPLACED}b", "sanitized": True},
    ),
    ("Fault C9: a pair is no lone one", '{"id":"odd","name":"\\ud83d\\ude00"}', {"name": "😀"}),
    (
        "Fault C10: NUL in a name",
        '{"id":"odd","name":"a\\u0000b"}',
        {"name": f"a{REPLACED}b", "sanitized": True},
    ),
    (
        "Fault C10: NUL in a configuration",
        '{"id":"odd","configuration":{"host\\u0000":"a\\u0000b","host":"db.example"}}',
        {"sanitized": True, "endpoint": "db.example"},
    ),
    (
        "Fault C11: raw control characters",
        b'{"id":"odd","name":"a\tb\x1bc"}',
        {"name": "a\tb\x1bc"},
    ),
    (
        "Fault C11: bidi, zero width, line separators, noncharacters",
        '{"id":"odd","name":"\u202eabc\u200b\u2028\ufffe\U0001f600\U0010ffff"}',
        {"name": "\u202eabc\u200b\u2028\ufffe\U0001f600\U0010ffff"},
    ),
    (
        "Fault C13: 1e-400, many digits, 2^53 + 1",
        '{"id":"odd","configuration":{"a":1e-400,"b":0.1234567890123456789,"c":9007199254740993}}',
        {"configuration": {"a": 0.0, "b": 0.12345678901234568, "c": 9007199254740993}},
    ),
    (
        "Fault C13: 2^64 and 30 digits",
        f'{{"id":"odd","later":{2**64},"configuration":{{"port":{10**29}}}}}',
        {"configuration": {"port": str(10**29)}},
    ),
    ("Fault C13: a number as id", '{"id":9007199254740993,"name":"odd"}', {}),
    ("Fault C14: the last of two keys", '{"id":"odd","name":"a","name":"b"}', {"name": "b"}),
    (
        "Fault C15: 900 levels in a configuration",
        f'{{"id":"odd","configuration":{{"a":{"[" * 900 + "]" * 900}}}}}',
        {"status": None},
    ),
    ("Fault C17: a name of 9 kB", json.dumps({"id": ODD, "name": LONG_ID}), {"name": LONG_ID}),
    (
        "Fault C17: a name of 100 kB",
        json.dumps({"id": ODD, "name": 100_000 * "n"}),
        {"name": 65_536 * "n", "extra": {"name": "(cut)"}},
    ),
    (
        "Fault C17: a configuration of 2 MB",
        json.dumps({"id": ODD, "configuration": {f"host_{n}": 20 * "h " for n in range(40_000)}}),
        {"configuration": {"(too large)": True}},
    ),
    (
        "Fault C17: a number of 200,000 digits",
        f'{{"id":"odd","configuration":{{"port":1e200000,"n":{"9" * 200_000}}}}}',
        {"name": None},
    ),
    *(
        (f"Fault C18: {text!r}", json.dumps({"id": ODD, "created_at": text}), expected)
        for text, expected in TIMES.items()
    ),
    (
        "Fault C18: a number",
        '{"id":"odd","created_at":1714979289}',
        {"created_at": None, "extra": {"created_at": 1714979289}},
    ),
    (
        "Fault C19: every type is wrong",
        json.dumps(
            {
                "id": ODD,
                "organization_id": None,
                "name": 7,
                "type": "csv",
                "status": {"a": 1},
                "status_error": [1],
                "saved": "yes",
                "configuration": [],
                "policies": {},
                "parent_connection_id": {},
                "created_by": "me",
                "updated_by": [1],
                "api_calls_last_24_hours": "many",
                "rate_limit": True,
            }
        ),
        {"name": None, "type_id": "csv", "status": None, "saved": None, "policies": None},
    ),
    (
        "Fault C20: unknown fields, status and type",
        '{"id":"odd","status":"Sleepy","type":{"id":"holo","name":"Holo"},"quantum":{"spin":2}}',
        {
            "status": "Sleepy",
            "is_healthy": False,
            "type_id": "holo",
            "extra": {"quantum": {"spin": 2}},
        },
    ),
]


async def test_odd_fields_cost_the_field_and_nothing_else(open_world: OpenWorld) -> None:
    """Faults C8 to C20: one organization each: a good connection, the odd one, a good one."""
    names = [f"odd-{number}" for number in range(len(FIELDS))]
    async with open_world(Fleet(connections=0, names=names)) as world:
        good = json.dumps(GOOD).encode()
        for name, (_, odd, _) in zip(names, FIELDS, strict=True):
            raw = odd if isinstance(odd, bytes) else odd.encode()
            body = b'{"data":[' + b",".join([good, raw, good.replace(b"good", b"fine")]) + b"]}"
            world.fleet[name].faults = [Fault(path="/api/connections", body=body)]
        ran = await world.sync(MAX_RESPONSE_BYTES=10_000_000)
        stored = await world.connections()
        for name, (row, _, expected) in zip(names, FIELDS, strict=True):
            assert ran.outcomes[name] == "complete", (row, ran.scopes[name]["error"])
            rows = stored[name]
            assert len(rows) == 3, row
            assert rows["good"]["name"] == "good", row
            assert rows["fine"]["name"] == "fine", row
            (odd_row,) = [value for key, value in rows.items() if key not in {"good", "fine"}]
            _contains(row, odd_row, expected)
        assert ran.exit_code == 0
        again = await world.sync(MAX_RESPONSE_BYTES=10_000_000)
        assert again.account["resources"]["connections"]["updated"] == 0
        assert again.account["resources"]["connections"]["created"] == 0


def _contains(row: str, found: Row, expected: Expected) -> None:
    for column, value in expected.items():
        assert found[column] == value, (row, column)


async def test_ids_are_kept_as_they_are_or_rejected(open_world: OpenWorld) -> None:
    """Fault C21, and C13 and D6 as far as ids go."""
    usable = ["plain", "UPPER", "upper", " padded ", "248df4b7-aa70-47b8-a036-33ac447e668d", "é"]
    numbers = {7: "7", 2**63 - 1: str(2**63 - 1), 2**53 + 1: str(2**53 + 1), 10**29: str(10**29)}
    unusable: list[object] = [None, "", {}, [], True, 1.5, 10_000 * "i"]
    async with open_world(Fleet(2)) as world:
        await world.sync()
        before = await world.connections()
        records = [{"id": value} for value in (*usable, *numbers, *unusable)]
        body = {"data": [*records, {"name": "no id"}, "no object", None]}
        world.fleet["acme-01"].faults = [Fault(path="/api/connections", body=body)]
        ran = await world.sync()
        scope = ran.scopes["acme-01"]
        assert (scope["outcome"], scope["removed"], scope["withheld"]) == ("partial", 0, 5)
        assert (scope["created"], scope["rejected"]) == (len(usable) + len(numbers), 10)
        after = await world.connections()
        assert after["acme-01"].keys() == {
            *before["acme-01"],
            *usable,
            *numbers.values(),
        }
        rejected = await world.query("select * from reporting.rejected_records")
        assert len(rejected) == 10
        assert {row["organization"] for row in rejected} == {"acme-01"}
        assert all(row["reason"] and len(row["record_id"] or "") <= 512 for row in rejected)
        assert ran.exit_code == 3
        assert ran.account["organizations"]["partial"] == 1


async def test_a_nul_and_nothing_are_two_names(open_world: OpenWorld) -> None:
    """Fault C10: U+0000 is replaced and not dropped, so that a change of it shows."""
    async with open_world(Fleet(1, 1)) as world:
        for name, updated in (("ab", 0), ("a\0b", 1), ("a\0b", 0), ("ab", 1)):
            world.fleet["acme-01"].connections[0]["name"] = name
            ran: Ran = await world.sync()
            assert ran.scopes["acme-01"]["updated"] == updated
