"""Who may see what: a login of one organization looks everywhere, and finds nobody else's rows."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import asyncpg
import pytest

from aggregator.resources import RESOURCES
from tests.logins import Login, new_login

MARK = "TOPSECRET"
"""In every text of organizations that the login may not see."""
OURS = ("ledger", "inventory", "reporting", "people")
OWNER_RIGHTS = {
    "granted_books",
    "granted_keys",
    "granted_organizations",
    "granted_runs",
}
"""Views that policies stand on; they give what was granted to whoever asks."""
OWNER_RIGHTS_OF_TRIGGERS = {"keep_grants"}
"""Nobody but the owner may call them or make a trigger of them."""

COLUMNS = """
select
    n.nspname || '.' || c.relname as name,
    array_agg(a.attname::text order by a.attnum) as columns,
    array_agg(format_type(a.atttypid, null) order by a.attnum) as types
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where n.nspname in ('ledger', 'inventory') and c.relkind in ('r', 'p') and a.attgenerated = ''
    and n.nspname || '.' || c.relname not in
        ('ledger.migrations', 'ledger.installation', 'ledger.run_lock', 'ledger.grants')
group by 1
"""

RELATIONS = """
select format('%I.%I', n.nspname, c.relname) as name, n.nspname as schema
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and n.nspname !~ '^pg_(toast|temp)'
order by 1
"""

LEAK = """
create function pg_temp.leak(text) returns boolean language plpgsql cost 0.0000001 as
$$ begin raise notice '%', $1; return true; end $$
"""

OF_VIEWS = """
select c.relname as view, array_agg(quote_ident(a.attname)) as columns
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
where c.relnamespace = 'reporting'::regnamespace
group by c.relname
order by c.relname
"""


ORGANIZATIONS = {"acme": "own", "beta": "own", f"{MARK}-1": f"{MARK}-1", f"{MARK}-2": f"{MARK}-2"}
"""With the word that is in all its texts."""


BY_TYPE = {
    "boolean": "true",
    "uuid": "md5('{organization}')::uuid",
    "bytea": "convert_to('{word}', 'UTF8')",
    "timestamp with time zone": "now()",
    "date": "(now() at time zone 'UTC')::date",
    "text": "'{word}'",
    "text[]": "array['{word}']",
    "jsonb": """'{{"name": "{word}", "status": "{word}", "extra": {{"a": "{word}"}}}}'""",
}
BY_COLUMN = {
    "deployment": "'app.example'",
    "organization": "'{organization}'",
    "organization_id": "'{organization}'",
    "upstream_id": "'{organization}'",
    "categories": """'[{{"key": "{word}", "label": "{word}", "calls": 7}}]'""",
    "resources": """'{{"{word}": {{"seen": 7}}}}'""",
    "tags": """'{{"team": "{team}"}}'""",
}
SHARED = f"""
insert into inventory.connections (
    deployment, organization_id, id, name, status, endpoint, parent_connection_id, content_hash,
    generation
) values
    (
        'app.example', '{MARK}-1', 'their original', '{MARK}', '{MARK}', '{MARK}.example', null,
        '', 1
    ),
    ('app.example', 'acme', 'our copy', 'own', 'bad', null, 'their original', '', 1),
    ('app.example', '{MARK}-2', '{MARK} copy', '{MARK}', '{MARK}', '{MARK}.example', 'own', '', 1);
