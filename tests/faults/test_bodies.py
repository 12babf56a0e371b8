"""Faults C: bodies; one organization a row, all of them in one run."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from tests.databases import Databases
from tests.faults.conftest import OpenWorld
from tests.faults.table import CONNECTIONS, Case, Picture, healthy, picture
from tests.simulator import Fault, Fleet

LARGEST = 3_000_000
NESTED = "[" * 100_000 + "]" * 100_000


def trailing(body: bytes) -> bytes:
    return gzip.compress(body) + b"and more"


def without_checksum(body: bytes) -> bytes:
    return gzip.compress(body)[:-8]


def twice(body: bytes) -> bytes:
    return gzip.compress(gzip.compress(body))


def encoded(name: str, edit: object = None) -> dict[str, Any]:
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
    Case("Fault C2", "all of gzip but its end", "bad_payload", encoded("gzip", without_checksum)),
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
    lists = [each for each in after.seen[case.organization] if each["path"] == "/api/connections"]
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
