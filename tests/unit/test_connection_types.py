from __future__ import annotations

import json
from typing import Any

import pytest

from aggregator.resources.connection_types import CONNECTION_TYPES
from tests.unit.normalized import Json, columns, is_set, record_of, rejection_of, sample


def of_type(**fields: Json) -> dict[str, Any]:
    return columns(CONNECTION_TYPES, {"id": "a", **fields})


def test_a_type_is_read_field_by_field() -> None:
    postgresql, salesforce = sample(CONNECTION_TYPES, "list_connection_types")
    assert record_of(CONNECTION_TYPES, postgresql).id == "postgresql"
    assert record_of(CONNECTION_TYPES, postgresql).organization_id is None
    assert columns(CONNECTION_TYPES, postgresql) == {
        "name": "PostgreSQL",
        "logo_url": "https://connect-assets.polytomic.com/logos/postgresql.svg",
        "logo_dark_url": "https://connect-assets.polytomic.com/logos/postgresql-dark.svg",
        "use_oauth": False,
        "capabilities": ["destination", "source"],
        "configuration_fields": {
            "hostname": {"type": "string", "title": "Hostname", "required": True},
            "password": {"type": "string", "title": "Password", "sensitive": True},
        },
        "extra": None,
        "sanitized": False,
    }
    assert columns(CONNECTION_TYPES, salesforce)["configuration_fields"] is None


def test_an_older_server_is_read() -> None:
    """No ``logging``, no dark logo; capabilities as a list."""
    csv, webhook = sample(CONNECTION_TYPES, "older_server")
    assert is_set(columns(CONNECTION_TYPES, csv)) == {
        "name": "CSV",
        "use_oauth": False,
        "capabilities": ["source"],
    }
    assert columns(CONNECTION_TYPES, webhook)["capabilities"] == ["destination"]


def test_odd_fields_are_named_and_nothing_in_them_is_kept() -> None:
    odd, nameless = sample(CONNECTION_TYPES, "oddities")
    assert is_set(columns(CONNECTION_TYPES, odd)) == {
        "capabilities": ["streaming"],
        "extra": dict.fromkeys(
            (
                *("capabilities.logging", "capabilities.source", "category", "env_config"),
                *("name", "schema", "use_oauth"),
            ),
            "(set)",
        ),
    }
    assert json.loads(rejection_of(CONNECTION_TYPES, nameless).record) == {
        "name": "(set)",
        "envConfig": "(set)",
    }


def test_what_differs_by_the_key_that_asks_makes_no_change() -> None:
    assert of_type(enabled=True) == of_type(enabled=False) == of_type()


@pytest.mark.parametrize("capabilities", [None, 7, "source", [], {}, {"source": False}])
def test_no_capabilities_are_none(capabilities: Json) -> None:
    assert not of_type(capabilities=capabilities)["capabilities"]


def test_a_schema_that_cannot_be_stored_costs_only_itself() -> None:
    nested: Any = 1
    for _ in range(1_000):
        nested = {"properties": nested}
    for schema in (nested, {"a": {"b": 2**70}}):
        values = of_type(name="A", schema=schema)
        assert (values["name"], values["configuration_fields"]) == ("A", None)
        assert values["extra"] == {"schema": "(set)"}


def test_types_are_of_a_deployment_and_read_by_default() -> None:
    assert (CONNECTION_TYPES.per, CONNECTION_TYPES.is_default) == ("deployment", True)
