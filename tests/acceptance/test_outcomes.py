"""Every outcome that can be provoked from outside, and that each scope has exactly one in a run."""

from __future__ import annotations

import json
import socket

from aggregator.model import Outcome
from tests.acceptance.conftest import NewWorld
from tests.acceptance.world import World
from tests.simulator import Fault, Fleet, html_page, refusal

FROM_INSIDE = {
    Outcome.INTERNAL_ERROR,  # a bug
    Outcome.CANCELLED,  # test_signals
    Outcome.ORG_MISMATCH,  # below
    Outcome.DATABASE_ERROR,  # below
}

FAULTS = {
    "complete": [],
    "unauthorized": [Fault(status=401)],
    "forbidden": [Fault(status=403)],
    "not_found": [Fault(status=404)],
    "rate_limited": [refusal(0)],
    "upstream_error": [Fault(status=500)],
    "network": [Fault(cut_after=10)],
    "timeout": [Fault(latency=30)],
    "bad_payload": [html_page()],
    "too_large": [Fault(bomb_bytes=4 << 20, path="/api/connections")],
    "redirected": [Fault(status=302, headers={"Location": "https://elsewhere.example/"})],
    "version_mismatch": [Fault(headers={"X-Polytomic-Version": "2023-04-25"})],
    "deferred": [refusal(86_400)],
    "partial": [],
}
"""Organizations named after how they must end, and what befalls them."""


async def test_every_way_to_end_has_its_own_word(new_world: NewWorld) -> None:
    world = await new_world(Fleet(names=[*FAULTS], connections=3))
    for name, faults in FAULTS.items():
        world.fleet[name].faults = list(faults)
    world.fleet["partial"].connections[0]["id"] = None
    port = world.simulator.base_url.rpartition(":")[2]
    registry = world.folder / "organizations.toml"
    registry.write_text(
        f'[[organization]]\nname = "tls"\napi_key = "env:OTHER"\n'
        f'base_url = "https://localhost:{port}"\n'
        f'[[organization]]\nname = "refused"\napi_key = "env:OTHER"\n'
        f'base_url = "http://localhost:{_unused_port()}"\n'
    )
    world.fleet.keys["second-key-of-complete"] = world.fleet["complete"]
    keys = {
        **world.fleet.api_keys,
        "duplicate_org": "second-key-of-complete",
        "bad_key": "two words",
        "wrong_key_type": world.fleet.partner_key,
    }
    (world.folder / ".env").write_text("OTHER=key-of-another-host\n")

    result = await world.sync(
        API_KEYS=json.dumps(keys),
        ORGANIZATIONS_FILE=str(registry),
        MAX_ATTEMPTS="1",
        REQUEST_TIMEOUT_SECONDS="1",
        RUN_DEADLINE_SECONDS="20",
        MAX_RESPONSE_BYTES=str(1 << 20),
    )

    expected = {**{name: name for name in [*keys, "tls"]}, "refused": "network"}
    # Either of two keys for one organization may come first (fault A2).
    got = await world.outcomes()
    if got["complete"] == "duplicate_org":
        expected |= {"complete": "duplicate_org", "duplicate_org": "complete"}
    # One attempt leaves no wait to be put off: see the deadline's own test.
    expected["deferred"] = "rate_limited"
    assert got == expected
    assert result.exit_code == 3
    assert sum(result.document["outcomes"].values()) == len(expected)
    rows = await world.query("select organization, outcome, error from reporting.run_organizations")
    assert len(rows) == len(expected)
    assert all(row["error"] for row in rows if row["outcome"] != "complete")
    tried = set(got.values()) | {"deferred"}
    assert tried == {str(each) for each in Outcome if each not in FROM_INSIDE}


async def test_a_failed_organization_says_which_http_status_it_was(world: World) -> None:
    world.fleet["acme-01"].faults = [Fault(status=404)]
    await world.sync()
    rows = await world.query(
        "select http_status, requests from reporting.run_organizations order by organization"
    )
    assert [row["http_status"] for row in rows] == [404, 200, 200]
    assert [row["requests"] for row in rows[1:]] == [2, 2]


async def test_a_wait_beyond_the_deadline_defers_the_organization(world: World) -> None:
    """Fault B8."""
    world.fleet["acme-01"].faults = [refusal(86_400)]
    result = await world.sync()
    assert result.document["organizations"]["deferred"] == 1
    assert result.exit_code == 3
    assert (await world.outcomes())["acme-01"] == "deferred"


async def test_records_of_another_organization_end_as_org_mismatch_in_quarantine(
    world: World,
) -> None:
    """Fault D9."""
    for connection in world.fleet["acme-01"].connections:
        connection["organization_id"] = world.fleet["acme-02"].id
    result = await world.sync()
    assert result.document["outcomes"] == {"complete": 2, "org_mismatch": 1}
    assert await world.connections() == 8
    rejected = await world.query("select * from reporting.rejected_records")
    assert {row["organization"] for row in rejected} == {"acme-01"}


async def test_what_the_database_refuses_fails_one_organization_only(world: World) -> None:
    """Fault F1, beyond what single records explain."""
    await world.execute(
        "alter table ledger.organizations add constraint not_this_one check"
        " (organization <> 'acme-02' or organization_id is null)"
    )
    result = await world.sync()
    assert result.document["outcomes"] == {"complete": 2, "database_error": 1}
    assert (await world.outcomes())["acme-02"] == "database_error"
    assert await world.connections() == 8


async def test_one_record_that_the_database_refuses_is_rejected_and_the_rest_stored(
    world: World,
) -> None:
    """Fault F1."""
    world.fleet["acme-02"].connections[1]["name"] = "poison"
    await world.execute(
        "alter table inventory.connections add constraint no_poison check (name <> 'poison')"
    )
    planned = await world.sync("--plan")
    result = await world.sync()
    assert result.document["outcomes"] == {"complete": 2, "partial": 1}
    assert planned.document["outcomes"] == result.document["outcomes"]
    assert await world.connections() == 11
    (rejected,) = await world.query("select * from reporting.rejected_records")
    assert rejected["organization"] == "acme-02"
    assert "no_poison" in rejected["reason"]


def _unused_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
