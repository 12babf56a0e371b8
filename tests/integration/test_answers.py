"""What is read by connection, and types: the tables take every record that the samples make."""

from __future__ import annotations

import asyncpg
import pytest

from aggregator.model import Record
from aggregator.resource import Resource
from tests.unit.test_answers import ALL, all_raws


@pytest.mark.parametrize("resource", ALL, ids=lambda each: each.name)
async def test_the_tables_take_every_record(resource: Resource, database_url: str) -> None:
    results = [resource.normalize(raw, False) for raw in all_raws(resource)]
    records = {each.id: each for each in results if isinstance(each, Record)}.values()
    assert records
    tracked = [("d", "o", each.id, *each.values, b"", 1) for each in records]
    readings = [("d", "o", each.id, *each.reading) for each in records if each.reading is not None]
    key = ("deployment", "organization_id", "id")
    connection = await asyncpg.connect(database_url)
    try:
        await connection.copy_records_to_table(
            resource.name,
            schema_name="inventory",
            columns=[*key, *resource.columns, "content_hash", "generation"],
            records=tracked,
        )
        if resource.readings:
            await connection.copy_records_to_table(
                f"{resource.name}_readings",
                schema_name="inventory",
                columns=[*key, *resource.readings],
                records=readings,
            )
        stored = await connection.fetchval(f"select count(*) from inventory.{resource.name}")  # noqa: S608
        assert stored == len(records)
    finally:
        await connection.close()
