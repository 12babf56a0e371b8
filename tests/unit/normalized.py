"""Samples of what lists answer, and what becomes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeAlias

from aggregator.model import Record, Rejection
from aggregator.resource import Resource, Target

Json: TypeAlias = Any
SAMPLES = Path(__file__).parent.parent / "samples"
JSON_COLUMNS = frozenset(
    {"schedules", "source_configuration", "destination_configuration", "policy_actions", "extra"}
    | {"configuration_fields"}
)
TARGET = Target(
    "00000020-1111-4111-8111-000000000020",
    frozenset({"bulksyncsource"}),
    is_healthy=True,
    is_shared=False,
    reports_api_calls=True,
)


def sample(resource: Resource, name: str) -> list[Any]:
    """The records of a sample, new ones at each call."""
    data = json.loads((SAMPLES / resource.name / f"{name}.json").read_text())["data"]
    return data if isinstance(data, list) else [data]


def samples(resource: Resource) -> list[Any]:
    """All records of all its samples, without those of its states."""
    names = sorted(path.stem for path in (SAMPLES / resource.name).glob("*.json"))
    return [record for name in names if name != "list_status" for record in sample(resource, name)]


def answered(resource: Resource, data: Json) -> list[Any]:
    """The raw records of an answer about ``TARGET``."""
    assert resource.each is not None
    return resource.each.records(TARGET, data)


def answer(resource: Resource, name: str) -> list[Any]:
    """The raw records of a sample that is an answer about ``TARGET``, new ones at each call."""
    text = (SAMPLES / resource.name / f"{name}.json").read_text()
    return answered(resource, json.loads(text)["data"])


def reading(resource: Resource, given: Json) -> dict[str, Any] | None:
    """The volatile values by column."""
    values = record_of(resource, given).reading
    return None if values is None else dict(zip(resource.readings, values, strict=True))


def record_of(resource: Resource, given: Json) -> Record:
    result = resource.normalize(given, False)
    assert isinstance(result, Record)
    return result


def rejection_of(resource: Resource, given: Json) -> Rejection:
    result = resource.normalize(given, False)
    assert isinstance(result, Rejection)
    return result


def columns(resource: Resource, given: Json) -> dict[str, Any]:
    """The tracked values by column, JSON texts parsed."""
    values = dict(zip(resource.columns, record_of(resource, given).values, strict=True))
    for name in JSON_COLUMNS.intersection(values):
        if values[name] is not None:
            values[name] = json.loads(values[name])
    return values


def is_set(values: dict[str, Any]) -> dict[str, Any]:
    """The columns that hold anything, without ``sanitized``."""
    del values["sanitized"]
    return {name: value for name, value in values.items() if value is not None}
