"""What the schema of a connection's type does to masking."""

from __future__ import annotations

import random
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.model import Record, Rejection
from aggregator.redact import _MOST_PLANS_OF_RULES, mask_object
from aggregator.resources.connection_schema import reduce
from aggregator.resources.connections import COLUMNS, normalize
from aggregator.rules import Rules, compiled

Json: TypeAlias = Any

UUID = "248df4b7-aa70-47b8-a036-33ac447e668d"
TEXT = {"type": "string"}
SENSITIVE = {"type": "string", "sensitive": True}
PAIR = {"type": "array", "items": {"properties": {"name": TEXT, "value": TEXT}}}
PICKED = {"type": "array", "items": {"properties": {"value": TEXT, "label": TEXT}}}


def rules_of(**properties: Json) -> Rules:
    rules = compiled(reduce({"type": "object", "properties": properties}))
    assert rules is not None
    return rules


def stored(name: str, value: Json, schema: Json) -> Json:
    return mask_object({name: value}, rules_of(**{name: schema}))[name]


@pytest.mark.parametrize("nothing", [None, {}, [], "host", {"host": 1}])
def test_without_fields_there_are_no_rules(nothing: Json) -> None:
    assert compiled(nothing) is None
    assert mask_object({"host": "acme", "mystery": "hunter2"}, compiled(nothing)) == {
        "host": "acme",
        "mystery": "(set)",
    }


@pytest.mark.parametrize(
    "name",
    [
        *("mystery", "custom_reports", "client_id", "aws_access_key_id", "public_key", "params"),
        *("token_endpoint", "storage_credential_name", "certificate_id", "issuer_id", "value"),
    ],
)
def test_a_listed_property_that_is_not_sensitive_is_kept(name: str) -> None:
    assert stored(name, "acme", TEXT) == "acme"
    assert stored(name, ["acme", "other"], {"type": "array", "items": TEXT}) == ["acme", "other"]
    assert stored(name, 12, {"type": "integer"}) == 12
    assert stored(name, True, {"type": "boolean"}) is True
    assert stored(name, None, TEXT) is None
    assert stored(name, "", TEXT) == ""


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("acme", "(set)"),
        ("", "(empty)"),
        ("********", "(masked)"),
        (7, "(set)"),
        (0, "(set)"),
        (False, "(set)"),
        (True, "(set)"),
        (["a"], "(set)"),
        ([], "(empty)"),
        ({"host": "a"}, "(set)"),
        (None, None),
    ],
)
def test_a_sensitive_property_is_masked_whatever_it_holds(value: Json, masked: Json) -> None:
    assert stored("host", value, SENSITIVE) == masked


def test_what_is_inside_a_sensitive_object_or_list_is_masked() -> None:
    inside = {"properties": {"host": TEXT}, "sensitive": True}
    assert stored("server", {"host": "hunter2"}, inside) == "(set)"
    assert stored("servers", [{"host": "hunter2"}], {"items": inside}) == "(set)"
    assert stored(
        "server",
        [[{"host": "hunter2", "port": 1}]],
        {"items": {"items": {"properties": {"host": SENSITIVE, "port": {"type": "integer"}}}}},
    ) == [[{"host": "(set)", "port": 1}]]


def test_a_property_that_is_not_listed_is_masked_by_its_name() -> None:
    rules = rules_of(custom=TEXT, inner={"properties": {"custom": TEXT}}, auth={"properties": {}})
    assert mask_object(
        {
            "custom": "a",
            "host": "a",
            "mystery": "hunter2",
            "password": "hunter2",
            "inner": {"custom": "a", "host": "a", "mystery": "hunter2", "token": 1},
            "auth": {"host": "hunter2", "new": {"port": 5}},
        },
        rules,
    ) == {
        "custom": "a",
        "host": "a",
        "mystery": "(set)",
        "password": "(set)",
        "inner": {"custom": "a", "host": "a", "mystery": "(set)", "token": "(set)"},
        "auth": {"host": "(set)", "new": {"port": "(set)"}},
    }


