"""The views of each resource: what is there, what it was, and when anybody looked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from tests.stored import DEPLOYMENT, Stored, by, stored

LONG_AGO = timedelta(hours=27)
MOMENT = datetime(2026, 11, 23, 12, tzinfo=UTC)

OF_ORGANIZATIONS = {
    "bulk_syncs": "bulk_sync",
    "model_syncs": "model_sync",
    "models": "model",
    "policies": "policy",
    "roles": "role",
}
OF_CONNECTIONS = {
    "connection_schemas": "connection_schema",
    "connection_sources": "connection_source",
    "connection_proxy": "connection_proxy",
}
ALL = {
    **OF_ORGANIZATIONS,
    **OF_CONNECTIONS,
    "connection_usage": "connection_usage",
    "shared_connections": "shared_connection",
    "organizations": "organization",
    "connection_types": "connection_type",
}


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[Stored]:
    """One organization, ``acme``, with one connection, ``crm``."""
    async with stored(database_url) as ready:
        await ready.organization("acme", "connections", organization_name="Acme Inc")
        await ready.connection_of("acme", "crm", type_id="hubspot")
        yield ready


@pytest.mark.parametrize("resource", [*OF_ORGANIZATIONS, *OF_CONNECTIONS])
async def test_a_row_says_whose_it_is_and_when_it_was_seen(world: Stored, resource: str) -> None:
    await world.look("acme", resource, timedelta(hours=1))
    for key in ("crm", "lost"):
        await world.add(resource, "acme", key)
    await world.connection.execute(
        "insert into ledger.withheld"
        " (resource, deployment, organization_id, id, reason, last_seen_at) values"
        " ($1, $2, 'acme', 'lost', 'doubt', $3), ('other', $2, 'acme', 'crm', 'not ours', $3)",
        resource,
        DEPLOYMENT,
        MOMENT,
    )
    there, lost = await world.read(resource, "withheld_since nulls first")
    first = list(there)[:4]
    assert first == ["organization", "deployment", "organization_id", "organization_name"]
    assert [there[name] for name in first] == ["acme", DEPLOYMENT, "acme", "Acme Inc"]
    assert list(there)[4] == (
        "connection_id" if resource in OF_CONNECTIONS else f"{ALL[resource]}_id"
    )
    assert there["withheld_reason"] is None
    assert there["last_seen_at"] < there["last_changed_at"] == there["first_seen_at"]
    assert (lost["withheld_reason"], lost["last_seen_at"]) == ("doubt", MOMENT)
    if resource in OF_CONNECTIONS:
        assert (there["connection_name"], lost["connection_name"]) == ("CRM", None)


@pytest.mark.parametrize("resource", ALL)
async def test_each_version_and_each_change_is_kept(world: Stored, resource: str) -> None:
    """As for connections; the columns of a version are those of the resource, with its types."""
    organization = "" if resource == "connection_types" else "acme"
    await world.add(resource, organization, "one", extra=json.dumps({"a": 1}))
    await world.connection.execute(
        "insert into inventory.history (resource, deployment, organization_id, id, valid_from,"  # noqa: S608 (names of ours)
        " valid_to, change, first_seen_at, generation, record)"
        f" select r, deployment, organization_id, id, $2, $3, 'created', $2, 1,"
        f" jsonb_set(to_jsonb(c), '{{extra}}', 'null') from inventory.{resource} c,"
        " unnest(array[$1, 'another of the same id']) r",
        resource,
        MOMENT - timedelta(hours=2),
        MOMENT,
    )
    await world.connection.execute(
        f"update inventory.{resource} set valid_from = $1, change = 'updated',"  # noqa: S608 (as above)
        " changed_fields = '{extra}'",
        MOMENT,
    )
    singular = ALL[resource]
    old, new = await world.read(f"{singular}_history", "valid_from")
    assert (old["change"], old["valid_to"], old["extra"]) == ("created", MOMENT, None)
    assert (new["valid_from"], new["valid_to"], json.loads(new["extra"])) == (
        MOMENT,
        None,
        {"a": 1},
    )
    assert new["changed_fields"] == ["extra"]
    created, changed = await world.read(f"{singular}_changes", "changed_at")
    assert (created["change"], created["field"], created["changed_at"]) == (
        "created",
        None,
        MOMENT - timedelta(hours=2),
    )
    assert (changed["change"], changed["field"]) == ("updated", "extra")
    assert (json.loads(changed["old_value"]), json.loads(changed["new_value"])) == (None, {"a": 1})

    await world.remove(resource, organization, "one")
    versions = await world.read(f"{singular}_history", "valid_from, valid_to")
    assert [row["change"] for row in versions] == ["created", "updated", "removed"]
    assert len(await world.read(f"{singular}_changes")) == 3


async def test_a_version_has_every_tracked_field_with_the_type_it_has_now(world: Stored) -> None:
    bookkeeping = """
        deployment organization_id id sanitized content_hash change changed_fields valid_from
        first_seen_at generation rights
    """
    tracked = await world.connection.fetch(
        "select table_name, column_name, udt_name from information_schema.columns"
        " where table_schema = 'inventory' and table_name = any ($1) and column_name <> all ($2)",
        list(ALL),
        bookkeeping.split(),
    )
    shown = {
        tuple(row)
        for row in await world.connection.fetch(
            "select table_name, column_name, udt_name from information_schema.columns"
            " where table_schema = 'reporting'"
        )
    }
    missing = [
        tuple(row)
        for row in tracked
        if (f"{ALL[row['table_name']]}_history", row["column_name"], row["udt_name"]) not in shown
    ]
    assert len(tracked) > 100
    assert missing == []


async def test_people_are_not_for_the_reader_of_reporting(world: Stored) -> None:
    await world.add("users", "acme", "u1", email="jane@example.com", role_ids=["admin"])
    views = ["users", "user_history", "user_changes"]
    for view in views:
        [row] = await world.connection.fetch(f"select * from people.{view}")  # noqa: S608 (names of ours)
        assert (row["organization"], row["user_id"], row["email"]) == (
            "acme",
            "u1",
            "jane@example.com",
        )
    await world.connection.execute("set role reporting_reader")
    for view in views:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await world.connection.fetch(f"select * from people.{view}")  # noqa: S608 (names of ours)
    await world.connection.execute("reset role")
    [comments] = await world.column(
        "select count(*) filter (where col_description(c.oid, a.attnum) is null)"
        " from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0"
        " where c.relnamespace = 'people'::regnamespace"
    )
    assert comments == 0


async def test_a_type_says_how_often_it_is_used_where_we_looked(world: Stored) -> None:
    for key in ("hubspot", "asana"):
        await world.add("connection_types", "", key, name=key.title())
    await world.look("acme", "connection_types")
    await world.organization("globex", "connections")
    for number in range(2):
        await world.connection_of("globex", f"hub_{number}", type_id="hubspot")
    await world.organization("off", "connections", enabled=False)
    await world.connection_of("off", "asana", type_id="asana")

    async def used() -> dict[str, tuple[int | None, int | None, bool]]:
        rows = by(await world.read("connection_types"), "type_id")
        return {
            key: (row["connections"], row["organizations"], row["is_certain"])
            for key, row in rows.items()
        }

    assert await used() == {"hubspot": (3, 2, True), "asana": (0, 0, True)}
    await world.organization("silent", "connections", age=LONG_AGO)
    assert await used() == {"hubspot": (3, 2, False), "asana": (None, None, False)}
    [seen] = {row["last_seen_at"] is not None for row in await world.read("connection_types")}
    assert seen


async def test_a_run_state_is_shown_beside_its_sync_and_absent_where_none_was_read(
    world: Stored,
) -> None:
    for key in ("read", "unread"):
        await world.add("bulk_syncs", "acme", key)
    await world.reading("bulk_syncs", "acme", "read", current_status="failed", schemas_failed=2)
    rows = by(await world.read("bulk_syncs"), "bulk_sync_id")
    assert (rows["read"]["current_status"], rows["read"]["schemas_failed"]) == ("failed", 2)
    assert rows["read"]["status_read_at"] is not None
    assert (rows["unread"]["current_status"], rows["unread"]["status_read_at"]) == (None, None)


async def test_usage_is_told_by_sync_and_category_so_that_it_adds_up(world: Stored) -> None:
    categories = [
        {"key": "bulk", "label": "Bulk API", "calls": 3},
        {"key": "rest", "label": None, "calls": 4},
    ]
    await world.add("model_syncs", "acme", "s2", name="Named elsewhere")
    for key, connection, sync, name, calls in (
        ("crm", "crm", None, None, 12),
        ("crm/s1", "crm", "s1", "Push", 7),
        ("crm/s2", "crm", "s2", "", 5),
        ("erp", "erp", None, None, 9),
    ):
        await world.add(
            "connection_usage", "acme", key, connection_id=connection, sync_id=sync, sync_name=name
        )
        await world.reading(
            "connection_usage",
            "acme",
            key,
            calls=calls,
            categories=json.dumps(categories if sync == "s1" else []),
            last_run_at=MOMENT if sync else None,
        )
    rows = await world.read("api_usage_by_sync", "connection_id, sync_id, category")
    names = ("sync_name", "category", "calls", "sync_calls", "connection_calls")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("Push", "bulk", 3, 7, 12),
        ("Push", "rest", 4, 7, 12),
        ("Named elsewhere", None, 5, 5, 12),
        (None, None, 9, None, 9),
    ]
    assert [row["last_run_at"] for row in rows] == [MOMENT] * 3 + [None]
    assert {row["connection_name"] for row in rows} == {"CRM", None}
