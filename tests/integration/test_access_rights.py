"""What the roles may do: the writer, whoever reads a part, whoever reads personal data."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator

import asyncpg
import pytest

from aggregator import migrate
from aggregator.database import open_database
from aggregator.embedded.binaries import program
from aggregator.wiring import prepare_schema
from tests.databases import Databases
from tests.logins import Login, new_login, url_of
from tests.simulator import Fleet
from tests.stored import DEPLOYMENT, Stored, stored
from tests.syncing import syncing

RIGHTS = """
select n.nspname || '.' || c.relname as name, p.privilege
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
cross join unnest('{INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) as p (privilege)
where n.nspname in ('ledger', 'inventory', 'reporting', 'people') and c.relkind in ('r', 'v')
    and has_table_privilege($1, c.oid, p.privilege)
"""
BEGUN = "insert into ledger.runs (run_id, version, status) values ($1, '1', $2)"
REJECTED = """
with run as (
    insert into ledger.runs (run_id, version, finished_at, status)
    values (gen_random_uuid(), '1', now(), 'partial')
    returning run_id
), booked as (
    insert into ledger.run_organizations (run_id, organization, resource, organization_id, outcome)
    select run_id, $1, 'connections', $2, 'partial' from run
)
insert into ledger.rejected_records (run_id, organization, resource, record_id, reason)
select run_id, $1, 'connections', $2, 'odd' from run
"""
RUN = "00000000-0000-0000-0000-000000000001"
OPEN_RUN = "00000000-0000-0000-0000-000000000002"


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Of a writer: a run that failed and is closed, and one that is not."""
    owner = await asyncpg.connect(database_url)
    await owner.execute(
        "insert into ledger.organizations (organization, deployment) values ('acme', 'app.example')"
    )
    await owner.executemany(BEGUN, [(RUN, "failed"), (OPEN_RUN, "running")])
    await owner.execute(
        "update ledger.runs set finished_at = now() where status = 'failed';"
        " insert into ledger.run_organizations (run_id, organization, resource, outcome, seen)"
        " select run_id, 'acme', 'connections', 'timeout', 3 from ledger.runs"
    )
    async with new_login(database_url, "inventory_writer") as login, login.connected() as writer:
        yield writer
    await owner.close()


async def test_the_books_of_a_closed_run_stay_as_they_are(
    books: asyncpg.Connection[asyncpg.Record],
) -> None:
    """Threat S18: whoever writes cannot make a failed run look well, nor make it go away."""
    say_complete = "update ledger.runs set status = 'complete' where run_id = $1 returning 1"
    assert await books.fetch(say_complete, RUN) == []
    assert await books.fetch(say_complete, OPEN_RUN) != []
    amend = "update ledger.run_organizations set outcome = 'complete' where run_id = $1"
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="the run is closed"):
        await books.execute(amend, RUN)
    assert await books.execute(amend, OPEN_RUN) == "UPDATE 1"
    add = (
        "insert into ledger.run_organizations (run_id, organization, resource, outcome)"
        " values ($1, 'acme', 'models', 'complete')"
    )
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await books.execute(add, RUN)
    assert await books.execute(add, OPEN_RUN) == "INSERT 0 1"
    for table in ("runs", "run_organizations", "rejected_records", "observations", "migrations"):
        for act in ("delete from", "truncate"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
                await books.execute(f"{act} ledger.{table}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
        await books.execute("update inventory.history set record = '{}'")


async def test_nothing_is_moved_into_a_closed_run_or_out_of_it(
    books: asyncpg.Connection[asyncpg.Record],
) -> None:
    """Threat S18: what may still be written of an open run is no way round."""
    move = "update ledger.run_organizations set run_id = $2, resource = 'models' where run_id = $1"
    for source, target in ((OPEN_RUN, RUN), (RUN, OPEN_RUN)):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="the run is closed"):
            await books.execute(move, source, target)
    reject = (
        "insert into ledger.rejected_records (run_id, organization, resource, reason)"
        " values ($1, 'acme', 'connections', 'odd')"
    )
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await books.execute(reject, RUN)
    assert await books.execute(reject, OPEN_RUN) == "INSERT 0 1"


async def test_in_a_closed_run_an_organization_gets_no_name_but_its_own(
    books: asyncpg.Connection[asyncpg.Record],
) -> None:
    """Threat S18: a failure is not put down to another; what has no id keeps its name."""
    await books.execute(
        "insert into ledger.organizations (organization, deployment, organization_id)"
        " values ('globex', 'app.example', 'id-2'), ('initech', 'app.example', 'id-3');"
        " insert into ledger.run_organizations (run_id, organization, resource, organization_id,"
        " outcome) select run_id, 'globex', 'connections', 'id-2', 'timeout' from ledger.runs"
        " where finished_at is null;"
        " update ledger.runs set finished_at = now() where finished_at is null"
    )
    rename = "update ledger.run_organizations set organization = $2 where organization = $1"
    for name, other in (("globex", "initech"), ("globex", "acme"), ("globex", "x"), ("acme", "x")):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="the run is closed"):
            await books.execute(rename, name, other)
    await books.execute(
        "update ledger.organizations set organization = 'globex-eu' where organization = 'globex'"
    )
    assert await books.execute(rename, "globex", "globex-eu") == "UPDATE 1"


