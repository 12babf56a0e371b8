from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.model import Record, Rejection
from aggregator.resources import RESOURCES
from aggregator.resources.connections import CONNECTIONS, NO_RULES, normalize
from aggregator.rules import Rules, compiled
from tests.simulator.catalogue import TYPES

Json: TypeAlias = Any
SAMPLES = Path(__file__).parent.parent / "samples" / "connections"


def sample(name: str) -> list[Any]:
    data: list[Any] = json.loads((SAMPLES / f"{name}.json").read_text())["data"]
    return data


def record_of(given_record: Json, *, sanitized: bool = False) -> Record:
    result = CONNECTIONS.normalize(given_record, sanitized)
    assert isinstance(result, Record)
    return result


def rejection_of(given_record: Json) -> Rejection:
    result = CONNECTIONS.normalize(given_record, False)
    assert isinstance(result, Rejection)
    return result


def columns(given_record: Json) -> dict[str, Any]:
    """The tracked values by column, JSON texts parsed."""
    values = dict(zip(CONNECTIONS.columns, record_of(given_record).values, strict=True))
    for name in ("configuration", "extra"):
        if values[name] is not None:
            values[name] = json.loads(values[name])
    return values


def vouched(*names: str) -> dict[str, Rules]:
    """The rules of a type whose schema lists these names, none of them as sensitive."""
    rules = compiled({name: {} for name in names})
    assert rules is not None
    return {"t": rules}


def endpoint_of(
    configuration: dict[str, Any] | None, rules: Mapping[str, Rules] = NO_RULES
) -> str | None:
    result = normalize({"id": "c", "type": "t", "configuration": configuration}, False, rules)
    assert isinstance(result, Record)
    endpoint: str | None = result.values[CONNECTIONS.columns.index("endpoint")]
    return endpoint


def reading(**fields: Json) -> dict[str, Any] | None:
    values = record_of({"id": "c", **fields}).reading
    return None if values is None else dict(zip(CONNECTIONS.readings, values, strict=True))


def test_what_is_personal_or_costs_a_request_a_connection_is_not_read_by_default() -> None:
    assert [name for name, each in RESOURCES.items() if each.is_default] == [
        "connections",
        "connection_types",
        "organizations",
        "bulk_syncs",
        "model_syncs",
        "models",
    ]


def test_the_example_of_the_reference_is_read_field_by_field() -> None:
    [example] = sample("list_connections")
    moment = datetime(2024, 1, 15, 9, 30, tzinfo=UTC)
    record = record_of(example)
    assert record.id == "248df4b7-aa70-47b8-a036-33ac447e668d"
    assert record.organization_id == "248df4b7-aa70-47b8-a036-33ac447e668d"
    assert record.reading == (2021, False, None, None, None)
    assert columns(example) == {
        "name": "My Postgres Connection",
        "type_id": "postgresql",
        "type_name": "PostgreSQL",
        "type_logo_url": "https://connect-assets.polytomic.com/logos/postgresql.svg",
        "type_logo_dark_url": None,
        "operations": ["bulksyncsource"],
        "status": "healthy",
        "status_error": "error message",
        "endpoint": "postgres.example.com",
        "saved": True,
        "configuration": {
            "database": "example",
            "hostname": "postgres.example.com",
            "password": "(masked)",
            "port": 5432,
            "username": "user",
        },
        "policies": ["248df4b7-aa70-47b8-a036-33ac447e668d"],
        "parent_connection_id": "248df4b7-aa70-47b8-a036-33ac447e668d",
        "created_at": moment,
        "created_by_id": "12345678-1234-1234-1234-123456789012",
        "created_by_name": "John Doe",
        "created_by_type": "user",
        "updated_at": moment,
        "updated_by_id": "12345678-1234-1234-1234-123456789012",
        "updated_by_name": "John Doe",
        "updated_by_type": "user",
        "extra": None,
        "sanitized": False,
    }


