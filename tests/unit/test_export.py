"""What a cell becomes in each format, and that it comes back as it was."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import ConfigurationError
from aggregator.export import Format, format_of
from aggregator.export.column import Column
from aggregator.export.csv import csv_text, csv_writer, original
from aggregator.export.jsonl import jsonl_writer
from aggregator.export.parquet import parquet_writer

STARTS_A_FORMULA = tuple("=+-@\t\r\n\0＝＋－＠")  # noqa: RUF001 (full-width forms count)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
ODD_TEXT = TEXT | st.builds(
    lambda quotes, start, rest: "'" * quotes + start + rest,
    st.integers(0, 3),
    st.sampled_from([*STARTS_A_FORMULA, '"', ",", ";", "\r\n", "\ufeff", "NULL", ""]),
    TEXT | st.text(st.sampled_from("=-;\t\r\n'\", x"), max_size=8),
)
MOMENT = st.datetimes(timezones=st.just(UTC))
COLUMNS = [
    Column("name", "text", "What people call it."),
    Column('odd "name"', "text"),
    Column("tags", "text[]"),
    Column("configuration", "jsonb"),
    Column("at", "timestamp with time zone"),
    Column("day", "date"),
    Column("is_healthy", "boolean"),
    Column("calls", "bigint"),
    Column("seconds", "double precision"),
    Column("run_id", "uuid"),
    Column("share", "numeric"),
]
ROW = st.tuples(
    st.none() | ODD_TEXT,
    st.none() | ODD_TEXT,
    st.none() | st.lists(ODD_TEXT, max_size=3),
    st.none() | st.dictionaries(TEXT, st.integers() | ODD_TEXT, max_size=3).map(json.dumps),
    st.none() | MOMENT,
    st.none() | st.dates(),
    st.none() | st.booleans(),
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.none() | st.uuids(),
    st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=3),
)
Row = Sequence[Any]


def written(writer: Format, columns: Sequence[Column], *batches: Sequence[Row]) -> bytes:
    file = io.BytesIO()
    with writer(file, columns) as write:
        for batch in batches:
            write(batch)
    return file.getvalue()


def cells(data: bytes) -> list[list[str]]:
    csv.field_size_limit(sys.maxsize)
    return list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


@given(st.lists(ROW, max_size=5))
def test_no_cell_of_a_csv_file_is_a_formula_to_a_spreadsheet(rows: list[Row]) -> None:
    """Fault I2: a number is no formula, and stays a number."""
    for line in cells(written(csv_writer, COLUMNS, rows)):
        for cell in line:
            assert is_number(cell) or not cell.startswith(STARTS_A_FORMULA)


@given(st.lists(st.tuples(ODD_TEXT, ODD_TEXT), max_size=3), st.sampled_from(";\t"))
def test_no_formula_begins_where_a_spreadsheet_divides_at_another_sign(
    rows: list[Row], delimiter: str
) -> None:
    """Fault I2: where the decimal sign is a comma, Excel divides at semicolons; then quotes inside
    a cell are letters, and each line end is one.
    """
    data = written(csv_writer, COLUMNS[:1] * 2, rows)
    for line in csv.reader(io.StringIO(data.decode(), newline=""), delimiter=delimiter):
        for cell in line:
            assert not cell.startswith(tuple("=+-@＝＋－＠"))  # noqa: RUF001 (as above)


@given(ODD_TEXT)
def test_a_text_comes_back_from_a_csv_file_letter_by_letter(text: str) -> None:
    """Fault I2: what keeps a formula away can be taken away again, and nothing else is."""
    ((cell,),) = cells(csv_text(text).encode())
    assert original(cell) == text


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("Salesforce", '"Salesforce"'),
        ("", '""'),
        ("=1+1", '"\'=1+1"'),
        ("－1", '"\'－1"'),  # noqa: RUF001 (a full-width form)
        ("'tis", '"\'tis"'),
        ("'=1", "\"''=1\""),
        ('say "hi", twice', '"say ""hi"", twice"'),
        ("a;=1;b;-2", "\"a;'=1;b;'-2\""),
        ('a;"=1', '"a;\'""=1"'),
        ("a;'=1", "\"a;''=1\""),
        ("one\n- two", '"one\n\'- two"'),
        ("a; b\n\nc", '"a; b\n\nc"'),
    ],
)
def test_a_text_is_quoted_and_a_formula_gets_an_apostrophe(text: str, cell: str) -> None:
    """Fault I2."""
    assert csv_text(text) == cell


@given(st.lists(ROW, max_size=5))
def test_every_value_comes_back_from_a_csv_file(rows: list[Row]) -> None:
    header, *lines = cells(written(csv_writer, COLUMNS, rows))
    assert header == [column.name for column in COLUMNS]
    for line, row in zip(lines, rows, strict=True):
        text, other, tags, configuration, at, day, healthy, calls, seconds, run_id, share = line
        assert (original(text), original(other)) == (row[0] or "", row[1] or "")
        assert (json.loads(original(tags)) if tags else None) == row[2]
        assert original(configuration) == (row[3] or "")
        assert (datetime.fromisoformat(at) if at else None) == row[4]
        assert (date.fromisoformat(day) if day else None) == row[5]
        assert {"": None, "true": True, "false": False}[healthy] == row[6]
        assert (int(calls) if calls else None) == row[7]
        assert (float(seconds) if seconds else None) == row[8]
        assert (UUID(run_id) if run_id else None) == row[9]
        assert (Decimal(share) if share else None) == row[10]


def test_null_and_an_empty_text_differ_in_a_csv_file() -> None:
    columns = [Column("a", "text"), Column("b", "text"), Column("c", "bigint")]
    assert written(csv_writer, columns, [(None, "", -5)]) == b'"a","b","c"\r\n,"",-5\r\n'


@given(st.lists(ROW, max_size=5))
def test_every_value_comes_back_from_json_lines(rows: list[Row]) -> None:
    lines = written(jsonl_writer, COLUMNS, rows).split(b"\n")
    assert lines.pop() == b""
    for line, row in zip(lines, rows, strict=True):
        got = json.loads(line, parse_float=Decimal)
        assert list(got) == [column.name for column in COLUMNS]
        name, other, tags, configuration, at, day, healthy, calls, seconds, run_id, share = (
            got.values()
        )
        assert (name, other, tags, healthy, calls) == (row[0], row[1], row[2], row[6], row[7])
        assert configuration == (row[3] and json.loads(row[3]))
        assert (at and datetime.fromisoformat(at)) == row[4]
        assert (day and date.fromisoformat(day)) == row[5]
        assert (None if seconds is None else float(seconds)) == row[8]
        assert (run_id and UUID(run_id)) == row[9]
        assert (None if share is None else Decimal(share)) == row[10]


def test_a_number_beyond_64_bits_keeps_its_digits_in_json_lines() -> None:
    """Trap T14: orjson would read it as a float, so nobody reads it on the way."""
    document = '{"id": 123456789012345678901234567890, "tiny": 1e-400}'
    data = written(jsonl_writer, [Column("extra", "jsonb")], [(document,)])
    assert data == b'{"extra":' + document.encode() + b"}\n"


def test_what_json_cannot_say_is_null() -> None:
    columns = [Column("seconds", "double precision"), Column("share", "numeric")]
    data = written(jsonl_writer, columns, [(float("nan"), Decimal("Infinity"))])
    assert orjson.loads(data) == {"seconds": None, "share": None}


@given(st.lists(ROW, max_size=5))
def test_every_value_comes_back_from_a_parquet_file(rows: list[Row]) -> None:
    table = pq.read_table(io.BytesIO(written(parquet_writer, COLUMNS, rows)))
    for got, row in zip(table.to_pylist(), rows, strict=True):
        *same, run_id, share = got.values()
        assert tuple(same) == tuple(row[:9])
        assert (run_id and UUID(run_id)) == row[9]
        assert (share and Decimal(share)) == row[10]


def test_a_parquet_file_has_types_of_its_own_and_says_what_columns_mean() -> None:
    schema = pq.read_schema(io.BytesIO(written(parquet_writer, COLUMNS)))
    assert [str(field.type) for field in schema] == [
        "string",
        "string",
        "list<element: string>",
        "string",
        "timestamp[us, tz=UTC]",
        "date32[day]",
        "bool",
        "int64",
        "double",
        "string",
        "string",
    ]
    assert schema.field("name").metadata[b"description"] == b"What people call it."
    assert schema.field("configuration").metadata[b"postgres_type"] == b"jsonb"


def test_row_groups_of_a_parquet_file_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aggregator.export.parquet.ROWS_OF_A_GROUP", 10)
    data = written(parquet_writer, [Column("n", "bigint")], *[[(1,)] * 5] * 5)
    found = pq.ParquetFile(io.BytesIO(data)).metadata
    assert [found.row_group(number).num_rows for number in range(found.num_row_groups)] == [
        10,
        10,
        5,
    ]


def test_a_row_group_of_large_rows_ends_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aggregator.export.parquet.BYTES_OF_A_GROUP", 1000)
    data = written(parquet_writer, [Column("name", "text")], *[[("x" * 600,)]] * 4)
    assert pq.ParquetFile(io.BytesIO(data)).metadata.num_row_groups == 2


def test_a_parquet_file_that_fails_midway_gets_no_footer() -> None:
    def rows() -> Iterator[Row]:
        yield (1,)
        raise SystemExit(143)

    file = io.BytesIO()
    with pytest.raises(SystemExit), parquet_writer(file, [Column("n", "bigint")]) as write:
        write(list(rows()))
    assert file.getvalue() == b"PAR1", "how it begins; it ends in the same letters"


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 23, 12, tzinfo=UTC), "2026-11-23T12:00:00Z"),
        (datetime(2026, 11, 23, 12, 0, 0, 500_000, UTC), "2026-11-23T12:00:00.5Z"),
        (datetime(2026, 11, 23, 12, 0, 0, 1, UTC), "2026-11-23T12:00:00.000001Z"),
    ],
)
def test_a_time_is_iso_8601_with_z(moment: datetime, text: str) -> None:
    assert written(csv_writer, [COLUMNS[4]], [(moment,)]) == f'"at"\r\n{text}\r\n'.encode()


@pytest.mark.parametrize(
    ("name", "output", "expected"),
    [
        ("csv", "-", csv_writer),
        (None, "fleet.CSV", csv_writer),
        (None, "a.b/fleet.ndjson", jsonl_writer),
        ("jsonl", "fleet.csv", jsonl_writer),
        (None, "fleet.parquet", parquet_writer),
    ],
)
def test_the_format_is_the_one_that_is_named_or_else_that_of_the_files_name(
    name: str | None, output: str, expected: Format
) -> None:
    assert format_of(name, output) is expected


@pytest.mark.parametrize("output", ["-", "fleet", "fleet.xlsx", "csv/fleet", "csv"])
def test_a_format_that_nothing_tells_is_asked_for(output: str) -> None:
    with pytest.raises(ConfigurationError, match="--format is needed"):
        format_of(None, output)


def test_without_its_library_parquet_is_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "aggregator.export.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigurationError, match=r"pip install .*\[parquet\]"):
        format_of("parquet", "-")
