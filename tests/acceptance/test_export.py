"""``aggregator export``: what is in the file is what is in the view, or there is no new file."""

from __future__ import annotations

import csv
import io
import json
import signal
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pyarrow.parquet as pq
import pytest

from aggregator.export.csv import original
from tests.acceptance.world import WAITING, until
from tests.command import Finished, RunCommand, finished, started_in
from tests.stored import READ, Stored, stored

ODD_NAMES = [
    "=cmd|' /C calc'!A0",
    "+1",
    "-2+3",
    "@SUM(1+1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1+1",  # noqa: RUF001 (a full-width form)
    "'=1",
    "'tis",
    'say "hi", or; not',
    "two\r\nlines",
    "\u2028\u202e\ufeff\x07",
    "<img src=x onerror=alert(1)>",
    "",
    "NULL",
    "\\N",
    "naïve 日本語 🦊",
    "%s {x} $1",
]
FORMATS = ("csv", "jsonl", "parquet")


async def fill(ready: Stored) -> None:
    await ready.organization("acme", *READ)
    for number, name in enumerate([*ODD_NAMES, None]):
        await ready.connection_of(
            "acme",
            f"c{number:02}",
            name=name,
            operations=["read", name or ""],
            configuration=json.dumps({"host": name, "port": -5, "id": 2**70}),
        )
    await ready.reading("connections", "acme", "c00", rate_limit_reported=False)


@pytest.fixture
async def url(database_url: str) -> str:
    """A database with connections whose names are odd."""
    async with stored(database_url) as ready:
        await fill(ready)
    return database_url


async def in_the_view(url: str) -> list[dict[str, Any]]:
    async with stored(url) as ready:
        rows = await ready.read("connections", "connection_id")
    return [row | {"configuration": json.loads(row["configuration"])} for row in rows]


def of_csv(text: str) -> list[dict[str, str]]:
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    return sorted(rows, key=lambda row: row["connection_id"])


async def exported(run_command: RunCommand, url: str, *arguments: str) -> Finished:
    return await run_command("export", *arguments, env={"AGGREGATOR_DATABASE_URL": url})


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_csv_file_has_what_the_view_has_and_no_formula(
    url: str, run_command: RunCommand, tmp_path: Path
) -> None:
    """Fault I2: as a spreadsheet reads it, and as the database reads it back."""
    result = await exported(run_command, url, "connections", "--output", "fleet.csv")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "20 rows of reporting.connections in fleet.csv\n"
    text = (tmp_path / "fleet.csv").read_bytes().decode()
    for got, expected in zip(of_csv(text), await in_the_view(url), strict=True):
        assert original(got["name"]) == (expected["name"] or "")
        assert not got["name"].startswith(tuple("=+-@\t\r\n＝"))  # noqa: RUF001 (as above)
        assert json.loads(got["operations"]) == expected["operations"]
        assert json.loads(got["configuration"]) == expected["configuration"]
        assert got["is_healthy"] == "true"
        assert got["first_seen_at"].endswith("Z")
    connection = await asyncpg.connect(url)
    await connection.execute("create temp table back (like reporting.connections)")
    names = ", ".join(f'"{name}"' for name in of_csv(text)[0])
    await connection.execute(
        f"alter table back {', '.join(f'alter {name} type text' for name in names.split(', '))}"
    )
    await connection.copy_to_table(
        "back", source=tmp_path / "fleet.csv", format="csv", header=True, encoding="utf8"
    )
    back = await connection.fetch("select name from back order by connection_id")
    await connection.close()
    expected_names = [row["name"] for row in await in_the_view(url)]
    assert [row["name"] and original(row["name"]) for row in back] == expected_names
    assert expected_names[-1] is None, "and an empty text is none"


