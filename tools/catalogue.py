"""What a database says of its own schemas: relations, functions, columns, types and comments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncpg

_RELATIONS = """
select n.nspname as schema, c.relname as name, c.relkind = 'v' as is_view,
    obj_description(c.oid, 'pg_class') as comment,
    a.attname as column, format_type(a.atttypid, a.atttypmod) as type,
    col_description(c.oid, a.attnum) as column_comment
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where n.nspname = any ($1::text[]) and c.relkind <> 'i'
order by n.nspname, c.relname collate "C", a.attnum
"""
_FUNCTIONS = """
select n.nspname as schema, p.proname as name,
    pg_get_function_identity_arguments(p.oid) as arguments,
    obj_description(p.oid, 'pg_proc') as comment,
    x.name as column, format_type(x.type, null) as type
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join unnest(p.proargnames, p.proallargtypes, p.proargmodes) with ordinality
    as x (name, type, mode, number) on x.mode = 't'
where n.nspname = any ($1::text[])
order by n.nspname, p.proname collate "C", p.oid, x.number
"""


@dataclass(frozen=True, slots=True)
class Column:
    """Of a relation; those of functions cannot have a comment."""

    name: str
    type: str
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation, or a function that returns rows: then ``arguments`` is not None."""

    schema: str
    name: str
    comment: str | None
    columns: tuple[Column, ...]
    is_view: bool = False
    arguments: str | None = None

    @property
    def label(self) -> str:
        """As one writes it after ``from``, without the schema."""
        return self.name if self.arguments is None else f"{self.name}({self.arguments})"


async def read_catalogue(
    connection: asyncpg.Connection[asyncpg.Record], *schemas: str
) -> list[Relation]:
    """All relations of these schemas by schema and name, then the functions that return rows."""
    found = []
    relations = await connection.fetch(_RELATIONS, schemas)
    for rows in _runs(relations, "schema", "name"):
        head = rows[0]
        columns = tuple(Column(row["column"], row["type"], row["column_comment"]) for row in rows)
        found.append(
            Relation(head["schema"], head["name"], head["comment"], columns, head["is_view"])
        )
    functions = await connection.fetch(_FUNCTIONS, schemas)
    for rows in _runs(functions, "schema", "name", "arguments"):
        head = rows[0]
        columns = tuple(Column(row["column"], row["type"]) for row in rows)
        found.append(
            Relation(
                head["schema"], head["name"], head["comment"], columns, arguments=head["arguments"]
            )
        )
    return found


def _runs(rows: Sequence[asyncpg.Record], *names: str) -> list[list[asyncpg.Record]]:
    """Rows of one relation together, in their order."""
    found: dict[tuple[str, ...], list[asyncpg.Record]] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in names), []).append(row)
    return list(found.values())