def test_an_older_server_is_read() -> None:
    """Older spelling, empty name, masks of other lengths, secrets in clear (polytomic-api 4.7)."""
    salesforce, postgres = map(columns, sample("older_server"))
    assert salesforce["name"] == ""
    assert salesforce["operations"][:2] == ["BulkSyncSource", "FIELDSETQUERY"]
    assert salesforce["endpoint"] == "blah.scratch.my.salesforce.com"
    assert salesforce["configuration"] == {
        "api_version": 56,
        "daily_api_calls": 3750000,
        "domain": "blah.scratch.my.salesforce.com",
        "enforce_api_limits": False,
        "instance_url": "https://blah.scratch.my.salesforce.com",
        "max_api_calls": 5000000,
        "oauth_access_token": "(set)",
        "oauth_refresh_token": "(set)",
        "oauth_token_expiry": "(set)",
        "username": "user@example.com",
    }
    assert salesforce["extra"] == {"auth_url": "(empty)"}
    assert postgres["configuration"]["password"] == "(masked)"
    assert postgres["configuration"]["client_key"] == "(empty)"
    assert postgres["saved"] is None
    assert record_of(sample("older_server")[1]).reading is None


def test_wrong_types_cost_the_field_and_not_the_record() -> None:
    """Fault C19: the column is null, the raw value is in extra, masked."""
    odd = sample("oddities")[0]
    assert record_of(odd).organization_id == "7"
    values = columns(odd)
    assert {name for name, value in values.items() if value is not None} == {
        "type_id",
        "extra",
        "sanitized",
    }
    assert values["type_id"] == "postgresql"
    assert values["extra"] == {
        "api_calls_last_24_hours": "(not kept)",
        "configuration": "(set)",
        "created_at": 1705311000,
        "created_by": "John Doe",
        "name": 5,
        "rate_limit": "(not kept)",
        "saved": "yes",
        "status": {"code": "(set)"},
        "status_error": ["(set)"],
        "type": "postgresql",
    }
    assert record_of(odd).reading == (None, True, None, None, None)


def test_unknown_fields_and_words_are_kept_and_masked() -> None:
    """Faults C20, D16."""
    newer = sample("oddities")[1]
    values = columns(newer)
    assert (values["name"], values["status"]) == ("Ünïcode ✓", "Napping")
    assert values["extra"] == {
        "rate_limit.scope": "(not kept)",
        "recovery_phrase": "(set)",
        "region": "eu-west-1",
        "shard": 12,
        "type.category": "(set)",
        "updated_by.nickname": "(set)",
    }
    assert values["updated_by_id"] == "9"
    assert "hunter2" not in repr(record_of(newer))


def test_camel_case_is_masked_as_snake_case() -> None:
    values = columns(sample("oddities")[2])
    assert values["configuration"] == {
        "accessKey": "(set)",
        "blobStore": True,
        "clientSecret": "(empty)",
        "orgId": "o-1",
        "serverHostname": "DB.Example.com:443",
    }
    assert values["endpoint"] == "db.example.com"


@pytest.mark.parametrize("given_id", ["A-b", "Ünï", " padded ", "x" * 512, "0"])
def test_an_id_is_kept_verbatim(given_id: str) -> None:
    """Fault C21."""
    assert record_of({"id": given_id}).id == given_id


@pytest.mark.parametrize("number", [7, -1, 2**53 + 1, 2**63])
def test_a_whole_number_is_an_id_as_text(number: int) -> None:
    """Fault C13: no id is changed silently."""
    assert record_of({"id": number}).id == str(number)


@pytest.mark.parametrize(
    ("fields", "record_id", "reason"),
    [
        ({}, None, "the id is missing"),
        ({"id": None}, None, "the id is missing"),
        ({"id": ""}, "", "the id is empty"),
        ({"id": "x" * 513}, "x" * 512, "the id is longer than 512 characters"),
        ({"id": 1.5}, None, "the id is neither a text nor an integer of 64 bits"),
        ({"id": True}, None, "the id is neither a text nor an integer of 64 bits"),
        ({"id": 2**63 + 1}, None, "the id is neither a text nor an integer of 64 bits"),
        ({"id": {"a": 1}}, None, "the id is neither a text nor an integer of 64 bits"),
    ],
)
def test_a_record_without_a_usable_id_is_rejected(
    fields: dict[str, Any], record_id: str | None, reason: str
) -> None:
    """Fault C21: the reject says why and shows the record, masked."""
    rejection = rejection_of({**fields, "name": "a", "configuration": {"password": "hunter2"}})
    assert (rejection.record_id, rejection.reason) == (record_id, reason)
    assert json.loads(rejection.record)["name"] == "a"
    assert json.loads(rejection.record)["configuration"] == {"password": "(set)"}