async def test_json_lines_have_what_the_view_has(url: str, run_command: RunCommand) -> None:
    result = await exported(run_command, url, "connections", "--format", "jsonl", "--output", "-")
    assert (result.exit_code, result.stderr) == (0, "")
    rows = [json.loads(line) for line in result.stdout.rstrip("\n").split("\n")]
    rows.sort(key=lambda row: row["connection_id"])
    for got, expected in zip(rows, await in_the_view(url), strict=True):
        moment = orjson.dumps(expected["first_seen_at"], option=orjson.OPT_UTC_Z).decode()
        assert got["first_seen_at"].rstrip("Z").rstrip("0") == moment.strip('"').rstrip("Z0")
        for name in ("name", "operations", "configuration", "is_healthy", "policies"):
            assert got[name] == expected[name], name
        assert list(got) == list(expected)


async def test_a_parquet_file_has_what_the_view_has(
    url: str, run_command: RunCommand, tmp_path: Path
) -> None:
    result = await exported(run_command, url, "reporting.connections", "--output", "f.parquet")
    assert (result.exit_code, result.stderr) == (0, "")
    rows = pq.read_table(tmp_path / "f.parquet").to_pylist()
    rows.sort(key=lambda row: row["connection_id"])
    for got, expected in zip(rows, await in_the_view(url), strict=True):
        got["configuration"] = json.loads(got["configuration"])
        assert {name: value for name, value in got.items() if name != "extra"} == {
            name: value for name, value in expected.items() if name != "extra"
        }


@pytest.mark.parametrize("name", FORMATS)
async def test_every_view_can_be_exported(
    url: str, run_command: RunCommand, tmp_path: Path, name: str
) -> None:
    async with stored(url) as ready:
        views = await ready.column(
            "select table_schema || '.' || table_name from information_schema.views"
            " where table_schema in ('reporting', 'people') and table_name = any($1)",
            ["runs", "observations", "api_usage_daily", "rejected_records", "users", "models"],
        )
    for view in views:
        result = await exported(run_command, url, view, "--output", f"{view}.{name}")
        assert (result.exit_code, result.stderr) == (0, ""), view
    assert left(tmp_path) == sorted(f"{view}.{name}" for view in views)


@pytest.mark.parametrize(
    ("view", "said"),
    [
        ("conections", "no such view: 'conections'; did you mean connections"),
        ("users", "no such view: 'users'; did you mean people.users?"),
        ("reporting.user", "no such view: 'reporting.user'; did you mean people.users"),
        ("pg_catalog.pg_authid", "no such view"),
        ("connections; drop table x", "no such view"),
        ("\x1b[31m", "no such view: '\\x1b[31m'"),
    ],
)
async def test_an_unknown_view_is_exit_2_and_leaves_nothing(
    url: str, run_command: RunCommand, tmp_path: Path, view: str, said: str
) -> None:
    """Threat S19: personal data leaves only where its schema is named."""
    result = await exported(run_command, url, view, "--output", "out.csv")
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert left(tmp_path) == []


async def test_an_empty_database_is_exit_2_and_says_what_to_do(
    empty_database_url: str, run_command: RunCommand
) -> None:
    result = await exported(run_command, empty_database_url, "runs", "--output", "out.csv")
    assert result.exit_code == 2
    assert "aggregator migrate" in result.stderr


async def test_a_login_of_readers_exports_what_it_may_read_and_nothing_else(
    url: str, run_command: RunCommand, tmp_path: Path
) -> None:
    """Such a login cannot see the ledger, where it is noted which migrations are applied."""
    login = f"{url}&" if "?" in url else f"{url}?"
    login += "options=-c%20role%3Dreporting_reader"
    result = await exported(run_command, login, "connections", "--output", "out.csv")
    assert (result.exit_code, result.stderr) == (0, "")
    unnamed = await exported(run_command, login, "users", "--output", "users.csv")
    assert "did you mean people.users" in unnamed.stderr, "it is told that there is such a view"
    denied = await exported(run_command, login, "people.users", "--output", "users.csv")
    assert denied.exit_code == 2
    assert "this login of the database may not read people.users" in denied.stderr
    assert left(tmp_path) == ["out.csv"]


BROKEN = """
create view reporting.broken as
select n, repeat('x', 1000) as text, 1 / (3000 - n) as share
from generate_series(1, 4000) as n
"""