async def test_a_writer_changes_rows_and_nothing_else(database_url: str) -> None:
    """Threat S10: what a stolen login of the job's could do."""
    owner = await asyncpg.connect(database_url)
    async with new_login(database_url, "inventory_writer") as login, login.connected() as writer:
        rows = await owner.fetch(RIGHTS, login.name)
        can = {(row["name"], row["privilege"]) for row in rows}
        assert not {name for name, right in can if right in {"TRUNCATE", "REFERENCES", "TRIGGER"}}
        assert not {name for name, _ in can if name.startswith(("reporting.", "people."))}
        assert {
            name for name, right in can if right == "DELETE" and name.startswith("ledger.")
        } == {
            "ledger.organizations",
            "ledger.drift",
            "ledger.withheld",
        }
        for refused in (
            "create schema mine",
            "create table ledger.mine (a int)",
            "create view reporting.mine as select 1",
            "create function inventory.mine() returns int language sql return 1",
            "alter table ledger.runs disable row level security",
            "drop table inventory.connections",
            "select * from ledger.grants",
            "insert into ledger.grants (login, organization) values ('me', 'acme')",
            "select * from people.users",
            "copy ledger.runs to program 'true'",
            "copy ledger.runs to '/tmp/never'",
            "create role mine",
            "set role inventory_owner",
            "set session_replication_role = replica",
            "call ledger.secure()",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await writer.execute(refused)
    await owner.close()


async def test_whoever_reads_writes_nothing(database_url: str) -> None:
    """Threat S9: neither rows nor objects."""
    owner = await asyncpg.connect(database_url)
    for role in ("reporting_reader", "reporting_restricted"):
        assert await owner.fetch(RIGHTS, role) == []
        assert not await owner.fetchval("select rolcanlogin from pg_roles where rolname = $1", role)
        async with new_login(database_url, role) as login, login.connected() as reader:
            for refused in (
                "create schema mine",
                "create table public.mine (a int)",
                "create view reporting.mine as select 1",
                "select * from ledger.installation",
                "select * from ledger.granted_organizations",
                "select ledger.observation_gap()",
                "select * from people.users",
                "begin; lock table reporting.connections in access exclusive mode",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await reader.execute(refused)
                await reader.execute("rollback")
    await owner.close()


# Personal data


async def test_personal_data_is_for_whom_the_schema_people_was_opened_to(
    database_url: str,
) -> None:
    """Threat S8: and with it go the rows of its organizations only. Policies say so too, for
    whoever would find a way around the views.
    """
    async with stored(database_url) as ready:
        for name in ("acme", "globex"):
            await ready.organization(name)
            await ready.add("users", name, "u", email=f"jane@{name}.example")
            await ready.remove("users", name, "u")
            await ready.add("users", name, "v", email=f"joe@{name}.example")
        everybody = new_login(database_url, "reporting_reader")
        restricted = new_login(database_url, "reporting_restricted")
        async with everybody as reader, restricted as some:
            await grant(ready, some, "acme")
            for login, names in ((reader, {"acme", "globex"}), (some, {"acme"})):
                assert await emails(login) == "permission denied for schema people"
                await ready.connection.execute(f"grant usage on schema inventory to {login.name}")
                assert await named(login) == []
                await ready.connection.execute(
                    f"grant usage on schema people to {login.name};"
                    f" grant select on all tables in schema people to {login.name}"
                )
                assert await emails(login) == {
                    f"{person}@{name}.example" for name in names for person in ("jane", "joe")
                }


async def emails(login: Login) -> object:
    async with login.connected() as connection:
        try:
            rows = await connection.fetch("select email from people.user_history")
        except asyncpg.InsufficientPrivilegeError as error:
            return str(error)
        return {row["email"] for row in rows}


async def named(login: Login) -> list[str]:
    """What policies alone let pass, where a login may name the tables."""
    async with login.connected() as connection:
        rows = await connection.fetch(
            "select id from inventory.history where resource = 'users'"
            " union all select id from inventory.users"
        )
    return [row["id"] for row in rows]


async def grant(ready: Stored, login: Login, organization: str) -> None:
    await ready.connection.execute(
        "insert into ledger.grants (login, deployment, organization_id) values ($1, $2, $3)",
        login.name,
        DEPLOYMENT,
        organization,
    )


# Names come and go, organizations stay


async def test_a_grant_follows_an_organization_through_names_and_stays_with_it(
    database_url: str,
) -> None:
    """Whoever was granted acme keeps it when it is renamed, disabled or retired, and does not see
    the other organization that goes by its name then, nor the records that one's runs rejected.
    """
    async with (
        stored(database_url) as ready,
        new_login(database_url, "reporting_restricted") as one,
        new_login(database_url, "reporting_restricted") as other,
    ):
        await ready.organization("acme", "connections", organization_id="id-1")
        await grant(ready, one, "id-1")
        await ready.connection_of("id-1", "of the first")
        await ready.connection.execute(REJECTED, "acme", "id-1")
        await ready.connection.execute(
            "update ledger.organizations set organization = 'acme~id-1', configured = false"
        )
        await ready.organization("acme", "connections", organization_id="id-2")
        await grant(ready, other, "id-2")
        await ready.connection_of("id-2", "of the second")
        await ready.connection.execute(REJECTED, "acme", "id-2")

        assert await sees(one) == (["of the first"], ["id-1"], ["id-1"], 1)
        assert await sees(other) == (["of the second"], ["id-2"], ["id-2"], 1)
        await ready.connection.execute(
            "update ledger.organizations set organization = 'first', enabled = false"
            " where organization_id = 'id-1'"
        )
        assert (await sees(one))[0] == ["of the first"]


async def test_who_gets_a_name_later_does_not_get_its_failures(database_url: str) -> None:
    """Before its id was known the organization failed by its name alone; then it was renamed."""
    failed = """
    with run as (
        insert into ledger.runs (run_id, version, finished_at, status)
        values (gen_random_uuid(), '1', now(), 'failed')
        returning run_id
    ), booked as (
        insert into ledger.run_organizations (run_id, organization, resource, outcome)
        select run_id, 'first', 'connections', 'unauthorized' from run
    )
    insert into ledger.rejected_records (run_id, organization, resource, record_id, reason)
    select run_id, 'first', 'connections', $1, 'odd' from run
    """
    async with (
        stored(database_url) as ready,
        new_login(database_url, "reporting_restricted") as one,
        new_login(database_url, "reporting_restricted") as other,
    ):
        await ready.organization("first", organization_id=None)
        await ready.connection.execute(failed, "of the first")
        await ready.connection.execute(
            "update ledger.organizations set organization = 'renamed', organization_id = 'id-1'"
        )
        await grant(ready, one, "id-1")
        await ready.organization("first", organization_id="id-2")
        await grant(ready, other, "id-2")
        assert await sees(other) == ([], [], [], 0)
        await ready.connection.execute(failed, "of the second")

        assert await sees(other) == ([], ["of the second"], [None], 1)
        await ready.organization("later")
        await grant(ready, other, "later")
        assert await sees(other) == ([], ["of the second"], [None], 1)
        await ready.connection.execute(
            "update ledger.organizations set organization = 'first~id-1'"
            " where organization_id = 'id-1'"
        )
        assert await sees(one) == ([], [], [], 0)


async def sees(login: Login) -> tuple[list[str], list[str], list[str | None], int]:
    async with login.connected() as connection:
        answers = [
            [row[0] for row in await connection.fetch(question)]
            for question in (
                "select connection_id from reporting.connections",
                "select record_id from reporting.rejected_records",
                "select organization_id from reporting.run_organizations",
                "select count(*)::integer from reporting.runs",
            )
        ]
    return (answers[0], answers[1], answers[2], answers[3][0])


async def test_a_grant_by_name_is_for_the_organization_and_goes_with_it(database_url: str) -> None:
    """One that no key has read yet has no id to be granted by."""
    async with (
        stored(database_url) as ready,
        new_login(database_url, "reporting_restricted") as one,
    ):
        await ready.organization("acme", organization_id=None)
        await ready.connection.execute(
            "insert into ledger.grants (login, organization) values ($1, 'acme')", one.name
        )
        await ready.connection.execute(
            "update ledger.organizations set organization = 'acme~1', organization_id = '1'"
        )
        await ready.organization("acme", organization_id="2")
        async with one.connected() as connection:
            rows = await connection.fetch("select organization from reporting.organizations")
        assert [row["organization"] for row in rows] == ["acme~1"]


async def test_a_grant_by_name_becomes_one_by_id_as_soon_as_there_is_an_id(
    database_url: str,
) -> None:
    """A run that follows a rename deletes the old name, and what was granted by it."""
    async with (
        stored(database_url) as ready,
        new_login(database_url, "inventory_writer") as job,
        new_login(database_url, "reporting_restricted") as one,
        job.connected() as writer,
    ):
        await ready.organization("acme", organization_id=None)
        await ready.connection.execute(
            "insert into ledger.grants (login, organization) values ($1, 'acme')", one.name
        )
        await writer.execute("update ledger.organizations set organization_id = 'id-1'")
        await writer.execute("delete from ledger.organizations")
        await ready.organization("renamed", "connections", organization_id="id-1")
        await ready.connection_of("id-1", "kept")

        assert (await sees(one))[0] == ["kept"]
        rows = await ready.connection.fetch(
            "select organization, organization_id from ledger.grants"
        )
        assert [tuple(row) for row in rows] == [(None, "id-1")]
        await writer.execute("create temporary table mine (organization text, deployment text)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await writer.execute(
                "create trigger mine after update on mine"
                " for each row execute function ledger.keep_grants()"
            )


# Owners


async def test_whoever_was_granted_single_views_or_tables_is_told_which_role_it_needs(
    databases_of_run: Databases, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = migrate.load_migrations()
    async with (
        databases_of_run.copy("template0") as url,
        new_login(url) as login,
        open_database(url) as base,
    ):
        with monkeypatch.context() as patch:
            patch.setattr(migrate, "load_migrations", lambda: files[:12])
            await migrate.apply(base)
        await base.fetch(f"grant usage on schema reporting to {login.name}")
        await base.fetch(f"grant select on reporting.connections to {login.name}")
        await base.fetch(f"grant insert on ledger.runs to {login.name}")
        await migrate.apply(base)
    warnings = {str(vars(record).get("warning")) for record in caplog.records}
    assert warnings == {
        f"policies hide all rows from these, until they are members of {role}: {login.name}"
        for role in ("reporting_reader", "inventory_writer")
    }


async def test_ownership_can_be_handed_over_later(databases_of_run: Databases) -> None:
    """A login without rights has migrated; a superuser gives all to inventory_owner, and a member
    of that goes on as before.
    """
    async with databases_of_run.copy("template0") as url:
        owner = await asyncpg.connect(url)
        name = await owner.fetchval("select current_database()")
        async with new_login(url) as first, new_login(url) as second:
            await owner.execute(f'grant create on database "{name}" to {first.name}')
            await migrate.migrate(first.database_url)
            assert await owners(owner) == {first.name}
            await owner.execute(f"call ledger.secure(); grant inventory_owner to {second.name}")
            assert await owners(owner) == {"inventory_owner"}
            async with syncing(second.database_url, Fleet(2, 3)) as ready:
                await prepare_schema(ready.database, apply=True)
                assert (await ready.sync())["exit_code"] == 0
        await owner.close()


async def owners(owner: asyncpg.Connection[asyncpg.Record]) -> set[str]:
    rows = await owner.fetch(
        "select distinct c.relowner::regrole::text as name from pg_class c"
        " where c.relnamespace::regnamespace::text"
        " in ('ledger', 'inventory', 'reporting', 'people') and c.relkind in ('r', 'v')"
    )
    return {row["name"] for row in rows}


async def test_later_migrations_leave_all_with_one_owner(
    databases_of_run: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = migrate.load_migrations()
    later = migrate.Migration(len(files) + 1, "later", "create table ledger.later (a int)")
    async with databases_of_run.copy("template0") as url:
        await migrate.migrate(url)
        monkeypatch.setattr(migrate, "load_migrations", lambda: [*files, later])
        await migrate.migrate(url)
        owner = await asyncpg.connect(url)
        assert await owners(owner) == {"inventory_owner"}
        await owner.close()


async def test_an_owner_that_policies_bind_can_back_up_and_restore(
    databases_of_run: Databases,
) -> None:
    """With --enable-row-security, as docs/operations.md says; without, pg_dump refuses."""
    async with (
        databases_of_run.copy("template0") as url,
        databases_of_run.copy("template0") as empty,
    ):
        admin = await asyncpg.connect(url)
        name = await admin.fetchval("select current_database()")
        async with new_login(url) as owner:
            await admin.execute(f'grant create, temporary on database "{name}" to {owner.name}')
            await migrate.migrate(owner.database_url)
            async with syncing(owner.database_url, Fleet(2, 3)) as ready:
                await ready.sync()
            dump = [
                "--schema=ledger",
                "--schema=inventory",
                "--schema=reporting",
                "--schema=people",
            ]
            refused = await asyncio.to_thread(run, "pg_dump", *dump, owner.database_url)
            assert "row-level security" in refused.stderr
            dumped = await asyncio.to_thread(
                run, "pg_dump", "--enable-row-security", *dump, owner.database_url
            )
            assert dumped.returncode == 0, dumped.stderr
            restored = await asyncio.to_thread(
                run, "psql", "-qX", "-v", "ON_ERROR_STOP=1", empty, text=dumped.stdout
            )
            assert restored.returncode == 0, restored.stderr
            other = url_of(empty, owner.name)
            connection = await asyncpg.connect(other)
            assert await connection.fetchval("select count(*) from reporting.connections") == 6
            await connection.close()
            async with stored(empty) as ready:
                await ready.connection.execute(f"drop owned by {owner.name} cascade")
        await admin.close()


def run(name: str, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program(name), *arguments], input=text, capture_output=True, text=True, check=False
    )
