"""Rows for every table of any release, made from what the database says of its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncpg

_MOMENT = "'2026-01-03 12:00+00'"

# Values by column; else by type. As SQL, for types are many.
_NAMED = {
    "deployment": "'polytomic.example'",
    "organization": "'acme'",
    "organization_id": "'acme'",
    "id": "'full'",
    "run_id": "'00000000-0000-4000-8000-000000000001'",
    "resource": "'connections'",
    "resources": "'{}'::jsonb",
    "status": "'unhealthy'",
    "change": "'updated'",
    "changed_fields": "'{name}'",
    "parent_connection_id": "'elsewhere'",
    "connection_id": "'full'",
    "source_connection_id": "'full'",
    "gone_upstream_since": "null",
    "outcome": "'complete'",
    "last_outcome": "'complete'",
    "categories": """'[{"key": "rest", "label": "REST", "calls": 3}]'""",
    "only_row": "true",
    "per": "'organization'",
    "version": "'1'",
}
_TYPED = {
    "text": "'text'",
    "text[]": "'{a,b}'",
    "jsonb": """'{"key": [1, null]}'""",
    "boolean": "true",
    "timestamp with time zone": _MOMENT,
    "date": "'2026-01-03'",
    "bytea": r"'\x01'",
    "double precision": "1.5",
}

_COLUMNS = """
select format('%I.%I', n.nspname, c.relname) as table, a.attname as name,
    format_type(a.atttypid, null) as type, a.attnotnull and not a.atthasdef as is_needed
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    and a.attidentity = '' and a.attgenerated = ''
where c.relkind = 'r' and n.nspname in ('ledger', 'inventory')
    and c.relname not in ('migrations', 'installation', 'run_lock', 'history', 'grants')
order by c.relname not in ('organizations', 'runs'), n.nspname = 'inventory', c.relname, a.attnum
"""


# Rows beside the one of all columns: of another organization, of another resource, and as bare as
# the table allows; and an organization of which nothing but its name is known.
_OTHERS = (
    {
        "organization": "'globex'",
        "organization_id": "'globex'",
        "upstream_id": "'globex'",
        "parent_connection_id": "null",
    },
    {"resource": "'bulk_syncs'"},
    {"resource": "'model_syncs'"},
    {"resource": "'models'"},
)
_BARE = {"id": "'bare'", "run_id": "'00000000-0000-4000-8000-000000000002'"}
_STRANGER = {"organization": "'initech'"}


async def fill_every_table(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Some rows each, with a value in every column or in as few as possible, and a past of all that
    exists.
    """
    tables: dict[str, list[asyncpg.Record]] = {}
    for column in await connection.fetch(_COLUMNS):
        tables.setdefault(column["table"], []).append(column)
    for table, columns in tables.items():
        for named in ({}, *_OTHERS):
            await _insert(connection, table, columns, _NAMED | named)
        needed = [column for column in columns if column["is_needed"]]
        bare = _STRANGER if table == "ledger.organizations" else _BARE
        await _insert(connection, table, needed, _NAMED | bare)
    for table, columns in tables.items():
        if "content_hash" in {column["name"] for column in columns}:
            await _give_a_past(connection, table)
    # What triggers keep is what they would have kept of these.
    if await connection.fetchval("select to_regproc('inventory.recount_summaries') is not null"):
        await connection.execute("select inventory.recount_summaries()")


async def _insert(
    connection: asyncpg.Connection[asyncpg.Record],
    table: str,
    columns: list[asyncpg.Record],
    named: dict[str, str],
) -> None:
    names = ", ".join(column["name"] for column in columns)
    values = ", ".join(
        named.get(column["name"]) or _TYPED.get(column["type"], "1") for column in columns
    )
    await connection.execute(
        f"insert into {table} ({names}) values ({values}) on conflict do nothing"  # noqa: S608 - names of ours
    )


async def _give_a_past(connection: asyncpg.Connection[asyncpg.Record], table: str) -> None:
    """An earlier version of each row, and one that was removed."""
    resource = table.removeprefix("inventory.")
    for key, valid_from, valid_to, change in (
        ("id", "'2026-01-02'", "valid_from", "created"),
        ("'gone'", "'2026-01-02'", "'2026-01-03'", "created"),
        ("'gone'", "'2026-01-03'", "'2026-01-03'", "removed"),
    ):
        await connection.execute(
            "insert into inventory.history (resource, deployment, organization_id, id, valid_from,"  # noqa: S608 - names of ours
            " valid_to, change, first_seen_at, generation, record)"
            f" select '{resource}', deployment, organization_id, {key}, {valid_from}, {valid_to},"
            f" '{change}', '2026-01-02', 1, to_jsonb(c) from {table} c on conflict do nothing"
        )
