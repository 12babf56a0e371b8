"""The past as it was known: there, not there, or nobody looked."""

from __future__ import annotations

import random
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from tests.simulator import Fault
from tests.simulator.generate import Connection
from tests.syncing import Row, Syncing

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
GAP = timedelta(hours=26)
BROKEN = Fault(path="/api/connections", status=403)
WITHOUT_ID = {"name": "it has no id"}


@dataclass(slots=True)
class Past:
    """A world in which time passes; its moments stay what they are while it does."""

    world: Syncing
    elapsed: timedelta = field(default_factory=timedelta)

    async def now(self) -> datetime:
        moment: datetime = await self.world.value("select clock_timestamp()")
        return moment + self.elapsed

    async def later(self, passing: timedelta) -> None:
        await self.world.pass_time(passing)
        self.elapsed += passing

    async def look(self, *names: str) -> datetime:
        """The moment after a run."""
        await self.world.sync(*names)
        return await self.now()

    async def failed_look(self) -> datetime:
        """As ``look``, while ``acme-01`` refuses its key."""
        faults = self.world.fleet["acme-01"].faults
        self.world.fleet["acme-01"].faults = [BROKEN]
        moment = await self.look()
        self.world.fleet["acme-01"].faults = faults
        return moment

    async def at(self, moment: datetime, organization: str = "acme-01") -> dict[str, Row]:
        """Every connection ever known of the organization, as it was then."""
        rows = await self.world.query(
            "select * from reporting.connections_as_of($1) where organization = $2",
            moment - self.elapsed,
            organization,
        )
        assert len({row["connection_id"] for row in rows}) == len(rows)
        return {row["connection_id"]: row for row in rows}

    async def states(self, moment: datetime, organization: str = "acme-01") -> dict[str, str]:
        return {key: row["state"] for key, row in (await self.at(moment, organization)).items()}

    async def state(self, moment: datetime, organization: str = "acme-01") -> str:
        """The one that all connections of the organization have."""
        (state,) = set((await self.states(moment, organization)).values())
        return state

    async def observations(self, organization: str = "acme-01") -> list[tuple[datetime, datetime]]:
        rows = await self.world.query(
            "select * from reporting.observations where organization = $1 order by observed_from",
            organization,
        )
        return [
            (row["observed_from"] + self.elapsed, row["observed_to"] + self.elapsed) for row in rows
        ]


@pytest.fixture
def past(world: Syncing) -> Past:
    return Past(world)


async def _grown(past: Past, connections: int = 40) -> list[Connection]:
    """``acme-01`` with so many connections, looked at once; the list to edit."""
    acme = past.world.fleet["acme-01"]
    template = acme.connections[0]
    acme.connections = [template | {"id": f"c-{n:03}", "name": str(n)} for n in range(connections)]
    await past.look()
    return acme.connections


# When was the scope looked at


async def test_days_in_which_a_key_was_dead_are_unknown_and_not_the_last_state(past: Past) -> None:
    await past.look()
    await past.later(HOUR)
    alive = await past.look()
    await past.later(12 * HOUR)
    dead = [await past.failed_look()]
    for _ in range(2):
        await past.later(DAY)
        dead.append(await past.failed_look())
    await past.later(DAY)
    back = await past.look()

    for moment in (alive + HOUR, *dead, dead[1] + HOUR, back - HOUR):
        rows = (await past.at(moment)).values()
        assert {row["state"] for row in rows} == {"unknown"}
        assert {row["last_known_name"] for row in rows} == {
            connection["name"] for connection in past.world.fleet["acme-01"].connections
        }
        assert {row["name"] for row in rows} == {row["valid_from"] for row in rows} == {None}
        (observed_at,) = {row["observed_at"] + past.elapsed for row in rows}
        assert alive - HOUR / 60 < observed_at < alive
        assert await past.state(moment, "acme-02") == "present", "the other key works"
    assert await past.state(alive - HOUR / 2) == "present"
    assert await past.state(back) == "present"
    assert len(await past.observations()) == 2
    assert len(await past.observations("acme-02")) == 1