@pytest.mark.parametrize(
    "name",
    [
        *("password", "passwd", "secret", "client_secret", "token", "refreshToken", "api_key"),
        *("access_key", "private_key", "service_account", "connection_string", "org_keys", "pin"),
        *("secret_id", "session_id", "passwordHint", "webhook", "oauth_token_expiry", "dsn"),
    ],
)
def test_a_secret_by_its_very_name_is_masked_whatever_the_schema_says(name: str) -> None:
    assert stored(name, "hunter2", TEXT) == "(set)"
    assert stored(name, 4711, {"type": "integer"}) == "(set)"
    assert stored(name, ["hunter2"], {"type": "array", "items": TEXT}) == ["(set)"]
    listed = {"properties": {"host": TEXT}}
    assert stored(name, {"host": "hunter2"}, listed) == {"host": "(set)"}


STRUCTURAL: dict[str, Json] = {
    "headers": PAIR,
    "parameters": PAIR,
    "query": PAIR,
    "extra_form_data": PAIR,
    "basic": {"properties": {"username": TEXT, "password": TEXT}},
    "header": {"properties": {"name": TEXT, "value": TEXT}},
    "oauth": {
        "properties": {
            "client_id": TEXT,
            "client_secret": TEXT,
            "token_endpoint": TEXT,
            "extra_form_data": PAIR,
            "scopes": {"type": "array", "items": TEXT},
        }
    },
    "access_key": TEXT,
}


def test_structural_paths_are_masked_whatever_the_schema_says() -> None:
    """The secrets that the vendor's schemas do not flag (polytomic-api 4.5)."""
    secret_pair = [{"name": "X-Key", "value": "hunter2"}]
    masked_pair = [{"name": "X-Key", "value": "(set)"}]
    configuration = {
        "headers": secret_pair,
        "parameters": [{"name": "id", "value": 4711}, "hunter2"],
        "query": secret_pair,
        "extra_form_data": secret_pair,
        "basic": {"username": "acme", "password": "hunter2"},
        "header": {"name": "X-Key", "value": {"host": "hunter2"}},
        "oauth": {
            "client_id": "acme",
            "client_secret": "hunter2",
            "token_endpoint": "https://id.example.com/token",
            "extra_form_data": secret_pair,
            "scopes": ["read"],
        },
        "access_key": "hunter2",
    }
    masked = {
        "headers": masked_pair,
        "parameters": [{"name": "id", "value": "(set)"}, "(set)"],
        "query": masked_pair,
        "extra_form_data": masked_pair,
        "basic": {"username": "acme", "password": "(set)"},
        "header": {"name": "X-Key", "value": {"host": "(set)"}},
        "oauth": {
            "client_id": "acme",
            "client_secret": "(set)",
            "token_endpoint": "https://id.example.com/token",
            "extra_form_data": masked_pair,
            "scopes": ["read"],
        },
        "access_key": "(set)",
    }
    rules = rules_of(**STRUCTURAL, auth={"properties": STRUCTURAL})
    assert mask_object(configuration | {"auth": configuration}, rules) == masked | {"auth": masked}


def test_a_text_or_number_in_place_of_a_group_is_masked() -> None:
    rules = rules_of(auth=TEXT, basic=TEXT, headers=TEXT, oauth={"type": "integer"})
    given_values = {"auth": "hunter2", "basic": ["hunter2"], "headers": "hunter2", "oauth": 4711}
    assert mask_object(given_values, rules) == {
        "auth": "(set)",
        "basic": ["(set)"],
        "headers": "(set)",
        "oauth": "(set)",
    }


def test_the_name_of_a_pair_is_masked_where_it_is_sensitive() -> None:
    schema = {"items": {"properties": {"name": SENSITIVE, "value": TEXT}}}
    assert stored("headers", [{"name": "hunter2", "value": "hunter2"}], schema) == [
        {"name": "(set)", "value": "(set)"}
    ]


