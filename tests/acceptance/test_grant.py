"""``grant`` and ``revoke`` as an operator types them, and what the login sees then."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.acceptance.world import DEAD_DATABASE, World
from tests.command import ROOT
from tests.logins import Login, new_login

OPERATIONS = ROOT / "docs/operations.md"

LIMITS = {
    "statement_timeout": "5min",
    "idle_in_transaction_session_timeout": "5min",
    "lock_timeout": "5s",
    "jit": "off",
    "temp_file_limit": "1GB",
    "default_transaction_read_only": "on",
}


@pytest.fixture
async def name(world: World) -> AsyncIterator[str]:
    """Of a login that is not there yet, and is as bad as names get."""
    name = f'analyst "; drop role {secrets.token_hex(4)}'
    yield name
    quoted = '"' + name.replace('"', '""') + '"'
    if await world.query("select from pg_roles where rolname = $1", name):
        await world.execute(f"drop owned by {quoted}; drop role {quoted}")


async def organizations(world: World, name: str) -> list[str]:
    quoted = '"' + name.replace('"', '""') + '"'
    async with world.connection() as connection:
        await connection.execute(f"set session authorization {quoted}")
        rows = await connection.fetch("select organization from reporting.organizations order by 1")
    return [row["organization"] for row in rows]


async def test_a_login_is_made_that_sees_what_it_was_granted(world: World, name: str) -> None:
    """Threat S8."""
    await world.sync()

    finished = await world.run("grant", name, "--organization", "acme-01")
    [made] = await world.query(
        "select rolcanlogin, rolconnlimit, setconfig from pg_roles"
        " join pg_db_role_setting on setrole = oid where rolname = $1",
        name,
    )
    assert (made["rolcanlogin"], made["rolconnlimit"]) == (True, 20)
    assert set(made["setconfig"]) == {f"{setting}={value}" for setting, value in LIMITS.items()}
    again = await world.run("grant", name, "--organization", "acme-03")

    assert (finished.exit_code, again.exit_code) == (0, 0), finished.stderr
    assert "has no password" in finished.stdout
    assert "password" not in again.stdout
    assert again.stdout.endswith("sees so many organizations: 2\n")
    assert await organizations(world, name) == ["acme-01", "acme-03"]


async def test_a_tag_is_for_whatever_has_it_by_then(world: World, name: str) -> None:
    await world.sync()
    finished = await world.run("grant", name, "--tag", "team=growth")
    assert finished.exit_code == 0
    assert "no organization has the tag team=growth yet" in finished.stderr
    assert await organizations(world, name) == []

    await world.execute(
        'update ledger.organizations set tags = \'{"team": "growth", "region": "eu"}\''
        " where organization = 'acme-02'"
    )
    assert await organizations(world, name) == ["acme-02"]


async def test_a_login_that_is_there_becomes_a_restricted_one_with_limits(world: World) -> None:
    """Threat S9: what somebody has set for it stays."""
    await world.sync()
    async with new_login(world.database_url) as login:
        await world.execute(f"alter role {login.name} set lock_timeout = '1s'")
        finished = await world.run("grant", login.name, "--organization", "acme-01")
        assert finished.exit_code == 0, finished.stderr

        async with login.connected() as connection:
            settings = {
                each: await connection.fetchval("select current_setting($1)", each)
                for each in LIMITS
            }
            assert settings == LIMITS | {"lock_timeout": "1s"}
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                await connection.execute("create temporary table mine (a int)")
            await connection.execute("set statement_timeout = '20ms'")
            with pytest.raises(asyncpg.QueryCanceledError):
                await connection.execute("select pg_sleep(10)")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("set temp_file_limit = '100GB'")
        rows = await world.query(
            "select rolconnlimit, rolsuper, rolcreaterole from pg_roles where rolname = $1",
            login.name,
        )
        assert rows == [{"rolconnlimit": 20, "rolsuper": False, "rolcreaterole": False}]


async def test_no_more_connections_than_the_limit(world: World) -> None:
    """Threat S9."""
    async with new_login(world.database_url, options="connection limit 1") as login:
        await world.sync()
        await world.run("grant", login.name, "--organization", "acme-01")
        async with login.connected():
            with pytest.raises(asyncpg.TooManyConnectionsError):
                await asyncpg.connect(login.database_url)


@pytest.mark.parametrize("role", ["reporting_reader", "inventory_writer", "pg_read_all_data"])
async def test_who_would_see_more_is_refused(world: World, role: str) -> None:
    """Threat S8."""
    await world.sync()
    async with new_login(world.database_url, role) as login:
        finished = await world.run("grant", login.name, "--organization", "acme-01")
    assert finished.exit_code == 2
    assert f"is a member of {role}" in finished.stderr
    assert await world.query("select from ledger.grants") == []


@pytest.mark.parametrize("options", ["superuser", "bypassrls", "createrole", "replication"])
async def test_whom_policies_do_not_bind_is_refused(world: World, options: str) -> None:
    """Threat S8: itself, and whoever may become it."""
    await world.sync()
    async with (
        new_login(world.database_url, options=options) as login,
        new_login(world.database_url, login.name) as member,
    ):
        finished = await world.run("grant", login.name, "--organization", "acme-01")
        of_member = await world.run("grant", member.name, "--organization", "acme-01")
    assert finished.exit_code == of_member.exit_code == 2
    assert "so it would see more than that" in finished.stderr
    assert f"is a member of {login.name}" in of_member.stderr
    assert await world.query("select from ledger.grants") == []


@pytest.mark.parametrize(
    "role", ["inventory_owner", "inventory_writer", "reporting_reader", "reporting_restricted"]
)
async def test_a_role_of_ours_is_no_login(world: World, role: str) -> None:
    """Threat S8: each of its members would see what it was granted, or all."""
    await world.sync()
    finished = await world.run("grant", role, "--organization", "acme-01")
    assert finished.exit_code == 2
    assert "is no role for a login" in finished.stderr
    assert (
        await world.query(
            "select from pg_auth_members where member = $1::text::regrole"
            " and roleid = 'reporting_restricted'::regrole",
            role,
        )
        == []
    )


async def test_who_owns_the_tables_is_refused(world: World) -> None:
    """Threat S8: as where nobody might hand them over while migrating."""
    await world.sync()
    async with new_login(world.database_url) as login:
        await world.execute(f"alter view ledger.grantees owner to {login.name}")
        finished = await world.run("grant", login.name, "--organization", "acme-01")
        assert finished.exit_code == 2
        assert "owns the tables" in finished.stderr
        async with new_login(world.database_url, login.name) as member:
            finished = await world.run("grant", member.name, "--organization", "acme-01")
        assert finished.exit_code == 2
        assert f"is a member of {login.name}" in finished.stderr
        await world.execute("alter view ledger.grantees owner to inventory_owner")


async def test_who_owns_the_database_is_refused(world: World) -> None:
    async with new_login(world.database_url) as login:
        [base] = await world.query("select current_database() as name, current_user as owner")
        await world.execute(f'alter database "{base["name"]}" owner to {login.name}')
        finished = await world.run("grant", login.name, "--tag", "a=b")
        await world.execute(f'alter database "{base["name"]}" owner to "{base["owner"]}"')
    assert finished.exit_code == 2
    assert "owns the database" in finished.stderr


async def test_what_is_not_known_is_refused_whole(world: World, name: str) -> None:
    await world.sync()
    finished = await world.run(
        "grant", name, "--organization", "acme-01", "--organization", "acme-99"
    )
    assert finished.exit_code == 2
    assert "no organization is called 'acme-99'" in finished.stderr
    assert await world.query("select from pg_roles where rolname = $1", name) == []
    assert await world.query("select from ledger.grants") == []


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("somebody",),
        ("\udcff", "--tag", "a=b"),
        ("somebody", "--organization", "\udcff"),
        ("somebody", "--tag", "\udcff=b"),
        ("somebody", "--tag", "growth"),
        ("somebody", "--tag", "=growth"),
        ("somebody", "--list"),
        ("somebody", "--organization", "acme-01", "--password", "x"),
    ],
)
async def test_what_makes_no_sense_is_refused_even_without_a_database(
    world: World, arguments: tuple[str, ...]
) -> None:
    finished = await world.run("grant", *arguments, DATABASE_URL=DEAD_DATABASE)
    assert finished.exit_code == 2, finished.stderr
    assert "\x1b" not in finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize(
    "login", ["x" * 64, "", "two\nlines", "\x1b[31m", "public", "none", "pg_read_all_data"]
)
async def test_what_postgres_would_cut_or_refuse_is_no_name(world: World, login: str) -> None:
    finished = await world.run("grant", login, "--tag", "a=b")
    assert finished.exit_code == 2
    assert "cannot be the name of a login" in finished.stderr
    assert "\x1b" not in finished.stderr


async def test_grants_are_listed_and_revoked_as_a_whole(world: World, name: str) -> None:
    await world.sync()
    assert "nothing is granted" in (await world.run("grant", "--list")).stdout
    await world.run("grant", name, "--organization", "acme-01", "--tag", "team=growth")
    await world.execute(
        "insert into ledger.grants (login, organization) values ('gone', 'acme-02')"
    )

    listed = (await world.run("grant", "--list")).stdout
    assert "organization acme-01" in listed
    assert "tag team=growth" in listed
    assert "there is no such login" in listed

    assert (await world.run("revoke", name)).exit_code == 0
    assert await organizations(world, name) == []
    assert (await world.run("revoke", name)).exit_code == 2


async def test_it_takes_rights_and_says_which(world: World, name: str) -> None:
    await world.sync()
    async with new_login(world.database_url, "inventory_writer") as login:
        finished = await world.run(
            "grant", name, "--organization", "acme-01", DATABASE_URL=login.database_url
        )
    assert finished.exit_code == 1
    assert "CREATEROLE" in finished.stderr
    assert await world.query("select from pg_roles where rolname = $1", name) == []


async def test_an_owner_who_may_make_roles_can_grant(world: World, name: str) -> None:
    """Without a superuser, as on a managed server; it says which limit takes one."""
    await world.sync()
    async with new_login(world.database_url, options="createrole") as login:
        await world.execute(f"grant inventory_owner to {login.name}; {may_grant(login.name)}")
        await grants_as(world, login, name)


async def test_an_owner_by_itself_can_grant_and_still_sees_all(world: World, name: str) -> None:
    """Where nothing could be handed over to ``inventory_owner``."""
    await world.sync()
    async with new_login(world.database_url, options="createrole") as login:
        await world.execute(
            f"reassign owned by inventory_owner to {login.name}; {may_grant(login.name)}"
        )
        async with login.connected() as owner:
            await owner.execute("call ledger.secure()")
        await grants_as(world, login, name)
        async with login.connected() as owner:
            assert await owner.fetchval("select count(organizations_total) from reporting.runs")
        assert (await world.sync(DATABASE_URL=login.database_url)).exit_code == 0


def may_grant(login: str) -> str:
    """As docs/operations.md has it."""
    statement: str
    [statement] = re.findall(
        r"^grant reporting_restricted to sync_owner .*;", OPERATIONS.read_text(), re.MULTILINE
    )
    return statement.replace("sync_owner", login)


async def grants_as(world: World, login: Login, name: str) -> None:
    finished = await world.run(
        "grant", name, "--organization", "acme-01", DATABASE_URL=login.database_url
    )
    assert finished.exit_code == 0, finished.stderr
    assert "temp_file_limit is not set" in finished.stderr
    assert await organizations(world, name) == ["acme-01"]
    quoted = '"' + name.replace('"', '""') + '"'
    await world.execute(f"drop owned by {quoted}; drop role {quoted}")


@pytest.mark.parametrize("role", ["reporting_reader", "reporting_restricted"])
async def test_a_login_that_reads_is_not_told_how_to_write(world: World, role: str) -> None:
    """Threat S8: an administrator who runs what it is told would open everything."""
    await world.sync()
    commands = [
        ("status",),
        ("explain", "x"),
        ("grant", "--list"),
        ("revoke", "x"),
        ("prune",),
        ("migrate", "--check"),
        ("migrate",),
        ("sync",),
    ]
    async with new_login(world.database_url, role) as login:
        for command in commands:
            finished = await world.run(*command, DATABASE_URL=login.database_url)
            assert finished.failed_with(1), finished.stderr
            assert "This login only reads views" in finished.stderr
            assert "GRANT" not in finished.stderr
        # Tables that somebody granted by hand change nothing in that.
        await world.execute(
            f"grant usage on schema ledger to {login.name};"
            f" grant select on all tables in schema ledger to {login.name}"
        )
        finished = await world.run("status", DATABASE_URL=login.database_url)
        assert "policies hide everything" in finished.stderr
        assert "GRANT" not in finished.stderr


async def test_grants_are_named_where_they_are_needed(world: World) -> None:
    """In the commands of the job; who only looks, or prunes, takes the login of somebody else."""
    await world.sync()
    async with new_login(world.database_url) as login:
        for command, says in (("status", False), ("prune", False), ("migrate", True)):
            finished = await world.run(command, DATABASE_URL=login.database_url)
            assert finished.failed_with(1), finished.stderr
            assert (f"GRANT inventory_writer TO {login.name};" in finished.stderr) == says
            assert ("It takes another login" in finished.stderr) == (not says)