async def test_days_without_a_run_are_unknown_and_the_time_between_two_daily_runs_is_not(
    past: Past,
) -> None:
    monday = await past.look()
    await past.later(25 * HOUR)
    tuesday = await past.look()
    await past.later(2 * DAY)
    thursday = await past.look()

    assert await past.state(monday + 20 * HOUR) == "present"
    assert await past.state(tuesday) == "unknown", "the last look is behind it"
    assert await past.state(tuesday + DAY) == "unknown"
    assert await past.state(thursday) == "present"
    assert await past.state(thursday + HOUR) == "unknown", "nobody knows the future"


async def test_before_the_first_look_everything_is_unknown(past: Past) -> None:
    before = await past.now()
    await past.later(HOUR)
    await past.look()
    rows = (await past.at(before)).values()
    assert {(row["state"], row["observed_at"]) for row in rows} == {("unknown", None)}


async def test_the_last_look_counts_until_an_attempt_fails(past: Past) -> None:
    look = await past.look()
    await past.later(25 * HOUR)
    assert await past.state(look + DAY) == "present"
    await past.failed_look()
    assert await past.state(look + DAY) == "unknown"
    (observation,) = await past.world.query(
        "select * from reporting.observations where organization = 'acme-01'"
    )
    assert not observation["is_open"]
    assert observation["observed_to"] + past.elapsed < look


async def test_the_last_look_counts_for_a_day_and_some_slack(past: Past) -> None:
    look = await past.look()
    await past.later(GAP - HOUR / 60)
    assert await past.state(look + HOUR) == "present"
    await past.later(HOUR / 30)
    assert await past.state(look + HOUR) == "unknown"
    begun = (await past.observations())[0][0]
    assert await past.state(begun) == "present"


async def test_an_attempt_that_was_put_off_is_no_gap(past: Past) -> None:
    first = await past.look()
    await past.later(25 * HOUR)
    past.world.configure("acme-01", requests_per_second=0.0001)
    account = await past.world.sync()
    assert account["outcomes"] == {"complete": 1, "deferred": 1}
    past.world.configure("acme-01", requests_per_second=None)
    await past.later(HOUR / 2)
    await past.look()
    assert await past.state(first + HOUR) == "present"
    assert len(await past.observations()) == 1


async def test_looks_without_a_gap_write_no_interval(past: Past) -> None:
    for _ in range(3):
        await past.look()
        await past.later(HOUR)
    assert await past.world.value("select count(*) from ledger.observations") == 0
    assert len(await past.observations()) == 1


async def test_the_answer_says_on_which_look_it_rests(past: Past) -> None:
    looks = []
    for _ in range(3):
        looks.append(await past.look())
        await past.later(HOUR)
    for look in looks:
        for moment in (look, look + HOUR / 2):
            for row in (await past.at(moment)).values():
                assert look - HOUR / 60 < row["observed_at"] + past.elapsed <= look


# What was there


async def test_a_connection_is_as_it_was(past: Past) -> None:
    connection = past.world.fleet["acme-01"].connections[0] | {"name": "old", "policies": ["p"]}
    past.world.fleet["acme-01"].connections[0] = connection
    first = await past.look()
    await past.later(HOUR)
    connection |= {"name": "new", "policies": []}
    second = await past.look()

    old = (await past.at(first))[connection["id"]]
    new = (await past.at(second))[connection["id"]]
    assert (old["state"], old["name"], old["policies"]) == ("present", "old", ["p"])
    assert (new["state"], new["name"], new["policies"]) == ("present", "new", [])
    assert old["last_known_name"] == "old"
    assert old["valid_to"] == new["valid_from"]
    assert new["valid_to"] is None
    tracked = [name for name in old if name not in {"state", "last_known_name", "observed_at"}]
    (version,) = await past.world.query(
        "select * from reporting.connection_history where connection_id = $1 and valid_to = $2",
        connection["id"],
        old["valid_to"],
    )
    assert {name: old[name] for name in tracked} == {name: version[name] for name in tracked}
    assert set(version) - set(tracked) == {"change", "changed_fields", "withheld_since"}


async def test_a_connection_is_absent_before_its_creation_and_between_removal_and_return(
    past: Past,
) -> None:
    acme = past.world.fleet["acme-01"]
    connection = acme.connections.pop()
    moments = [await past.look()]
    for edit in (acme.connections.append, acme.connections.remove, acme.connections.append):
        await past.later(HOUR)
        edit(connection)
        moments.append(await past.look())
    await past.later(HOUR)

    rows = [(await past.at(moment + HOUR / 2))[connection["id"]] for moment in moments]
    assert [row["state"] for row in rows] == ["absent", "present", "absent", "present"]
    assert [row["name"] is None for row in rows] == [True, False, True, False]
    assert {row["last_known_name"] for row in rows} == {connection["name"]}
    assert all(row["observed_at"] is not None for row in rows)