@pytest.mark.parametrize("value", [None, 7, "hunter2", ["hunter2"], True])
def test_a_record_that_is_no_object_is_rejected(value: Json) -> None:
    rejection = rejection_of(value)
    assert rejection.reason == "the record is not an object"
    assert "hunter2" not in rejection.record


@pytest.mark.parametrize(
    "other",
    [
        {"name": "Otherbase"},
        {"name": 1},
        {"name": True},
        {"operations": ["target"]},
        {"operations": ["target", 1]},
        {"operations": None, "Operations": ["target"]},
        {"new": "x"},
    ],
)
def test_a_type_is_read_alike_whatever_types_of_its_id_came_before(other: dict[str, Json]) -> None:
    usual = {"id": "otherbase", "name": "Base", "operations": ["a", "target"]}
    unusual = usual | other
    first = columns({"id": "c", "type": {**unusual, "id": "never seen before"}})
    assert columns({"id": "c", "type": usual})["type_name"] == "Base"
    for kind in (unusual, usual, unusual):
        found = columns({"id": "c", "type": kind})
    assert found == first | {"type_id": "otherbase"}
    assert columns({"id": "c", "type": usual})["extra"] is None


def test_the_order_of_keys_policies_and_operations_never_matters() -> None:
    """Invariant I4."""

    def shuffled(value: Json) -> Json:
        if isinstance(value, dict):
            names = list(value)
            source.shuffle(names)
            return {name: shuffled(value[name]) for name in names}
        return source.sample(value, len(value)) if isinstance(value, list) else value

    source = random.Random(1)  # noqa: S311 -- test data, the same in each run
    tokens = {f"sk_live_{number:08}": number for number in range(3)}
    for given_record in sample("list_connections") + sample("older_server") + sample("oddities"):
        given_record["policies"] = ["b", "a", 7, {"x": 1}]
        given_record.update(tokens)
        expected = CONNECTIONS.normalize(given_record, False)
        for _ in range(5):
            assert CONNECTIONS.normalize(shuffled(given_record), False) == expected


def test_policies_keep_what_is_text_and_note_the_rest() -> None:
    values = columns({"id": "c", "policies": ["b", 7, "a", None]})
    assert values["policies"] == ["a", "b"]
    assert values["extra"] == {"policies": [7, None]}


def test_a_list_that_is_none_is_noted_and_a_long_one_cut() -> None:
    """Faults C17, C19."""
    assert columns({"id": "c", "policies": "all"})["extra"] == {"policies": "all"}
    values = columns({"id": "c", "policies": ["p"] * 10_001})
    assert len(values["policies"]) == 10_000
    assert values["extra"] == {"policies": "(cut)"}


