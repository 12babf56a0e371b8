"""Whatever befalls some organizations, the others do not notice, and the books are complete."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Never

import pytest

from aggregator import diff
from aggregator.model import Record
from tests.faults.conftest import OpenWorld
from tests.faults.table import change
from tests.faults.world import Row, World
from tests.simulator import Fault, Fleet, html_page, refusal
from tests.simulator.fleet import Organization

HEALTHY = [f"healthy-{number:02d}" for number in range(20)]
POISON = b':[{"id":"\\ud800\\u0000","name":"\\u0000"},'
CANARY = "hunter2"
NASTY: dict[str, tuple[str, Fault]] = {
    "401": ("unauthorized", Fault(status=401)),
    "403": ("forbidden", Fault(status=403)),
    "404": ("not_found", Fault(status=404)),
    "429": ("rate_limited", refusal(0)),
    "429-far": ("deferred", refusal("Tue, 31 Dec 2999 23:59:59 GMT")),
    "500": ("upstream_error", Fault(status=500)),
    "html": ("bad_payload", html_page()),
    "redirect": ("redirected", Fault(status=302, headers={"Location": "//elsewhere.example"})),
    "version": ("version_mismatch", Fault(headers={"X-Polytomic-Version": "1999-01-01"})),
    "cut": ("network", Fault(cut_after=50)),
    "bomb": ("too_large", Fault(bomb_bytes=16 << 20)),
    "trickle": ("timeout", Fault(byte_interval=0.02)),
    "deep": ("bad_payload", Fault(body="[" * 100_000)),
    "no-json": ("bad_payload", Fault(body=b"\x00\xff")),
    "foreign": ("org_mismatch", Fault(body={"data": [{"id": "1", "organization_id": "other"}]})),
    "no-ids": ("partial", Fault(body={"data": [{}, None, 1, "x", [], {"id": ""}]})),
    "empty": ("complete", Fault(body={"data": []})),
    "pages": ("bad_payload", Fault(next_page="repeated")),
    "poison": ("complete", Fault(edit=lambda body: body.replace(b":[", POISON, 1))),
}


async def content(world: World, names: list[str]) -> list[Row]:
    """All that is stored of some organizations, without what says when it was looked at."""
    return await world.query(
        """
        select c.organization, md5(string_agg(
            (to_jsonb(c) - $2::text[])::text,
            E'\\n' order by c.connection_id)) as hash, count(*) as connections
        from reporting.connections c
        where c.organization = any ($1)
        group by c.organization order by c.organization
        """,
        names,
        ["first_seen_at", "last_changed_at", "last_seen_at", "status_since", "deployment"],
    )


@pytest.mark.parametrize("first_run", [True, False])
async def test_twenty_healthy_ones_do_not_notice_the_others(
    open_world: OpenWorld, *, first_run: bool
) -> None:
    """Invariants I2 and I3: the same rows as in a clean run, and one outcome for each."""
    names = sorted([*HEALTHY, *NASTY], key=lambda name: name[::-1])
    settings = {"MAX_RESPONSE_BYTES": 1_000_000, "REQUEST_TIMEOUT_SECONDS": 0.8}
    async with (
        open_world(Fleet(connections=6, names=names)) as clean,
        open_world(Fleet(connections=6, names=names)) as world,
    ):
        if not first_run:
            for each in (clean, world):
                assert (await each.sync()).exit_code == 0
                for organization in each.fleet:
                    change(organization)
        before = await world.connections()
        assert (await clean.sync()).exit_code == 0
        for name, (_, fault) in NASTY.items():
            world.fleet[name].faults = [replace(fault, path="/api/connections")]
        ran = await world.sync(**settings)

        expected = {name: outcome for name, (outcome, _) in NASTY.items()}
        assert ran.outcomes == {**dict.fromkeys(HEALTHY, "complete"), **expected}
        hashes = await content(world, HEALTHY)
        assert hashes == await content(clean, HEALTHY)
        assert [row["connections"] for row in hashes] == 20 * [6]

        after = await world.connections()
        for name, outcome in expected.items():
            if outcome not in {"complete", "partial"}:
                assert after[name] == before[name], name
            assert name == "poison" or after[name].keys() >= before[name].keys(), name
        assert sum(ran.account["outcomes"].values()) == len(names)
        (run,) = await world.query("select * from reporting.runs order by started_at desc limit 1")
        assert (run["status"], run["exit_code"]) == ("partial", 3)
        assert await world.query("select * from reporting.runs where status = 'running'") == []


async def test_a_bug_in_one_organization_is_only_its_own(
    open_world: OpenWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault H11: internal_error, the others complete, and a traceback that shows no value."""
    async with open_world(Fleet(4, 4)) as world:
        await world.sync()
        before = await world.connections()
        for organization in world.fleet:
            change(organization)
        victim = world.fleet["acme-02"]
        victim.connections[0]["configuration"] = {"password": CANARY}
        _break_for(monkeypatch, victim)
        ran = await world.sync()
        assert ran.outcomes == {
            "acme-01": "complete",
            "acme-02": "internal_error",
            "acme-03": "complete",
            "acme-04": "complete",
        }
        assert ran.exit_code == 3
        assert ran.scopes["acme-02"]["error"] == "ValueError"
        after = await world.connections()
        assert after["acme-02"] == before["acme-02"]
        (line,) = ran.events("scope.bug")
        assert line["organization"] == "acme-02"
        assert "_broken" in line["traceback"], "it says where"
        assert CANARY not in ran.stderr, "and nothing of what was there"
        assert victim.key not in ran.stderr

        monkeypatch.undo()
        assert (await world.sync()).outcomes == dict.fromkeys(world.keys, "complete")


def _break_for(patch: pytest.MonkeyPatch, victim: Organization) -> None:
    """Makes our own code raise for the records of one organization, as a bug would."""
    unbroken = diff.content_hash

    def content_hash(record: Record) -> bytes:
        if record.organization_id == victim.id:
            _broken({"password": CANARY})
        return unbroken(record)

    patch.setattr(diff, "content_hash", content_hash)


def _broken(values: dict[str, Any]) -> Never:
    raise ValueError(f"no such thing as {values['password']}\n\x1b[2J12:00:00 info run.finished")