@pytest.mark.parametrize("name", FORMATS)
async def test_an_export_that_fails_midway_keeps_the_old_file_and_leaves_no_litter(
    url: str, run_command: RunCommand, tmp_path: Path, name: str
) -> None:
    async with stored(url) as ready:
        await ready.connection.execute(BROKEN)
    path = tmp_path / f"out.{name}"
    path.write_text("yesterday's")
    result = await exported(run_command, url, "broken", "--output", path.name)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "division" in result.stderr.lower()
    assert "Traceback" not in result.stderr
    assert (path.read_text(), left(tmp_path)) == ("yesterday's", [path.name])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_keeps_the_old_file_and_leaves_no_litter(
    url: str, tmp_path: Path, number: signal.Signals
) -> None:
    """Also that of a terminal that was closed."""
    (tmp_path / "out.csv").write_text("yesterday's")
    arguments = ("export", "connections", "--output", "out.csv")
    async with stored(url) as ready, stored(url) as watching, ready.connection.transaction():
        await ready.connection.execute("lock table inventory.connections")
        env = {"AGGREGATOR_DATABASE_URL": url}
        async with started_in(tmp_path, *arguments, env=env) as process:
            await until(lambda: watching.column(WAITING))
            assert len(left(tmp_path)) == 2, "it has begun"
            process.send_signal(number)
            result = await finished(process)
    assert result.exit_code == 128 + number
    assert left(tmp_path) == ["out.csv"]
    assert (tmp_path / "out.csv").read_text() == "yesterday's"


async def test_under_nohup_an_export_outlives_its_terminal(url: str, tmp_path: Path) -> None:
    arguments = ("export", "connections", "--output", "out.csv")
    env = {"AGGREGATOR_DATABASE_URL": url}
    async with stored(url) as ready, stored(url) as watching:
        await ready.connection.execute("begin; lock table inventory.connections")
        async with started_in(tmp_path, *arguments, env=env, wrapper=("nohup",)) as process:
            await until(lambda: watching.column(WAITING))
            process.send_signal(signal.SIGHUP)
            await ready.connection.execute("rollback")
            result = await finished(process)
    assert result.exit_code == 0
    assert left(tmp_path) == ["out.csv"]


async def test_a_reader_that_goes_away_ends_the_export(url: str, tmp_path: Path) -> None:
    """``| head``: of a view that would take hours nobody reads the rest."""
    async with stored(url) as ready:
        await ready.connection.execute(
            "create view reporting.endless as select generate_series(1, 10000000000) as n"
        )
    arguments = ("export", "endless", "--format", "csv", "--output", "-")
    async with started_in(tmp_path, *arguments, env={"AGGREGATOR_DATABASE_URL": url}) as process:
        assert process.stdout
        assert await process.stdout.readline() == b'"n"\r\n'
        process.stdout._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 - as a reader that ends
        assert await process.wait() == 1
        assert process.stderr
        assert await process.stderr.read() == b""


async def test_an_export_sees_one_moment_and_holds_few_rows(url: str) -> None:
    """However long it takes: what is committed meanwhile is not in it."""
    from aggregator.database import open_database  # noqa: PLC0415
    from aggregator.extract import ROWS_AT_ONCE, open_view  # noqa: PLC0415

    async with stored(url) as ready:
        await ready.connection.execute(
            "insert into inventory.connections"
            " (deployment, organization_id, id, content_hash, generation)"
            " select 'app.example', 'acme', 'many' || n, '', 1 from generate_series(1, 1200) n"
        )
        sizes = []
        async with open_database(url) as database, open_view(database, "connections") as extract:
            async for rows in extract.rows():
                sizes.append(len(rows))
                await ready.connection.execute("delete from inventory.connections")
    assert sum(sizes) == 1220
    assert max(sizes) == ROWS_AT_ONCE < 1220


async def test_a_folder_as_output_is_exit_2(url: str, run_command: RunCommand) -> None:
    result = await exported(run_command, url, "runs", "--format", "csv", "--output", ".")
    assert result.exit_code == 2
    assert "is a folder" in result.stderr