update inventory.connections set parent_connection_id = null where name = id;
"""  # noqa: S608 (words of ours)
"""One connection shared each way: ids go with copies, names do not."""
READ = """
update inventory.models set connection_id = 'own';
update inventory.model_syncs set target_connection_id = 'lost';
update ledger.organizations
set configured = true, enabled = true, gone_upstream_since = null;
update ledger.resources set per = 'organization';
update ledger.scopes set last_outcome = 'complete';
insert into inventory.connection_types (
    deployment, organization_id, id, name, content_hash, generation
) values ('app.example', '', 'own', 'the vendor''s', '', 1);
"""
"""All is expected and was read completely; models and syncs refer to what is and is not there."""


def value_of(column: str, kind: str, word: str, organization: str, number: int) -> str:
    """SQL of a value with the word in every text of it."""
    form = BY_COLUMN.get(column) or BY_TYPE.get(kind) or str(7 + number)
    if column == "resources" and kind == "text[]":
        form = BY_TYPE[kind]
    team = "growth" if organization == "beta" else word
    return form.format(word=word, organization=organization, team=team)


@dataclass(slots=True)
class Seen:
    """What a login got to see, by where."""

    texts: dict[str, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)

    @property
    def foreign(self) -> set[str]:
        return {name for name, text in self.texts.items() if MARK in text}


async def seed(owner: asyncpg.Connection[asyncpg.Record]) -> None:
    """In each table, for each resource that it tells apart, one row of ``acme``, one of ``beta``,
    which has the tag ``team=growth``, and one of each of two organizations whose texts are marked.
    """
    await owner.execute("set session_replication_role = replica")
    for number, (organization, word) in enumerate(ORGANIZATIONS.items()):
        for table in await owner.fetch(COLUMNS):
            for statement in rows_of(table, word, organization, number):
                await owner.execute(statement)
    await owner.execute(SHARED + READ)
    # Since when runs are kept is nobody's in particular.
    await owner.execute(
        "delete from ledger.horizons; insert into ledger.horizons values ('runs', now())"
    )
    await owner.execute("set session_replication_role = origin")
    await owner.execute("analyze")


COMMON = {"ledger.horizons"}
"""Tables that say nothing of any organization."""


def rows_of(table: asyncpg.Record, word: str, organization: str, number: int) -> Iterator[str]:
    names, kinds = table["columns"], table["types"]
    word = "own" if table["name"] in COMMON else word
    resources = list(RESOURCES) if "resource" in names else [word]
    for resource in resources:
        values = [
            f"'{resource}'"
            if column == "resource"
            else value_of(column, kind, word, organization, number)
            for column, kind in zip(names, kinds, strict=True)
        ]
        yield (
            f"insert into {table['name']} ({', '.join(names)})"  # noqa: S608 (names of the catalogue)
            f" overriding system value values ({', '.join(values)}) on conflict do nothing"
        )


@dataclass(slots=True)
class Watched:
    owner: asyncpg.Connection[asyncpg.Record]
    login: Login
    database_url: str
    """Of the owner."""
    connection: asyncpg.Connection[asyncpg.Record]
    """Of the login, which was granted ``acme`` and the tag of ``beta``."""

    async def views(self) -> list[str]:
        return [f"reporting.{row['view']}" for row in await self.owner.fetch(OF_VIEWS)]


@pytest.fixture
async def watched(database_url: str) -> AsyncIterator[Watched]:
    owner = await asyncpg.connect(database_url)
    await seed(owner)
    async with new_login(database_url, "reporting_restricted") as login:
        await owner.execute(
            "insert into ledger.grants (login, deployment, organization_id, tag)"
            " values ($1, 'app.example', 'acme', null), ($1, null, null, '{\"team\": \"growth\"}')",
            login.name,
        )
        async with login.connected() as connection:
            yield Watched(owner, login, database_url, connection)
    await owner.close()


async def look(
    connection: asyncpg.Connection[asyncpg.Record], names: list[str], what: str = "to_jsonb(t)"
) -> Seen:
    seen = Seen()
    for name in names:
        try:
            rows = await connection.fetch(f"select ({what})::text from {name} t")  # noqa: S608 (as above)
        except asyncpg.PostgresError as error:
            seen.refused.add(name)
            seen.texts[f"error of {name}"] = str(error)
        else:
            seen.texts[name] = "\n".join(row[0] or "" for row in rows)
    return seen


async def relations(owner: asyncpg.Connection[asyncpg.Record], *, ours: bool) -> list[str]:
    return [row["name"] for row in await owner.fetch(RELATIONS) if (row["schema"] in OURS) == ours]


async def test_every_view_has_rows_of_its_organization_and_none_of_another(
    watched: Watched,
) -> None:
    """Threat S8, trap T15."""
    views = await watched.views()
    seen = await look(watched.connection, views)
    everything = await look(watched.owner, views)

    assert seen.foreign == set()
    assert {name: seen.texts[f"error of {name}"] for name in seen.refused} == {}
    # The same question put to the owner finds what is hidden: there is something to hide.
    assert everything.foreign >= set(views) - {"reporting.fleet_summary", "reporting.retention"}
    assert {name for name, text in seen.texts.items() if not text} == set()


async def test_numbers_are_those_of_its_organizations(watched: Watched) -> None:
    """Threat S8: a row of counts is over what was granted, too."""
    row = await watched.connection.fetchrow("select * from reporting.fleet_summary")
    assert row is not None
    assert (row["organizations_expected"], row["connections"]) == (
        2,
        7 + 8,
    )  # as counted beside them
    [runs] = [
        tuple(each)
        for each in await watched.connection.fetch(
            "select count(*), count(resources), count(requests), count(organizations_total),"
            " count(headline), count(seen) from reporting.runs"
        )
    ]
    assert runs == (2, 0, 0, 0, 0, 0)


async def test_policies_hide_the_rest_from_a_login_that_may_name_the_tables(
    watched: Watched,
) -> None:
    """Threat S8: privileges that somebody granted by hand open no more rows than views do."""
    await watched.owner.execute(
        f"grant usage on schema ledger, inventory to {watched.login.name};"
        f" grant select on all tables in schema ledger, inventory to {watched.login.name}"
    )
    await watched.owner.execute("insert into ledger.grants (login, tag) values ($1, '{}')", MARK)
    await watched.owner.execute("insert into ledger.listings values ($1, now(), '')", MARK)
    tables = await watched.owner.fetch(
        "select oid::regclass::text as name from pg_class where relkind in ('r', 'p')"
        " and relnamespace::regnamespace::text in ('ledger', 'inventory')"
    )
    seen = await look(watched.connection, [row["name"] for row in tables])

    assert (seen.foreign, seen.refused) == (set(), set())
    assert {name for name, text in seen.texts.items() if not text} == {
        "inventory.users",
        "ledger.grants",
        "ledger.installation",
        "ledger.migrations",
        "ledger.run_lock",
    }


async def test_what_others_have_changes_nothing_that_it_sees(watched: Watched) -> None:
    """Threat S8: counts, flags and times, too; to who sees a part, there is no rest."""
    names = [*await watched.views(), "reporting.connections_as_of(now())"]
    async with watched.connection.transaction():  # for now() to stand still
        before = await look(watched.connection, names)
        await watched.owner.execute("set session_replication_role = replica")
        for table in await watched.owner.fetch(COLUMNS):
            await watched.owner.execute(
                f"delete from {table['name']} t where t::text like '%{MARK}%'"  # noqa: S608 (names of the catalogue)
            )
        after = await look(watched.connection, names)

    assert before.refused == set()
    assert {
        name
        for name in names
        if sorted(before.texts[name].split("\n")) != sorted(after.texts[name].split("\n"))
    } == set()


async def test_no_function_of_the_contract_is_left_out_here(watched: Watched) -> None:
    """The next test calls those without arguments, and this one."""
    assert [
        row["name"]
        for row in await watched.owner.fetch(
            "select oid::regprocedure::text as name from pg_proc where pronargs > 0"
            " and pronamespace::regnamespace::text in ('reporting', 'people')"
        )
    ] == ["reporting.connections_as_of(timestamp with time zone)"]


async def test_the_catalogue_and_the_statistics_say_nothing_of_other_organizations(
    watched: Watched,
) -> None:
    """Threat S8: every relation of every other schema, pg_stats and pg_stat_activity included."""
    names = await relations(watched.owner, ours=False)
    somebody = await asyncpg.connect(watched.database_url)
    await somebody.fetch(f"select '{MARK}'")

    seen = await look(watched.connection, names)
    everything = await look(watched.owner, names)
    await somebody.close()

    assert seen.foreign == set()
    assert len(names) - len(seen.refused) > 100
    assert {"pg_catalog.pg_stats", "pg_catalog.pg_stat_activity"} <= seen.texts.keys()
    assert {"pg_catalog.pg_stats", "pg_catalog.pg_stat_activity"} <= everything.foreign


async def test_it_can_name_nothing_but_views(watched: Watched) -> None:
    """Threat S8."""
    names = await relations(watched.owner, ours=True)
    hidden = {name for name in names if not name.startswith("reporting.")}

    seen = await look(watched.connection, sorted(hidden))

    assert seen.refused == hidden
    assert seen.foreign == set()


async def test_functions_give_only_its_rows(watched: Watched) -> None:
    """Threat S8: ours, those of Postgres without arguments, and those that dump as XML."""
    calls = [
        f"{row['name']}()"
        for row in await watched.owner.fetch(
            "select oid::regproc::text as name from pg_proc where pronargs = 0 and prokind = 'f'"
            " and prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)"
            " and pronamespace::regnamespace::text in ('pg_catalog', 'reporting')"
        )
    ]
    as_of = "reporting.connections_as_of(now())"
    dumps = ["database_to_xml(true, false, '')", "schema_to_xml('reporting', true, false, '')"]

    seen = await look(watched.connection, [*calls, *dumps, as_of])
    everything = await look(watched.owner, [as_of])

    assert seen.foreign == set()
    assert len(calls) - len(seen.refused) > 100
    assert "own" in seen.texts[as_of]
    assert everything.foreign == {as_of}


async def test_no_function_of_its_own_is_shown_what_policies_hold_back(watched: Watched) -> None:
    """Threat S8: a cheap function that tells what it is given, in every column of every view."""
    said: list[str] = []
    await watched.connection.execute(LEAK)
    watched.connection.add_log_listener(lambda _, message: said.append(message.message))
    for row in await watched.owner.fetch(OF_VIEWS):
        leaks = " and ".join(f"pg_temp.leak({column}::text)" for column in row["columns"])
        await watched.connection.fetch(f"select from reporting.{row['view']} where {leaks}")
    assert len(said) > 1000
    assert not [each for each in said if MARK in each]


async def test_no_error_repeats_what_policies_hold_back(watched: Watched) -> None:
    """Threat S8: casts that fail say on which value; each column is cast by itself."""
    errors = []
    for row in await watched.owner.fetch(OF_VIEWS):
        for column in row["columns"]:
            try:
                await watched.connection.fetch(
                    f"select from reporting.{row['view']}"
                    f" where ('x' || {column}::text)::integer > 0"
                )
            except asyncpg.DataError as error:
                errors.append(str(error))
    assert len(errors) > 500
    assert not [each for each in errors if MARK in each]


async def test_plans_show_no_values(watched: Watched) -> None:
    """Threat S8: how many rows a table has is no secret, what is in them is."""
    for view in await watched.views():
        for options in ("analyze, verbose, format json", "generic_plan"):
            plan = await watched.connection.fetch(f"explain ({options}) select * from {view}")  # noqa: S608 (as above)
            assert MARK not in "\n".join(row[0] for row in plan)


WRITTEN = (
    "name", "organization_name", "endpoint", "status_error", "status_message", "error",
    "last_error", "reason", "headline", "created_by_name", "updated_by_name", "sso_domain",
)  # fmt: skip
"""Columns with what people and servers wrote."""


async def test_no_estimate_depends_on_what_others_wrote(watched: Watched) -> None:
    """Threat S8: planners estimate before policies, from a sample of everybody's values."""
    await watched.owner.execute(  # a value that is often there is one that planners keep
        "insert into inventory.connections (deployment, organization_id, id, name, status_error,"  # noqa: S608 (words of ours)
        f" endpoint, content_hash, generation) select 'app.example', '{MARK}-1', n::text,"
        f" '{MARK}', '{MARK}', '{MARK}', '', 1 from generate_series(1, 300) n"
    )
    await watched.owner.execute("analyze")
    columns = await watched.owner.fetch(
        "select attrelid::regclass::text as view, attname::text as name from pg_attribute"
        " where attrelid::regclass::text = any($1) and atttypid = 'text'::regtype",
        await watched.views(),
    )
    asked = [(each["view"], each["name"]) for each in columns if each["name"] in WRITTEN]

    differing = []
    for view, name in asked:
        for operator in ("=", "<"):
            plans = {
                await watched.connection.fetchval(
                    f"explain (format json) select from {view} where {name} {operator} '{value}'"
                )
                for value in (MARK, "nobody at all")
            }
            if len({json.loads(plan)[0]["Plan"]["Plan Rows"] for plan in plans}) > 1:
                differing.append(f"{view}.{name} {operator}")
    assert len(asked) > 30
    assert differing == []


