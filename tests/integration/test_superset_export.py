"""The dashboard of ``deploy/superset`` fits together and fits the views, without a Superset."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from ruamel.yaml import YAML

from tests.command import ROOT

EXPORT = ROOT / "deploy" / "superset" / "polytomic_fleet"
Document = dict[str, Any]


def load(path: Path) -> Document:
    document: Document = YAML(typ="safe").load(path.read_text())
    return document


def documents(folder: str) -> list[Document]:
    return [load(path) for path in sorted((EXPORT / folder).rglob("*.yaml"))]


DATASETS = {each["uuid"]: each for each in documents("datasets")}
CHARTS = {each["uuid"]: each for each in documents("charts")}
[DATABASE] = documents("databases")
[DASHBOARD] = documents("dashboards")


def names(dataset: Document) -> set[str]:
    columns = {each["column_name"] for each in dataset["columns"]}
    return columns | {each["metric_name"] for each in dataset["metrics"]}


@pytest.fixture(params=CHARTS.values(), ids=lambda chart: chart["slice_name"])
def chart(request: pytest.FixtureRequest) -> Document:
    found: Document = request.param
    return found


async def test_datasets_have_the_columns_of_their_views_with_types_and_comments(
    database_url: str,
) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        for dataset in DATASETS.values():
            rows = await connection.fetch(
                "select attname::text, upper(format_type(atttypid, -1)),"
                " col_description(attrelid, attnum) from pg_attribute"
                " where attrelid = format('reporting.%I', $1::text)::regclass and attnum > 0"
                " order by attnum",
                dataset["table_name"],
            )
            assert [tuple(row) for row in rows] == [
                (each["column_name"], each["type"], each["description"])
                for each in dataset["columns"]
            ], dataset["table_name"]
            assert (dataset["schema"], dataset["sql"]) == ("reporting", None)
            assert dataset["database_uuid"] == DATABASE["uuid"]
            for metric in dataset["metrics"]:
                view = f"reporting.{dataset['table_name']}"
                await connection.fetch(f"select {metric['expression']} from {view}")  # noqa: S608 - names of ours
    finally:
        await connection.close()


async def test_conditions_in_sql_are_of_columns_that_exist(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        conditions = 0
        for each in CHARTS.values():
            view = f"reporting.{DATASETS[each['dataset_uuid']]['table_name']}"
            for sql in in_sql(each):
                await connection.fetch(f"select from {view} where {sql}")
                conditions += 1
        assert conditions
    finally:
        await connection.close()


def in_sql(chart: Document) -> list[str]:
    """The filters of a chart that somebody wrote as SQL."""
    filters = chart["params"]["adhoc_filters"]
    return [each["sqlExpression"] for each in filters if each["expressionType"] == "SQL"]


def referred(value: object) -> Iterator[str]:
    """Columns and metrics that the parameters of a chart name."""
    single = ("metric", "x_axis", "timeseries_limit_metric", "series_limit_metric")
    several = ("metrics", "groupby", "groupbyRows", "groupbyColumns", "all_columns")
    assert isinstance(value, dict)
    yield from (value[name] for name in single if name in value)
    for name in several:
        entries = value.get(name) or []
        yield from [entries] if isinstance(entries, str) else entries
    yield from (json.loads(order)[0] for order in value.get("order_by_cols", []))
    yield from value.get("column_config", {})
    yield from (each["subject"] for each in value["adhoc_filters"] if "subject" in each)


def queried(context: Document) -> Iterator[str]:
    """Columns and metrics that the saved query of a chart asks for."""
    [query] = context["queries"]
    for column in query["columns"]:
        yield column if isinstance(column, str) else column["sqlExpression"]
    yield from query.get("metrics") or []
    yield from (each["col"] for each in query["filters"])
    yield from (each for each, _ in query.get("orderby", []))


def test_a_chart_refers_to_what_its_dataset_has(chart: Document) -> None:
    known = names(DATASETS[chart["dataset_uuid"]])
    assert set(referred(chart["params"])) <= known
    assert chart["params"]["viz_type"] == chart["viz_type"]


def test_a_charts_saved_query_is_that_of_its_parameters(chart: Document) -> None:
    context = json.loads(chart["query_context"])
    asked = set(queried(context))
    assert asked <= set(referred(chart["params"]))
    assert context["queries"][0]["extras"]["where"] == " AND ".join(
        f"({each})" for each in in_sql(chart)
    )


def test_the_dashboard_shows_every_chart_once_in_a_tree_without_loose_ends() -> None:
    position = {key: each for key, each in DASHBOARD["position"].items() if isinstance(each, dict)}
    shown = [each["meta"] for each in position.values() if each["type"] == "CHART"]
    assert sorted(each["uuid"] for each in shown) == sorted(CHARTS)
    assert len({each["chartId"] for each in shown}) == len(shown)
    assert all(each["sliceName"] == CHARTS[each["uuid"]]["slice_name"] for each in shown)
    children = [child for each in position.values() for child in each.get("children", [])]
    assert sorted(children) == sorted(position.keys() - {"ROOT_ID", "HEADER_ID"})
    rows = [each["children"] for each in position.values() if each["type"] == "ROW"]
    assert all(sum(position[name]["meta"]["width"] for name in row) == 12 for row in rows)


def test_its_filters_are_of_columns_that_exist() -> None:
    for each in DASHBOARD["metadata"]["native_filter_configuration"]:
        [target] = each["targets"]
        assert target["column"]["name"] in names(DATASETS[target["datasetUuid"]])


def test_coverage_comes_first() -> None:
    grid = DASHBOARD["position"]["GRID_ID"]["children"]
    first = [DASHBOARD["position"][name] for row in grid[:3] for name in
             DASHBOARD["position"][row]["children"]]  # fmt: skip
    titles = [each["meta"]["sliceName"] for each in first if each["type"] == "CHART"]
    assert titles[0] == "Read completely"
    assert titles[-1] == "What we do not know"


def test_no_password_and_no_machine_is_in_it() -> None:
    assert re.fullmatch(
        r"postgresql\+psycopg2://reporting:X+@localhost:5432/aggregator", DATABASE["sqlalchemy_uri"]
    )
    for path in sorted(EXPORT.rglob("*.yaml")):
        text = path.read_text()
        assert not re.search(r"password:|127\.0\.0\.1|/tmp|/home|/root", text), path.name
        assert "://" not in text or path.parent.name == "databases", path.name


def test_nobody_writes_through_it() -> None:
    denied = ("allow_dml", "allow_ctas", "allow_cvas", "allow_csv_upload")
    assert not any(DATABASE[name] for name in denied)