@pytest.mark.parametrize(
    "value",
    [
        "user:hunter2@host:5432/db",
        "retryWrites=true&password=hunter2",
        '{"private_key": "hunter2"}',
        "-----BEGIN PRIVATE KEY----- hunter2",
        "two\nlines",
        "Bearer hunter2hunter2",
        "sk_live_4eC39HqLyjWD",
        "ghp_abcdefgh1234",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "x" * 5_000,
    ],
)
@pytest.mark.parametrize("name", ["custom", "custom_id"])
def test_a_schema_does_not_save_what_looks_like_a_secret(name: str, value: str) -> None:
    assert stored(name, value, TEXT) == "(set)"


def test_a_url_under_a_listed_name_loses_user_info_and_query() -> None:
    url = "https://user:hunter2@h.example.com/a?key=hunter2"
    assert stored("token_endpoint", url, TEXT) == "https://h.example.com/a"


@pytest.mark.parametrize(
    "value",
    [UUID, "d41d8cd98f00b204e9800998ecf8427e", "AKIAIOSFODNN7EXAMPLE", "1a2B3c4D5e6F7g8H9i0J1k2L"],
)
def test_only_ids_may_look_random(value: str) -> None:
    """A Polytomic key is a UUID (fault T16), so a bare one is kept where the name says id, too."""
    assert stored("client_id", value, TEXT) == value
    assert stored("accounts", [{"value": value, "label": "a"}], PICKED) == [
        {"value": value, "label": "a"}
    ]
    assert stored("host", value, TEXT) == "(set)"
    assert stored("custom", value, TEXT) == "(set)"
    assert stored("accounts", [{"value": "a", "label": value}], PICKED) == [
        {"value": "a", "label": "(set)"}
    ]


@pytest.mark.parametrize("schema", [TEXT, {"type": "array", "items": TEXT}, {"type": "object"}])
def test_picked_objects_follow_the_listed_name_around_them(schema: Json) -> None:
    picked = {"value": "123-456-7890", "label": "Acme EMEA"}
    assert stored("mystery", picked, schema) == picked
    assert stored("mystery", [picked], schema) == [picked]
    assert stored("password", picked, schema) == {"value": "(set)", "label": "(set)"}


@pytest.mark.parametrize(
    ("listed", "sent"), [("blobStore", "blob_store"), ("blob_store", "blobStore")]
)
def test_both_spellings_of_a_name_are_the_same_property(listed: str, sent: str) -> None:
    assert mask_object({sent: "a"}, rules_of(**{listed: TEXT})) == {sent: "a"}
    assert mask_object({sent: 1}, rules_of(**{listed: SENSITIVE})) == {sent: "(set)"}
    both = rules_of(**{listed: TEXT, sent: SENSITIVE})
    assert mask_object({sent: "a", listed: "a"}, both) == {sent: "(set)", listed: "(set)"}


def test_names_that_are_no_words_are_told_apart() -> None:
    rules = rules_of(имя=TEXT, ключ=SENSITIVE)
    assert mask_object({"имя": "a", "ключ": "a", "!": "a"}, rules) == {
        "имя": "a",
        "ключ": "(set)",
        "!": "(set)",
    }


def test_masking_changes_nothing_and_gives_the_same_again() -> None:
    rules = rules_of(accounts=PICKED, custom=TEXT)
    configuration = {"accounts": [{"value": "1", "label": "a"}], "custom": "a", "password": "p"}
    masked = mask_object(configuration, rules)
    assert mask_object(configuration, rules) == masked
    assert configuration == {
        "accounts": [{"value": "1", "label": "a"}],
        "custom": "a",
        "password": "p",
    }


def test_deep_nesting_ends_in_a_note() -> None:
    """Fault C15."""
    nested: Json = "bottom"
    for _ in range(500):
        nested = [nested]
    masked = repr(stored("custom", nested, {"items": TEXT}))
    assert "(too deep)" in masked
    assert "bottom" not in masked


def test_integers_beyond_64_bits_become_text() -> None:
    """Fault C13."""
    assert stored("custom", 2**63, {"type": "integer"}) == str(2**63)