async def test_a_missing_connection_is_unknown_until_its_removal_is_proven(past: Past) -> None:
    connections = await _grown(past)
    there = await past.now()
    await past.later(HOUR)
    del connections[:15]
    missing = await past.look()
    await past.later(HOUR)
    assert (await past.states(missing))["c-000"] == "unknown"
    assert (await past.states(missing))["c-020"] == "present"
    await past.world.sync(accept_removals=True)
    gone = await past.now()

    for moment, state in ((there, "present"), (missing + HOUR / 2, "unknown"), (gone, "absent")):
        assert (await past.states(moment))["c-000"] == state
        assert (await past.states(moment))["c-020"] == "present"
    assert (await past.at(missing + HOUR / 2))["c-000"]["name"] is None


async def test_a_missing_connection_that_comes_back_unremoved_was_there(past: Past) -> None:
    connections = await _grown(past)
    lost = connections[:15]
    await past.later(HOUR)
    del connections[:15]
    missing = await past.look()
    await past.later(HOUR)
    connections += lost
    await past.look()
    assert await past.state(missing) == "present"


async def test_a_partial_answer_is_a_look_and_says_nothing_of_what_it_lacks(past: Past) -> None:
    connections = await _grown(past)
    await past.later(HOUR)
    lost = connections.pop(0)["id"]
    connections.append(WITHOUT_ID)
    moment = await past.look()
    states = await past.states(moment)
    assert states.pop(lost) == "unknown"
    assert set(states.values()) == {"present"}


# Names


async def test_the_past_of_a_renamed_organization_has_its_new_name(past: Past) -> None:
    first = await past.look()
    await past.later(3 * DAY)
    second = await past.look()
    await past.later(HOUR)
    looks = await past.observations()
    renamed = replace(past.world.organizations.pop("acme-01"), name="new")
    past.world.organizations["new"] = renamed
    third = await past.look()

    assert await past.at(third) == {}
    begun = looks[0][0]
    assert await past.state(begun, "new") == "present"
    assert await past.state(first + DAY, "new") == "unknown"
    assert await past.state(second + HOUR / 2, "new") == "present", "no gap by the new name"
    assert await past.state(third, "new") == "present"
    (_, last) = await past.observations("new")
    assert last[0] == looks[1][0]
    (row, *_) = (await past.at(second + HOUR / 2, "new")).values()
    assert row["observed_at"] + past.elapsed == looks[1][1], "looks by the old name count"


async def test_a_failure_under_the_new_name_is_a_gap(past: Past) -> None:
    first = await past.look()
    await past.later(HOUR)
    renamed = replace(past.world.organizations.pop("acme-01"), name="new")
    past.world.organizations["new"] = renamed
    past.world.fleet["acme-01"].faults = [Fault(status=403)]
    await past.look()
    past.world.fleet["acme-01"].faults = []
    await past.later(HOUR)
    last = await past.look()
    assert await past.state(first + HOUR / 2, "new") == "unknown"
    assert await past.state(last, "new") == "present"


async def test_the_past_of_a_name_that_stands_for_another_organization_stays_apart(
    past: Past,
) -> None:
    first = await past.look()
    await past.later(HOUR)
    old, new = past.world.fleet["acme-01"], past.world.fleet["acme-02"]
    del past.world.organizations["acme-02"]
    past.world.configure("acme-01", organization_id=new.id)
    past.world.use_key("acme-01", new.key)
    await past.look()

    retired = f"acme-01~{old.id}"
    assert await past.state(first, retired) == "present"
    assert set(await past.at(first, retired)) == {row["id"] for row in old.connections}
    assert set(await past.at(first)) == {row["id"] for row in new.connections}


# Who may ask, and at what price


async def test_a_reader_of_the_views_may_ask(past: Past) -> None:
    await past.look()
    statement = "select * from reporting.connections_as_of(now()) order by 1, 5"
    async with past.world.database.transaction() as connection:
        everything = await connection.fetch(statement)
        await connection.execute("set local role reporting_reader")
        assert await connection.fetch(statement) == everything
    assert len(everything) == 12