async def test_no_other_role_and_no_setting_shows_more(watched: Watched) -> None:
    """Threat S8."""
    for role in ("inventory_owner", "inventory_writer", "reporting_reader", "pg_read_all_data"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await watched.connection.execute(f"set role {role}")
    await watched.connection.execute("set row_security = off")
    for view in await watched.views():
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await watched.connection.fetch(f"select * from {view}")  # noqa: S608 (as above)
    await watched.connection.execute("set row_security = on; set role reporting_restricted")
    assert await watched.connection.fetch("select * from reporting.organizations") == []


async def test_what_lies_beyond_the_grant_is_not_called_certain(watched: Watched) -> None:
    connection = watched.connection
    beyond = "organizations outside this login's grant"
    for view in ("blast_radius", "unused_connections"):
        rows = await connection.fetch(f"select is_certain, not_looked from reporting.{view}")  # noqa: S608 (as above)
        assert rows
        assert not any(row["is_certain"] for row in rows)
        assert all(beyond in row["not_looked"] for row in rows)
    assert not await connection.fetchval(
        "select bool_or(is_certain) from reporting.connection_types"
    )
    whole = await watched.owner.fetch("select not_looked from reporting.blast_radius")
    assert not any(beyond in (row["not_looked"] or ()) for row in whole)


async def test_a_view_of_somebody_elses_shows_who_asks_what_it_may_see(watched: Watched) -> None:
    """Threat S8: a view of a user's on ours, granted to it by who sees all, shows no more."""
    await watched.owner.execute(
        "create schema bi; create view bi.all_connections as select * from reporting.connections"
    )
    await watched.owner.execute(
        f"grant usage on schema bi to {watched.login.name};"
        f" grant select on bi.all_connections to {watched.login.name}"
    )
    seen = await look(watched.connection, ["bi.all_connections"])
    assert "own" in seen.texts["bi.all_connections"]
    assert seen.foreign == set()


# The rules, for whatever later migrations make


async def test_every_table_forces_policies_and_every_view_asks_as_its_reader(
    database_url: str,
) -> None:
    """Threats S8 and S11, trap T15: also what a later migration makes."""
    owner = await asyncpg.connect(database_url)
    relations = await owner.fetch(
        "select c.relname as name, c.relkind = 'v' as is_view, coalesce(c.reloptions, '{}') as"
        " options, c.relrowsecurity and c.relforcerowsecurity as is_forced,"
        " c.relkind = 'm' as is_copy"
        " from pg_class c where c.relkind in ('r', 'p', 'v', 'm', 'f')"
        " and c.relnamespace::regnamespace::text = any ($1)",
        list(OURS),
    )
    routines = await owner.fetch(
        "select p.proname as name from pg_proc p"
        " where p.pronamespace::regnamespace::text = any ($1) and (p.prosecdef"
        " or has_function_privilege('public', p.oid, 'execute')"
        " or p.prosqlbody is null and not coalesce(p.proconfig::text ~ 'search_path', false))",
        list(OURS),
    )
    await owner.close()
    views = {row["name"]: row["options"] for row in relations if row["is_view"]}
    assert {name for name, options in views.items() if "security_invoker=true" not in options} == {
        *OWNER_RIGHTS,
        "grantees",
    }
    assert all("security_barrier=true" in views[name] for name in OWNER_RIGHTS)
    assert {
        row["name"] for row in relations if not row["is_view"] and not row["is_forced"]
    } == set()
    assert not any(row["is_copy"] for row in relations)
    assert {row["name"] for row in routines} == OWNER_RIGHTS_OF_TRIGGERS