@pytest.mark.parametrize(
    ("given_time", "stored"),
    [
        ("2024-01-15T09:30:00Z", datetime(2024, 1, 15, 9, 30, tzinfo=UTC)),
        ("2024-01-15T11:30:00+02:00", datetime(2024, 1, 15, 9, 30, tzinfo=UTC)),
        ("2024-01-15T09:30:00.123456789Z", datetime(2024, 1, 15, 9, 30, 0, 123456, tzinfo=UTC)),
        ("2024-01-15T09:30:00.5Z", datetime(2024, 1, 15, 9, 30, 0, 500000, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+05:00", None),
        ("", None),
        (None, None),
    ],
)
def test_times_are_stored_in_utc_and_never_means_null(
    given_time: str | None, stored: datetime | None
) -> None:
    """Fault C18."""
    values = columns({"id": "c", "created_at": given_time})
    assert values["created_at"] == stored
    assert values["extra"] is None
    assert stored is None or values["created_at"].tzinfo is UTC


@pytest.mark.parametrize(
    "given_time",
    [
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "2024-01-15T24:00:00Z",
        "2024-01-15T09:30:60Z",
        "infinity",
        "0044-03-15 BC",
        "9999-12-31T23:59:59-05:00",
        "soon",
        1705311000,
        True,
        1.5,
    ],
)
def test_an_unreadable_time_is_null_and_its_raw_value_kept(given_time: Json) -> None:
    """Fault C18."""
    values = columns({"id": "c", "updated_at": given_time})
    assert values["updated_at"] is None
    assert values["extra"] == {"updated_at": given_time}


def test_a_time_without_a_zone_is_utc_with_a_note() -> None:
    """Fault C18."""
    values = columns({"id": "c", "created_at": "2024-01-15T09:30:00"})
    assert values["created_at"] == datetime(2024, 1, 15, 9, 30, tzinfo=UTC)
    assert values["extra"] == {"created_at": "2024-01-15T09:30:00"}


def test_the_four_states_of_a_rate_limit() -> None:
    """polytomic-api 4.3: limited, not limited, unknown, not reported."""
    since = "2026-11-23T10:00:00Z"
    limited = reading(rate_limit={"currently_limited": True, "limited_since": since})
    free = reading(rate_limit={"currently_limited": False, "limited_since": None})
    unknown = reading(rate_limit=None)
    assert limited is not None
    assert free is not None
    assert unknown is not None
    assert (limited["rate_limit_reported"], limited["rate_limited"]) == (True, True)
    assert limited["rate_limited_since"] == datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert (free["rate_limit_reported"], free["rate_limited"]) == (True, False)
    assert (unknown["rate_limit_reported"], unknown["rate_limited"]) == (True, None)
    assert reading() is None
    not_reported = reading(api_calls_last_24_hours=0)
    assert not_reported is not None
    assert not_reported["rate_limit_reported"] is False


@pytest.mark.parametrize(
    ("calls", "count"),
    [(0, 0), (2**63 - 1, 2**63 - 1), (5.0, 5), (2**63, None), (True, None), ("5", None)],
)
def test_api_calls_are_whole_numbers_that_fit(calls: Json, count: int | None) -> None:
    """Fault F2."""
    values = reading(api_calls_last_24_hours=calls, rate_limit=None)
    assert values is not None
    assert values["api_calls_last_24_hours"] == count
    assert columns({"id": "c", "api_calls_last_24_hours": calls})["extra"] == (
        {"api_calls_last_24_hours": "(not kept)"} if count is None else None
    )


def test_readings_never_touch_the_tracked_values() -> None:
    """Fault D13: volatile fields make no history, not even when they are odd."""
    first = record_of({"id": "c", "api_calls_last_24_hours": 1, "rate_limit": {"x": 1}})
    second = record_of({"id": "c", "api_calls_last_24_hours": 2, "rate_limit": {"x": 2}})
    assert first.values == second.values
    assert first.reading != second.reading


@pytest.mark.parametrize(
    ("configuration", "endpoint"),
    [
        ({"hostname": "DB.Example.com"}, "db.example.com"),
        ({"hostname": "db.example.com:5432", "account": "acme"}, "db.example.com"),
        ({"url": "https://user:hunter2@API.example.com:8443/v1?x=1"}, "api.example.com"),
        ({"hosts": "h1.example.com:27017,h2.example.com:27017"}, "h1.example.com"),
        ({"host": "[2001:DB8::1]:5432"}, "[2001:db8::1]"),
        ({"hostname": "", "domain": "acme.example.com"}, "acme.example.com"),
        ({"url": "postgres://user:hun/ter2@h", "account": "ACME-1"}, "ACME-1"),
        ({"url": "/relative", "bucket": "acme-exports"}, "acme-exports"),
        ({"host": "not a host"}, None),
        ({"host": 5, "password": "hunter2"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_the_endpoint_is_the_host_or_else_the_account(
    configuration: dict[str, Any] | None, endpoint: str | None
) -> None:
    assert endpoint_of(configuration) == endpoint


@pytest.mark.parametrize(
    ("configuration", "endpoint"),
    [
        ({"ssh_host": "SFTP.acme.example", "ssh_user": "acme"}, "sftp.acme.example"),
        (
            {"rest_endpoint": "https://123-ABC-999.mktorest.example/rest"},
            "123-abc-999.mktorest.example",
        ),
        ({"store": "acme.myshopify.example"}, "acme.myshopify.example"),
        ({"store": "Acme"}, "acme"),
        ({"hub_domain": "acme.example", "hub_user": "ops@acme.example"}, "acme.example"),
        ({"account_domain": "acme.example"}, "acme.example"),
        ({"dynamics_url": "https://acme.crm.example/"}, "acme.crm.example"),
        ({"school_url": "https://acme.learn.example"}, "acme.learn.example"),
        ({"connection_name": "acme:us-east1:orders"}, "acme:us-east1:orders"),
        ({"wif_project_id": "acme-prod"}, "acme-prod"),
        ({"company_id": "acme"}, "acme"),
        ({"orgId": "2f5cfcd0-6a1c-4a5e-9d5b-0a1b2c3d4e5f"}, "2f5cfcd0-6a1c-4a5e-9d5b-0a1b2c3d4e5f"),
        ({"tenant_name": "Acme Ltd", "tenant_type": "ORGANISATION"}, "Acme Ltd"),
        ({"connected_org": "Acme"}, "Acme"),
        ({"workspace_public_name": "Acme"}, "Acme"),
        ({"site_id": "acme"}, "acme"),
        ({"realm_id": "12345678"}, "12345678"),
        ({"business_unit_id": "1234567"}, "1234567"),
        ({"customer_id": "C01abc"}, "C01abc"),
        ({"merchant_id": "acme"}, "acme"),
        ({"content_owner_id": "acme"}, "acme"),
    ],
)
def test_the_endpoint_stands_under_a_name_of_the_types_own(
    configuration: dict[str, Any], endpoint: str
) -> None:
    assert endpoint_of(configuration) == endpoint


@pytest.mark.parametrize("tunnel", ["ssh_host", "ssh_hostname", "sshHost"])
@pytest.mark.parametrize(
    "name", ["hostname", "hosts", "endpoint", "server_hostname", "url", "domain"]
)
def test_a_tunnel_is_the_endpoint_only_where_no_other_host_is_known(name: str, tunnel: str) -> None:
    tunneled = {tunnel: "bastion.example", "account": "reader"}
    assert endpoint_of({**tunneled, name: "db.example"}) == "db.example"
    assert endpoint_of({**tunneled, name: ""}) == "bastion.example"


def test_what_overrides_another_name_is_the_endpoint() -> None:
    salesforce = {"instance_url": "https://acme.example", "domain": "acme.example"}
    override = {"instance_url_override": "https://sandbox.acme.example"}
    rules = vouched(*salesforce, *override)
    assert endpoint_of(salesforce | override, rules) == "sandbox.acme.example"
    assert endpoint_of(salesforce | {"instance_url_override": ""}, rules) == "acme.example"
    assert endpoint_of(salesforce | override) == "acme.example", "nobody vouches for the name"
    assert endpoint_of({"project_id": "acme", "override_project_id": "acme-eu"}) == "acme-eu"


@pytest.mark.parametrize(
    ("configuration", "endpoint"),
    [
        ({"site": "https://Acme.chargebee.example/"}, "acme.chargebee.example"),
        ({"site": "Acme"}, "Acme"),
        ({"s3_bucket_name": "s3://acme-lake/orders"}, "acme-lake"),
        ({"outputbucket": "s3://acme-results/orders"}, "acme-results"),
    ],
)
def test_an_account_that_is_a_link_gives_its_host(
    configuration: dict[str, Any], endpoint: str
) -> None:
    assert endpoint_of(configuration, vouched(*configuration)) == endpoint


def test_a_name_in_camel_case_is_the_same_name() -> None:
    assert endpoint_of({"restEndpoint": "https://acme.example/rest"}) == "acme.example"
    assert endpoint_of({"s3BucketName": "acme-lake"}) == "acme-lake"


@pytest.mark.parametrize("name", ["base_url", "instance_url", "ssh_host", "org_id", "tenant_id"])
def test_of_two_spellings_the_same_one_counts_in_every_process(name: str) -> None:
    """Sets have another order in each process, which would make history of nothing."""
    camel = name.replace("_u", "U").replace("_h", "H").replace("_i", "I")
    assert endpoint_of({name: "snake", camel: "camel"}) == "camel"


@pytest.mark.parametrize(
    "mark", ["********", "", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"]
)
def test_what_is_not_shown_in_clear_is_no_endpoint(mark: str) -> None:
    assert endpoint_of({"store": mark, "ssh_host": mark, "tenant_id": mark}) is None


def test_what_is_neither_host_nor_account_is_no_endpoint() -> None:
    """Another's link, the region's API, the person who connected."""
    assert endpoint_of({"event_url": "https://app.example/slack"}) is None
    assert endpoint_of({"data_api_endpoint": "https://redshift-data.example"}) is None
    assert endpoint_of({"connected_user": "ops@acme.example", "region": "eu-west-1"}) is None


def test_each_type_of_the_fleet_says_where_it_goes_if_it_can() -> None:
    source = random.Random(1)  # noqa: S311 - repeatable, not secret
    silent = {kind.id for kind in TYPES if endpoint_of(kind.configuration(source, "acme")) is None}
    assert silent == {"airtable", "github", "googleads", "gsheets", "intercom", "klaviyo", "stripe"}


def test_a_shared_connection_names_its_parent_and_an_empty_parent_is_none() -> None:
    assert columns({"id": "c", "parent_connection_id": "p"})["parent_connection_id"] == "p"
    assert columns({"id": "c", "parent_connection_id": ""})["parent_connection_id"] is None


def test_an_empty_error_is_no_error() -> None:
    assert columns({"id": "c", "status_error": ""})["status_error"] is None


def test_an_error_is_masked() -> None:
    error = "GET https://u:hunter2@h.example.com/?key=hunter2: bad password=hunter2"
    assert columns({"id": "c", "status_error": error})["status_error"] == (
        "GET https://h.example.com/: bad password=(set)"
    )


def test_long_texts_are_cut_with_a_note() -> None:
    """Fault C17."""
    values = columns({"id": "c", "name": "n" * 70_000, "status_error": "no " * 3_000})
    assert len(values["name"]) == 65_536
    assert len(values["status_error"]) == 2_000
    assert values["extra"] == {"name": "(cut)", "status_error": "(cut)"}


def test_an_error_cut_before_masking_is_noted_too() -> None:
    """Fault C17."""
    values = columns({"id": "c", "status_error": "see https://h.example.com/?q=" + "x" * 9_000})
    assert values["status_error"] == "see"
    assert values["extra"] == {"status_error": "(cut)"}


def test_a_huge_configuration_is_replaced_by_a_note() -> None:
    """Fault C17."""
    values = columns({"id": "c", "configuration": {f"x{n}": n for n in range(100_000)}})
    assert values["configuration"] == {"(too large)": True}
    assert values["extra"] == {"configuration": "(too large)"}


def test_nothing_deeper_than_64_levels_is_stored() -> None:
    """Fault C15."""
    nested: Any = 1
    for _ in range(1_000):
        nested = [nested]
    record = record_of(
        {"id": "c", "configuration": {"x": nested}, "y": nested, "policies": [nested]}
    )
    for text in (value for value in record.values if isinstance(value, str)):
        assert text.count("[") <= 3 * 64
    assert "(too deep)" in repr(record)


def test_a_sanitized_record_says_so() -> None:
    assert record_of({"id": "c"}, sanitized=True).values[-1] is True


JSON_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
JSON_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | JSON_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(JSON_TEXT, inner, max_size=4),
    max_leaves=12,
)
PATHS: list[tuple[str, ...]] = [
    *((name,) for name in sample("list_connections")[0]),
    *(("rate_limit",), ("news",), ("type", "id"), ("type", "operations")),
    *(("created_by", "id"), ("configuration", "host")),
]


def assert_storable(result: Record | Rejection) -> None:
    """What Postgres and asyncpg take: types as promised, no NUL, parsable bounded JSON texts."""
    if isinstance(result, Rejection):
        json.loads(result.record)
        return
    assert 0 < len(result.id) <= 512
    values = dict(zip(CONNECTIONS.columns, result.values, strict=True))
    for name, value in values.items():
        if name in {"operations", "policies"}:
            assert value is None or all(isinstance(item, str) for item in value)
        elif name in {"created_at", "updated_at"}:
            assert value is None or (isinstance(value, datetime) and value.tzinfo is UTC)
        elif name in {"saved", "sanitized"}:
            assert value in {None, True, False}
        else:
            assert value is None or isinstance(value, str)
        assert "\0" not in repr(value)
    for name in ("configuration", "extra"):
        assert values[name] is None or isinstance(json.loads(values[name]), dict)


@given(JSON_VALUE)
def test_any_json_is_stored_or_rejected(value: Json) -> None:
    assert_storable(CONNECTIONS.normalize(value, False))
    assert_storable(
        CONNECTIONS.normalize({"id": "c", "configuration": value, "extra": value}, False)
    )


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(PATHS), JSON_VALUE, st.sampled_from([0, 1, 2]))
def test_any_value_in_any_field_is_stored_or_rejected(
    path: tuple[str, ...], value: Json, which: int
) -> None:
    given_record = [*sample("list_connections"), *sample("older_server")][which]
    target = given_record
    for name in path[:-1]:
        target = target.setdefault(name, {})
    target[path[-1]] = value
    assert_storable(CONNECTIONS.normalize(given_record, False))