def test_what_is_remembered_is_bounded_and_no_value() -> None:
    rules = rules_of(host=TEXT)
    token = "sk_live_" + "face" * 6
    assert mask_object({"host": "a", token: 1}, rules) == {"host": "a", "(set)": "(set)"}
    assert not rules.plans
    for number in range(_MOST_PLANS_OF_RULES + 1):
        mask_object({"host": "a", f"name {number}": 1}, rules)
    assert len(rules.plans) <= _MOST_PLANS_OF_RULES


# The digest


def test_rules_are_equal_and_hashable_by_their_digest() -> None:
    rules = rules_of(host=TEXT)
    assert len(rules.digest) == 16
    assert {rules, rules_of(host=TEXT)} == {rules}


BASE: dict[str, Json] = {
    "host": TEXT,
    "accounts": PICKED,
    "inner": {"properties": {"a": TEXT, "b": SENSITIVE}},
}


@pytest.mark.parametrize(
    "changed",
    [
        {"host": SENSITIVE},
        {"accounts": {**PICKED, "sensitive": True}},
        {"accounts": {"items": {"properties": {"value": SENSITIVE, "label": TEXT}}}},
        {"inner": {"properties": {"a": TEXT, "b": TEXT}}},
        {"inner": {"properties": {"a": TEXT}}},
        {"more": TEXT},
    ],
)
def test_the_digest_changes_when_masking_could(changed: Json) -> None:
    assert rules_of(**BASE | changed).digest != rules_of(**BASE).digest


@pytest.mark.parametrize(
    "same",
    [
        {"host": {"type": "string", "title": "Host name"}},
        {"host": {"type": "string", "readOnly": True, "description": "new"}},
        {"inner": {"properties": {"b": SENSITIVE, "a": TEXT}, "required": ["a"]}},
        {"inner": {"properties": {"a": TEXT, "b": {"properties": {"c": {}}, "sensitive": True}}}},
        {"accounts": {"items": {"items": PICKED["items"]}}},
    ],
)
def test_the_digest_stays_when_masking_does(same: Json) -> None:
    assert rules_of(**BASE | same).digest == rules_of(**BASE).digest
    assert rules_of(**dict(reversed(BASE.items()))).digest == rules_of(**BASE).digest


# Whole connections


def connection(**fields: Json) -> Json:
    return {"id": "c", "type": {"id": "warehouse"}, **fields}


def values(record: Json, rules: dict[str, Rules]) -> dict[str, Any]:
    result = normalize(record, False, rules)
    assert isinstance(result, Record)
    return dict(zip(COLUMNS, result.values, strict=True))


def test_a_connection_is_masked_by_the_rules_of_its_type() -> None:
    rules = {"warehouse": rules_of(custom=TEXT, host=SENSITIVE)}
    record = connection(configuration={"custom": "a", "host": "hunter2"})
    assert values(record, rules)["configuration"] == '{"custom":"a","host":"(set)"}'
    assert values(record, rules)["endpoint"] is None
    other = {"other": rules["warehouse"]}
    assert values(record, other)["configuration"] == '{"custom":"(set)","host":"hunter2"}'


@pytest.mark.parametrize("type_given", ["warehouse", {"id": "warehouse"}])
def test_a_rejected_connection_is_masked_by_the_rules_of_its_type(type_given: Json) -> None:
    record = {"type": type_given, "configuration": {"host": "hunter2", "custom": "a"}}
    result = normalize(record, False, {"warehouse": rules_of(custom=TEXT, host=SENSITIVE)})
    assert isinstance(result, Rejection)
    assert "hunter2" not in result.record
    assert '"custom":"a"' in result.record


def test_the_endpoint_comes_from_the_masked_configuration() -> None:
    rules = {"warehouse": rules_of(url=TEXT)}
    record = connection(configuration={"url": "https://u:hunter2@DB.example.com/a"})
    assert values(record, rules)["endpoint"] == "db.example.com"


# Properties: schemas and configurations made together, with canaries under sensitive paths