async def test_a_question_about_one_organization_reads_only_that_one(past: Past) -> None:
    """The function becomes a part of the query that asks it."""
    await past.look()
    async with past.world.database.transaction() as connection:
        rows = await connection.fetch(
            "explain select connection_id from reporting.connections_as_of(now())"
            " where organization = 'acme-01'"
        )
    plan = "\n".join(row[0] for row in rows)
    assert "Function Scan on connections_as_of" not in plan
    assert plan.count("organization = 'acme-01'") >= 3


# All of it at once


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run, as one organization met it; what a look left behind, or None where it failed."""

    moment: datetime
    present: dict[str, str] | None = None
    missing: frozenset[str] = frozenset()


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_every_moment_of_a_random_past_is_answered_as_its_looks_say(
    past: Past, seed: int
) -> None:
    """At a look what it stored; up to the next the same, or unknown where there is a gap."""
    dice = random.Random(seed)  # noqa: S311 - repeatable
    world = past.world
    world.settings = {"removal_limit_fraction": 1.0}
    pools = {name: deepcopy(world.fleet[name].connections) for name in world.organizations}
    attempts: dict[str, list[Attempt]] = {name: [] for name in world.organizations}
    for _ in range(14):
        for name, pool in pools.items():
            organization = world.fleet[name]
            _edit(organization.connections, pool, dice)
            organization.faults = [BROKEN] if dice.random() < 0.25 else []
        account = await world.sync()
        outcomes = {key: row["outcome"] for key, row in (await world.scopes(account)).items()}
        for name, outcome in outcomes.items():
            attempts[name].append(await _attempt(past, name, outcome))
        await past.later(dice.choice((0.5, 3, 20, 25, 27, 60)) * HOUR)

    now = await past.now()
    asked = 0
    for name, chain in attempts.items():
        for index, attempt in enumerate(chain):
            following = chain[index + 1] if index + 1 < len(chain) else None
            end = following.moment if following else now
            for moment in (attempt.moment, attempt.moment + (end - attempt.moment) / 2):
                is_look = moment == attempt.moment
                failed_next = following is not None and following.present is None
                dark = end - attempt.moment > GAP or failed_next
                rows = await past.at(moment, name)
                if attempt.present is None or (dark and not is_look):
                    assert {row["state"] for row in rows.values()} <= {"unknown"}
                else:
                    _assert_as_stored(rows, attempt)
                    asked += 1
    assert asked > 20


async def _attempt(past: Past, name: str, outcome: str) -> Attempt:
    if outcome not in {"complete", "partial"}:
        assert outcome == "forbidden"
        return Attempt(await past.now())
    looked: datetime = await past.world.value(
        "select observed_until from ledger.scopes where organization = $1", name
    )
    rows = (await past.world.connections(name)).values()
    return Attempt(
        looked + past.elapsed,
        {row["connection_id"]: row["name"] for row in rows if row["withheld_since"] is None},
        frozenset(row["connection_id"] for row in rows if row["withheld_since"] is not None),
    )


def _assert_as_stored(rows: dict[str, Row], look: Attempt) -> None:
    assert look.present is not None
    present = {key: row["name"] for key, row in rows.items() if row["state"] == "present"}
    certain = {key: name for key, name in present.items() if key not in look.missing}
    assert certain == look.present
    for key in rows.keys() - look.present.keys():
        # What was missing and came back unremoved had been there.
        expected = {"unknown", "present"} if key in look.missing else {"absent"}
        assert rows[key]["state"] in expected


def _edit(connections: list[Connection], pool: list[Connection], dice: random.Random) -> None:
    """A few random edits: rename, delete, bring back; a record that is rejected, or is gone."""
    if WITHOUT_ID in connections:
        connections.remove(WITHOUT_ID)
    for _ in range(dice.randint(0, 3)):
        present = {connection["id"] for connection in connections}
        absent = [each for each in pool if each["id"] not in present]
        if absent and dice.random() < 0.4:
            connections.append(deepcopy(dice.choice(absent)))
        elif len(connections) > 2 and dice.random() < 0.5:
            connections.remove(dice.choice(connections))
        else:
            dice.choice(connections)["name"] = dice.choice(("a", "b", "ü", "", None))
    if dice.random() < 0.2:
        connections.append(WITHOUT_ID)
