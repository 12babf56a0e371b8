"""Faults C: bodies; one organization a row, all of them in one run."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.databases import Databases
from tests.faults.conftest import OpenWorld
from tests.faults.table import CONNECTIONS, Case, Picture, healthy, picture
from tests.faults.world import Ran, Row
from tests.simulator import Fault, Fleet

LARGEST = 3_000_000
NESTED = "[" * 100_000 + "]" * 100_000


def trailing(body: bytes) -> bytes:
    return gzip.compress(body) + b"and more"


def twice(body: bytes) -> bytes:
    return gzip.compress(gzip.compress(body))


def encoded(name: str, edit: object = None) -> dict[str, object]:
    """An answer that claims this encoding."""
    return {"headers": {"Content-Encoding": name}, **({"edit": edit} if edit else {})}


def padded(body: bytes) -> bytes:
    return body + b" " * LARGEST


CASES = [
    *(
        Case("Fault C1", f"cut, {framing}", "bad_payload|network", {"cut_after": 100, **more})
        for framing, more in {
            "with a length": {},
            "chunked": {"framing": "chunked"},
            "ended by closing": {"framing": "close"},
        }.items()
    ),
    Case("Fault C1", "cut once", "complete", {"cut_after": 100, "times": 1}, requests=2),
    Case("Fault C2", "truncated gzip", "bad_payload", {"gzip": "truncated"}, requests=2),
    Case("Fault C2", "corrupt gzip", "bad_payload", {"gzip": "corrupt"}, requests=2),
    Case("Fault C2", "more after gzip", "bad_payload", encoded("gzip", trailing), requests=2),
    Case("Fault C2", "truncated gzip once", "complete", {"gzip": "truncated", "times": 1}),
    Case("Fault C3", "a bomb", "too_large", {"bomb_bytes": 64 << 20}, requests=1),
    Case("Fault C3", "gzip in gzip", "bad_payload", encoded("gzip, gzip", twice), requests=1),
    *(
        Case("Fault C3", f"encoded as {name}", "bad_payload", encoded(name), requests=1)
        for name in ("br", "zstd", "deflate", "x-bogus")
    ),
    Case("Fault C4", "an honest large body", "too_large", {"edit": padded}, requests=1),
    *(
        Case("Fault C6", f"body number {number}", "bad_payload", {"body": body}, requests=1)
        for number, body in enumerate(
            ["null", "[]", '""', "{}", '{"data":{}}', '{"data":"x"}', '{"data":0}', '{"Data":[]}']
        )
    ),
    Case("Fault C6", "an empty body", "bad_payload", {"body": b""}, requests=1),
    Case("Fault C8", "no text at all", "bad_payload", {"body": b"\xff\xfe\xfd\x00\x80"}),
    Case("Fault C8", "UTF-16", "complete", {"edit": lambda body: body.decode().encode("utf-16")}),
    Case("Fault C15", "1,025 arrays", "bad_payload", {"body": "[" * 1025 + "]" * 1025}),
    Case("Fault C15", "100,000 arrays", "bad_payload", {"body": f'{{"data":{NESTED}}}'}),
    Case("Fault C15", "100,000 arrays unclosed", "bad_payload", {"body": "[" * 100_000}),
]


@pytest.fixture(scope="module")
def after(_migrated: Databases, tmp_path_factory: pytest.TempPathFactory) -> Picture:
    folder = tmp_path_factory.mktemp("bodies")
    return picture(_migrated, folder, CASES, MAX_RESPONSE_BYTES=LARGEST)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_body_has_its_outcome(after: Picture, case: Case) -> None:
    scope = after.ran.scopes[case.organization]
    assert scope["outcome"] in case.outcome.split("|"), scope["error"]
    lists = [each for each in after.seen[case.organization] if each["path"] != "/api/me"]
    assert case.requests in {None, len(lists)}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_cannot_be_read_changes_no_row(after: Picture, case: Case) -> None:
    assert after.was_read(case.organization) == (case.outcome == "complete")
    assert after.was_read(healthy(case.organization))


def test_a_large_body_names_the_setting(after: Picture) -> None:
    """Fault C4."""
    assert "MAX_RESPONSE_BYTES" in after.ran.scopes["fault-c4-an-honest-large-body"]["error"]


async def test_a_large_body_is_read_once_the_setting_is_raised(open_world: OpenWorld) -> None:
    """Fault C4."""
    async with open_world(Fleet(1)) as world:
        world.fleet.faults = [Fault(path="/api/connections", edit=padded)]
        ran = await world.sync(MAX_RESPONSE_BYTES=2 * LARGEST)
        assert ran.outcomes == {"acme-01": "complete"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param('{"data":null}', id="Fault C5: null"),
        pytest.param('{"data":[]}', id="Fault D1: an empty list"),
        pytest.param(
            '{"data":[{"id":"new","organization_id":"other"}],"data":[]}',
            id="Fault C14: a second data that is empty",
        ),
    ],
)
async def test_nothing_where_there_was_something_is_withheld(
    open_world: OpenWorld, body: str
) -> None:
    async with open_world(Fleet(2, CONNECTIONS)) as world:
        await world.sync()
        before = await world.connections()
        world.fleet["acme-01"].faults = [Fault(path="/api/connections", body=body)]
        ran = await world.sync()
        assert ran.outcomes == {"acme-01": "complete", "acme-02": "complete"}
        assert ran.scopes["acme-01"]["seen"] == 0
        assert ran.scopes["acme-01"]["withheld"] == CONNECTIONS
        assert ran.scopes["acme-01"]["removed"] == 0
        assert ran.exit_code == 5
        after = await world.connections()
        assert {key: row["name"] for key, row in after["acme-01"].items()} == {
            key: row["name"] for key, row in before["acme-01"].items()
        }


async def test_null_is_an_empty_list_for_who_has_none(open_world: OpenWorld) -> None:
    """Fault C5: a Go server's nil slice."""
    async with open_world(Fleet(1)) as world:
        world.fleet.faults = [Fault(path="/api/connections", body='{"data":null}')]
        ran = await world.sync()
        assert ran.exit_code == 0
        assert (await world.organizations())["acme-01"]["connections"] == 0


# Single fields: what is sent in one connection, and what stands in reporting.connections

GOOD: dict[str, Any] = {"id": "good", "name": "good", "status": "healthy"}
ODD = "odd"
REPLACED = "\N{REPLACEMENT CHARACTER}"
LONG_ID = 9_000 * "i"

Expected = dict[str, Any]
FIELDS: list[tuple[str, str | bytes, Expected]] = [
    # C8, C9, C10, C11: text
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
    ("Fault C11: raw control characters", b'{"id":"odd","name":"a\tb\x1bc"}', {"name": "a\tb\x1bc"}),
    (
        "Fault C11: bidi, zero width, line separators, noncharacters",
        '{"id":"odd","name":"\u202eabc\u200b\u2028\ufffe\U0001f600\U0010ffff"}',
        {"name": "\u202eabc\u200b\u2028\ufffe\U0001f600\U0010ffff"},
    ),
    # C13: numbers
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
    # C14, C15, C17
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
    # C18: times
    *(
        (f"Fault C18: {text!r}", json.dumps({"id": ODD, "created_at": text}), expected)
        for text, expected in {
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
        }.items()
    ),
    (
        "Fault C18: a number",
        '{"id":"odd","created_at":1714979289}',
        {"created_at": None, "extra": {"created_at": 1714979289}},
    ),
    # C19, C20: types and the unknown
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
        kept = len(before["acme-01"])
        assert (scope["outcome"], scope["removed"], scope["withheld"]) == ("partial", 0, kept)
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
