"""``explain``: everything known of one connection, from the database alone."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from tests.acceptance.conftest import NewWorld
from tests.acceptance.world import DEAD_DATABASE, Row, World
from tests.command import RunCommand
from tests.faults.test_terminal import ATTACKS, unprintable
from tests.simulator import CANARY, Fault, Fleet

LIST = "/api/connections"


async def explained(world: World, connection_id: str) -> Row:
    """What is said of the one organization that has it."""
    result = await world.run("explain", connection_id, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.document["connection_id"] == connection_id
    (organization,) = result.document["organizations"]
    return dict(organization)


async def shown(world: World, connection_id: str) -> str:
    """What a person sees, in single spaces."""
    result = await world.run("explain", connection_id)
    assert (result.exit_code, result.stderr) == (0, "")
    return " ".join(result.stdout.split())


def list_requests(world: World, organization: str) -> list[str | None]:
    """The ids under which its lists were answered."""
    seen = world.simulator.observed.requests(organization)
    return [each.request_id for each in seen if each.path == LIST]


async def age(world: World, hours: int) -> None:
    """Makes all looks at the scopes so much older."""
    interval = f"interval '{hours} hours'"
    await world.execute(
        f"update ledger.scopes set observed_since = observed_since - {interval},"  # noqa: S608 (a number)
        f" observed_until = observed_until - {interval}"
    )


async def test_a_present_connection_has_versions_and_the_runs_that_saw_it(world: World) -> None:
    acme = world.fleet["acme-01"]
    connection = acme.connections[0]
    connection |= {"name": "old", "policies": ["a"]}
    await world.sync()
    connection |= {"name": "new", "policies": []}
    await world.sync()
    acme.faults = [Fault(status=403)]
    await world.sync()
    acme.faults = []
    account = (await world.sync()).document

    row = await explained(world, connection["id"])

    assert (row["organization"], row["organization_id"]) == ("acme-01", acme.id)
    assert (row["state"], row["is_observed"], row["name"]) == ("present", True, "new")
    created, updated = row["versions"]
    assert (created["change"], created["fields"]) == ("created", [])
    assert created["valid_to"] == updated["valid_from"]
    assert (updated["change"], updated["valid_to"]) == ("updated", None)
    assert updated["fields"] == [
        {"field": "name", "old_value": "old", "new_value": "new"},
        {"field": "policies", "old_value": ["a"], "new_value": []},
    ]
    runs = row["runs"]
    assert runs["saw_it"] == 3
    assert runs["first_saw_it_at"] == created["valid_from"] == row["first_seen_at"]
    assert [(each["outcome"], each["saw_it"]) for each in runs["latest"]] == [
        ("complete", True),
        ("forbidden", False),
        ("complete", True),
        ("complete", True),
    ]
    confirmed = row["last_confirmed"]
    assert confirmed["run_id"] == account["run_id"]
    assert confirmed["recorded_at"] == runs["last_saw_it_at"] == row["last_look_at"]
    assert confirmed["request_id"] == list_requests(world, "acme-01")[-1]
    assert {each["request_id"] for each in runs["latest"]} <= set(list_requests(world, "acme-01"))

    text = await shown(world, connection["id"])
    assert f"{connection['id']} (times are UTC)" in text
    assert f"by request {confirmed['request_id']} of run {account['run_id']}" in text
    assert "seen by 3 runs" in text
    assert 'updated name old new policies ["a"] []' in text
    assert "forbidden no" in text


async def test_whether_a_connection_is_healthy_now_is_said_with_since_when_and_why(
    world: World,
) -> None:
    connection, silent, gone = world.fleet["acme-01"].connections[:3]
    connection |= {
        "type": {"id": "postgresql", "name": "PostgreSQL"},
        "configuration": {"hostname": "db.acme.example"},
        "status": "healthy",
        "status_error": None,
    }
    silent["status"] = None
    await world.sync()
    row = await explained(world, connection["id"])
    assert (row["status"], row["is_healthy"], row["status_error"]) == ("healthy", True, None)
    assert row["status_since"] == row["first_seen_at"]
    assert "healthy since" in await shown(world, connection["id"])
    assert "the server gives no status" in await shown(world, silent["id"])

    connection |= {"status": "unhealthy", "status_error": f"no route; Bearer {CANARY}"}
    world.fleet["acme-01"].connections.remove(gone)
    await world.sync()
    connection["name"] = "renamed"
    await world.sync()

    row = await explained(world, connection["id"])
    (stored,) = await world.query(
        "select endpoint, status_error from reporting.connections where connection_id = $1",
        connection["id"],
    )
    assert (row["status"], row["is_healthy"]) == ("unhealthy", False)
    assert row["status_since"] == row["versions"][1]["valid_from"], "not since it was renamed"
    assert row["status_error"] == stored["status_error"]
    assert "no route" in row["status_error"]
    assert (row["endpoint"], row["type_name"]) == (stored["endpoint"], "PostgreSQL")
    text = await shown(world, connection["id"])
    since = row["status_since"][:19].replace("T", " ")
    assert f"renamed, postgresql at {stored['endpoint']} present unhealthy since {since}" in text
    assert "db.acme.example" in stored["endpoint"]
    assert f": {stored['status_error']}" in text
    assert CANARY not in text

    row = await explained(world, gone["id"])
    assert (row["state"], row["status"], row["status_since"]) == ("removed", None, None)
    assert "the server gives no status" not in await shown(world, gone["id"])


async def test_the_request_is_that_of_the_list_and_not_of_what_was_asked_after_it(
    world: World,
) -> None:
    """Of a list in pages the last one; identity is asked once more where rows vanished."""
    world.fleet.page_sizes = {LIST: 2}
    await world.sync()
    kept, gone = world.fleet["acme-01"].connections[0], world.fleet["acme-01"].connections.pop()
    await world.sync()
    requests = world.simulator.observed.requests("acme-01")
    assert requests[-1].path != LIST, "something was asked after the list"
    request_ids = list_requests(world, "acme-01")
    confirmed = (await explained(world, kept["id"]))["last_confirmed"]
    assert confirmed["request_id"] == request_ids[-1]
    confirmed = (await explained(world, gone["id"]))["last_confirmed"]
    assert confirmed["request_id"] == request_ids[1], "of the first run, which had two pages"


async def test_a_removed_connection_is_explained_from_its_history(world: World) -> None:
    connection = world.fleet["acme-01"].connections.pop(0)
    world.fleet["acme-01"].connections.append(connection)
    await world.sync()
    world.fleet["acme-01"].connections.remove(connection)
    await world.sync()
    row = await explained(world, connection["id"])
    assert row["state"] == "removed"
    assert row["removed_at"] == row["versions"][-1]["valid_from"]
    assert [version["change"] for version in row["versions"]] == ["created", "removed"]
    assert row["name"] == connection["name"]
    assert row["runs"]["saw_it"] == 1
    assert [each["saw_it"] for each in row["runs"]["latest"]] == [False, True]
    text = await shown(world, connection["id"])
    assert re.search(r"removed \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", text)


async def test_a_withheld_connection_says_since_when_and_why(world: World) -> None:
    await world.sync()
    connection = world.fleet["acme-01"].connections[0]
    world.fleet["acme-01"].faults = [Fault(path=LIST, body={"data": []})]
    await world.sync()
    (stored,) = await world.query(
        "select withheld_reason from reporting.connections where connection_id = $1",
        connection["id"],
    )
    row = await explained(world, connection["id"])
    assert (row["state"], row["withheld_reason"]) == ("withheld", stored["withheld_reason"])
    assert row["last_confirmed"]["recorded_at"] == row["first_seen_at"] < row["withheld_since"]
    assert row["runs"]["saw_it"] == 1
    text = await shown(world, connection["id"])
    assert f"s: {stored['withheld_reason']}" in text
    assert "withheld since 2" in text


async def test_a_connection_that_nobody_looks_at_says_for_how_long_and_why(world: World) -> None:
    await world.sync()
    connection = world.fleet["acme-01"].connections[0]
    await age(world, 49)
    row = await explained(world, connection["id"])
    assert (row["state"], row["is_observed"]) == ("unobserved", False)
    world.fleet["acme-01"].faults = [Fault(status=403)]
    await world.sync()
    row = await explained(world, connection["id"])
    assert (row["state"], row["last_attempt"]["outcome"]) == ("unobserved", "forbidden")
    text = await shown(world, connection["id"])
    assert "unobserved; not looked at for 2 d; last attempt 2" in text
    assert "forbidden, HTTP 403" in text


async def test_an_id_in_two_organizations_is_explained_in_both(world: World) -> None:
    here, there = world.fleet["acme-01"], world.fleet["acme-02"]
    connection = here.connections[0]
    there.connections.append(connection | {"organization_id": there.id, "name": "other"})
    await world.sync()
    result = await world.run("explain", connection["id"], "--json")
    rows = result.document["organizations"]
    assert [(row["organization"], row["name"]) for row in rows] == [
        ("acme-01", connection["name"]),
        ("acme-02", "other"),
    ]
    text = await shown(world, connection["id"])
    assert "acme-01" in text
    assert "acme-02" in text


async def test_only_the_last_ten_runs_are_listed(world: World) -> None:
    for _ in range(12):
        await world.sync("--organization", "acme-01")
    row = await explained(world, world.fleet["acme-01"].connections[0]["id"])
    assert (row["runs"]["saw_it"], len(row["runs"]["latest"])) == (12, 10)
    times = [each["recorded_at"] for each in row["runs"]["latest"]]
    assert times == sorted(times, reverse=True)


async def test_runs_by_an_earlier_name_count(world: World) -> None:
    await world.sync()
    keys = world.fleet.api_keys
    settings = {"API_KEYS": json.dumps({"acme-new": keys.pop("acme-01"), **keys})}
    await world.sync(**settings)
    row = await explained(world, world.fleet["acme-01"].connections[0]["id"])
    assert (row["organization"], row["runs"]["saw_it"]) == ("acme-new", 2)


# What it says otherwise


async def test_an_unknown_id_is_exit_2_and_names_ids_that_begin_so(world: World) -> None:
    world.fleet["acme-01"].connections[0]["id"] = "c-\x1b[2Jone"
    await world.sync()
    result = await world.run("explain", "c-", "--json")
    assert result.failed_with(2)
    assert "no organization has or had a connection 'c-'" in result.stderr
    assert "ids that begin so: 'c-\\x1b[2Jone'" in result.stderr
    assert unprintable(result.stderr) == set()
    result = await world.run("explain", "no\x1bsuch\nthing")
    assert result.failed_with(2)
    assert unprintable(result.stderr) == set()
    assert "begin so" not in result.stderr


async def test_it_needs_an_id(run_command: RunCommand) -> None:
    result = await run_command("explain")
    assert result.exit_code == 2
    assert "usage: aggregator explain" in result.stderr


async def test_a_database_without_our_schema_is_told_so(
    world: World, empty_database_url: str
) -> None:
    result = await world.run("explain", "x", "--json", DATABASE_URL=empty_database_url)
    assert result.failed_with(1)
    assert "run: aggregator migrate" in result.stderr
    empty = World(world.simulator, empty_database_url, world.folder)
    assert await empty.dump() == {}


async def test_an_embedded_server_that_does_not_run_is_not_started(world: World) -> None:
    result = await world.run("explain", "x", DATABASE_URL=None)
    assert result.exit_code == 1
    assert "the embedded Postgres is not running" in result.stderr
    assert not (world.folder / ".aggregator").exists()


async def test_a_database_that_is_not_there_is_exit_1(world: World) -> None:
    assert (await world.run("explain", "x", "--json", DATABASE_URL=DEAD_DATABASE)).failed_with(1)


async def test_it_reads_the_database_only(world: World) -> None:
    await world.sync()
    before = await world.dump()
    world.simulator.observed.reset()
    await explained(world, world.fleet["acme-01"].connections[0]["id"])
    assert await world.dump() == before
    assert world.simulator.observed.requests() == []


# Text from outside


async def test_nothing_from_outside_steers_the_terminal(new_world: NewWorld) -> None:
    """Fault C11: names, errors, changed values and request ids that attack."""
    world = await new_world(Fleet(1, len(ATTACKS)))
    acme = world.fleet["acme-01"]
    attacked = list(zip(acme.connections, ATTACKS.values(), strict=True))
    await world.sync()
    for connection, attack in attacked:
        connection |= {"name": attack, "status_error": attack, "new": {attack: attack}}
    acme.identity = {"organization_name": ATTACKS["markup"] + ATTACKS["clear the screen"]}
    await world.sync()
    acme.faults = [
        Fault(
            status=500,
            body={"message": " ".join(ATTACKS.values())},
            headers={"X-Request-Id": "\x1b[2J\u202e" + "A" * 5_000},
        )
    ]
    await world.sync(MAX_ATTEMPTS="1")
    results = await asyncio.gather(*(world.run("explain", each["id"]) for each, _ in attacked))
    for (_, attack), result in zip(attacked, results, strict=True):
        assert result.exit_code == 0
        assert unprintable(result.stdout + result.stderr) == set()
        assert len(result.stdout) < 40_000, "what is endless is cut"
        if attack == ATTACKS["markup"]:
            assert "[red]x[/red]" in result.stdout, "shown as it is"


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["table", "json"])
async def test_no_secret_is_shown(world: World, options: tuple[str, ...]) -> None:
    """Threats S1, S3: what is stored is masked, and servers may repeat the key."""
    acme = world.fleet["acme-01"]
    connection = acme.connections[0]
    connection["configuration"] = {"password": CANARY, "host": "one.example"}
    await world.sync()
    connection["configuration"] = {"password": CANARY + "2", "host": "two.example"}
    connection |= {"status_error": f"Bearer {CANARY}", "brand_new": {"inner": CANARY}}
    await world.sync()
    key = acme.key
    acme.faults = [Fault(status=500, body=key, headers={"X-Request-Id": f"for-{key}"})]
    await world.sync(MAX_ATTEMPTS="1")
    result = await world.run("explain", connection["id"], *options)
    assert result.exit_code == 0
    assert "two.example" in result.stdout, "the change is shown"
    assert "for-**" in result.stdout, "the request is shown"
    assert CANARY not in result.stdout.lower()
    assert key not in result.stdout