NAMES = st.sampled_from(
    [
        *("host", "hostname", "blobStore", "port", "custom", "accounts", "headers", "auth"),
        *("basic", "params", "name", "value", "label", "client_id", "query", "имя", "x-1", "url"),
    ]
)


@st.composite
def filled(draw: st.DrawFn, depth: int = 0, *, sensitive: bool = False) -> tuple[Json, Json]:
    """A schema and a value for it; all and only what is under a sensitive path says canary."""
    kinds = ["string", "integer", "string"] + (["array", "object"] if depth < 5 else [])
    kind = draw(st.sampled_from(kinds))
    flag = draw(st.sampled_from([{}, {}, {"sensitive": True}, {"password": True}]))
    sensitive = sensitive or bool(flag)
    schema: dict[str, Json] = {"type": kind, "title": draw(st.sampled_from(["", "A"])), **flag}
    if kind == "array":
        items = [draw(filled(depth + 1, sensitive=sensitive))]
        schema["items"] = items[0][0]
        return schema, [items[0][1]] * draw(st.integers(1, 2))
    if kind == "object":
        names = draw(st.lists(NAMES, max_size=4, unique=True))
        members = {name: draw(filled(depth + 1, sensitive=sensitive)) for name in names}
        schema["properties"] = {name: member[0] for name, member in members.items()}
        return schema, {name: member[1] for name, member in members.items()}
    if kind == "integer":
        return schema, 770_770_770 if sensitive else 5
    return schema, "canary" if sensitive else "acme"


def respelled(value: Json, source: random.Random) -> Json:
    if isinstance(value, list):
        return [respelled(item, source) for item in value]
    if not isinstance(value, dict):
        return value
    spellings = {"blobStore": ["blobStore", "blob_store"], "client_id": ["clientId", "CLIENT_ID"]}
    return {
        source.choice(spellings.get(name, [name])): respelled(item, source)
        for name, item in value.items()
    }


@given(st.dictionaries(NAMES, filled(), max_size=6), st.randoms(use_true_random=False))
def test_nothing_under_a_sensitive_path_is_stored(
    members: dict[str, tuple[Json, Json]], source: random.Random
) -> None:
    """Threat S4."""
    rules = compiled(reduce({"properties": {name: pair[0] for name, pair in members.items()}}))
    configuration = respelled({name: pair[1] for name, pair in members.items()}, source)
    record = connection(configuration=configuration)
    for given_record in (record, {**record, "id": None}):
        result = repr(normalize(given_record, False, {"warehouse": rules} if rules else {}))
        assert "canary" not in result
        assert "770770770" not in result


SECRETS: dict[str, Json] = {
    "headers": [{"name": "n", "value": "canary"}, {"value": {"host": ["canary"]}}, "canary"],
    "parameters": [{"name": "n", "value": 770_770_770}],
    "auth": {
        "basic": {"password": "canary"},
        "header": {"value": "canary"},
        "query": [{"value": "canary"}],
        "oauth": {"client_secret": "canary", "extra_form_data": [{"value": "canary"}]},
    },
    "basic": {"password": "canary"},
    "header": {"name": "n", "value": "canary"},
    "oauth": {"client_secret": "canary"},
    "access_key": "canary",
    "password": "canary",
}


def loosely(value: Json, source: random.Random) -> Json:
    """Some schema of the value that flags nothing."""
    if source.random() < 0.2:
        return source.choice([{}, TEXT, {"type": "object"}, {"type": "array"}])
    if isinstance(value, list):
        return {"items": loosely(source.choice(value), source)}
    if isinstance(value, dict):
        return {"properties": {name: loosely(item, source) for name, item in value.items()}}
    return TEXT


@given(st.randoms(use_true_random=False))
def test_structural_secrets_are_masked_under_any_schema(source: random.Random) -> None:
    rules = compiled(reduce(loosely(SECRETS, source)))
    masked = repr(mask_object(SECRETS, rules))
    assert "canary" not in masked
    assert "770770770" not in masked
