"""Metrics by name and label, and that what is shipped for Prometheus and Grafana asks for these."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from aggregator.metrics import MOST_ORGANIZATIONS, exposition
from aggregator.summary import Summary
from tests.command import ROOT

ALERTS = ROOT / "deploy" / "prometheus-alerts.yml"
DASHBOARD = ROOT / "deploy" / "grafana-dashboard.json"
COUNTS = dict.fromkeys(
    ("seen", "created", "updated", "unchanged", "removed", "restored", "withheld", "rejected"), 1
)
ACCOUNT = Summary(organizations=2, scopes=2).as_json(
    run_id="1", status="partial", exit_code=3, duration_seconds=2.5
) | {"resources": {"connections": COUNTS}}
MEASURES = {
    "limit_wait_seconds": 1.5,
    "last_complete_run_at": 1000.0,
    "oldest_complete_at": 900.0,
    "never_complete": 1,
    "organizations": {"complete": 1, "never": 1},
    "connections": 5,
    "healthy_connections": 3,
    "unhealthy_connections": 1,
    "withheld": {"connections": 2},
}
NOW = 2000.0


def organizations(number: int) -> list[dict[str, Any]]:
    return [
        {
            "organization": f"acme-{each}",
            "status": "complete",
            "last_complete_at": None if each else 1.0,
            "connections": 1,
            "unhealthy_connections": 0,
        }
        for each in range(number)
    ]


def series(
    account: dict[str, Any],
    measures: dict[str, Any] | None,
    rows: Sequence[dict[str, Any]] | None = None,
) -> dict[str, dict[tuple[str, ...], float]]:
    """Values by metric and label values."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    text = exposition(account, measures, rows, finished_at=NOW).decode()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def labels() -> dict[str, dict[str, set[str]]]:
    """Of every metric there is, its labels with their values."""
    text = exposition(ACCOUNT, MEASURES, organizations(1), finished_at=NOW).decode()
    found: dict[str, dict[str, set[str]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            known = found.setdefault(sample.name, {})
            for name, value in sample.labels.items():
                known.setdefault(name, set()).add(value)
    return found


def test_a_run_is_told_with_its_times() -> None:
    found = series(ACCOUNT, MEASURES)
    assert found["aggregator_run_exit_code"] == {(): 3}
    assert found["aggregator_run_finished_timestamp_seconds"] == {(): 2000}
    assert found["aggregator_run_started_timestamp_seconds"] == {(): 1997.5}
    assert found["aggregator_run_status"][("partial",)] == 1
    assert sum(found["aggregator_run_status"].values()) == 1
    assert found["aggregator_connections"] == {
        ("healthy",): 3,
        ("unhealthy",): 1,
        ("unknown",): 1,
    }


def test_what_is_not_known_is_left_out() -> None:
    failed = {"status": "failed", "exit_code": 1, "duration_seconds": 0.5}
    found = series(failed, None)
    assert set(found) == {
        "aggregator_build_info",
        "aggregator_run_started_timestamp_seconds",
        "aggregator_run_finished_timestamp_seconds",
        "aggregator_run_exit_code",
        "aggregator_run_status",
        "aggregator_run_duration_seconds",
    }
    never = MEASURES | {"last_complete_run_at": None, "oldest_complete_at": None}
    assert "aggregator_last_complete_run_timestamp_seconds" not in series(ACCOUNT, never)
    assert "aggregator_oldest_organization_timestamp_seconds" not in series(ACCOUNT, never)


def test_single_organizations_are_told_only_on_request_and_only_so_many() -> None:
    """Fault I5."""
    assert not [name for name in series(ACCOUNT, MEASURES) if "_organization_is" in name]
    found = series(ACCOUNT, MEASURES, organizations(MOST_ORGANIZATIONS + 1))
    assert len(found["aggregator_organization_is_complete"]) == MOST_ORGANIZATIONS
    assert found["aggregator_organizations_are_cut"] == {(): 1}
    assert len(found["aggregator_organization_last_complete_timestamp_seconds"]) == 1, "never"
    few = series(ACCOUNT, MEASURES, organizations(MOST_ORGANIZATIONS))
    assert few["aggregator_organizations_are_cut"] == {(): 0}


def test_names_are_those_of_prometheus() -> None:
    """A unit at the end, and ``_total`` only where something only grows, which nothing does."""
    for name in labels():
        assert re.fullmatch(r"aggregator_[a-z_]+", name)
        assert not name.endswith(("_total", "_count", "_bucket", "_ms", "_created"))
        assert ("timestamp" in name) == name.endswith("_timestamp_seconds")


def unknown_in(expression: str) -> Iterator[str]:
    """What the expression asks for and no metric has: names, labels, and values of labels."""
    known = labels()
    bare = re.sub(r'"[^"]*"', '""', expression)
    for name in set(re.findall(r"\baggregator_\w+", expression)) - set(known):
        yield name
    for name, matchers in re.findall(r"\b(aggregator_\w+)\{([^}]*)\}", expression):
        for label, operator, value in re.findall(r'(\w+)(=~|!=|!~|=)"([^"]*)"', matchers):
            values = known.get(name, {}).get(label)
            if values is None or not any(re.fullmatch(value, each) for each in values):
                yield f"{name}{{{label}{operator}{value}}}"
    for grouped in re.findall(r"\bby \(([^)]*)\)", bare):
        used = re.findall(r"aggregator_\w+", bare)
        for label in grouped.replace(" ", "").split(","):
            if not all(label in known.get(name, {}) for name in used):
                yield f"by ({label})"


def alerts() -> list[dict[str, Any]]:
    document = YAML(typ="safe").load(ALERTS.read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return [panel for panel in found if panel["type"] != "row"]


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: str(rule["alert"]))
def test_an_alert_asks_for_metrics_that_exist_and_says_what_to_do(rule: dict[str, Any]) -> None:
    assert "aggregator_" in rule["expr"]
    assert list(unknown_in(rule["expr"])) == []
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"]


def test_what_is_to_wake_somebody_has_an_alert() -> None:
    together = " ".join(rule["expr"] for rule in alerts())
    for metric in (
        'aggregator_run_status{status="failed"}',
        "aggregator_run_finished_timestamp_seconds",
        "aggregator_last_complete_run_timestamp_seconds",
        "aggregator_oldest_organization_timestamp_seconds",
        "aggregator_withheld_rows",
        'aggregator_run_outcomes{outcome="unauthorized"}',
        'aggregator_organizations{status="no_key"}',
    ):
        assert metric in together


def test_what_goes_at_the_next_run_is_told_before_it() -> None:
    """Removals that are withheld for their number go when the next run agrees, an hour later."""
    [rule] = [rule for rule in alerts() if rule["alert"] == "AggregatorRemovalsWithheld"]
    assert "for" not in rule


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: str(panel["title"]))
def test_a_panel_asks_for_metrics_that_exist_and_has_a_unit(panel: dict[str, Any]) -> None:
    assert panel["description"]
    assert panel["datasource"] == {"type": "prometheus", "uid": "${DS_PROMETHEUS}"}
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]
    for target in panel["targets"]:
        assert "aggregator_" in target["expr"]
        assert list(unknown_in(target["expr"])) == []


def test_the_dashboard_can_be_imported() -> None:
    document = json.loads(DASHBOARD.read_text())
    assert [each["name"] for each in document["__inputs"]] == ["DS_PROMETHEUS"]
    assert document["uid"]
    assert document["id"] is None
    ids = [panel["id"] for panel in document["panels"]]
    assert len(ids) == len(set(ids))
    for one, other in combinations(panels(), 2):
        first, second = one["gridPos"], other["gridPos"]
        assert (
            first["x"] + first["w"] <= second["x"]
            or second["x"] + second["w"] <= first["x"]
            or first["y"] + first["h"] <= second["y"]
            or second["y"] + second["h"] <= first["y"]
        ), f"{one['title']} covers {other['title']}"


def test_a_renamed_metric_would_be_noticed() -> None:
    """The control of the tests above."""
    assert list(unknown_in("time() - aggregator_run_ended_seconds")) == [
        "aggregator_run_ended_seconds"
    ]
    assert list(unknown_in('aggregator_run_status{status="died"} == 1')) == [
        "aggregator_run_status{status=died}"
    ]
    assert list(unknown_in('aggregator_run_status{state="failed"} == 1'))
    assert list(unknown_in("sum by (outcome) (aggregator_run_rows)")) == ["by (outcome)"]
