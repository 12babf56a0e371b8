from __future__ import annotations

import base64
import random
import string
import time
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.redact import _MOST_PLANS, Rule, _plans, mask, mask_object, rule_of
from aggregator.tripwire import mask_text, mask_value
from benchmarks.masking import measure

Json: TypeAlias = Any

SCHEMAS: dict[str, dict[str, Any]] = {
    "warehouse": {
        "properties": {
            "hostname": {"type": "string"},
            "port": {"type": "integer"},
            "dbname": {"type": "string"},
            "user": {"type": "string"},
            "passwd": {"type": "string", "password": True},
            "ssh_host": {"type": "string"},
            "ssh_private_key": {"type": "string", "sensitive": True},
            "api_id": {"type": "integer", "sensitive": True},
            "use_ssl": {"type": "boolean"},
        }
    },
    "web": {
        "properties": {
            "base_url": {"type": "string", "examples": ["https://api.example.com"]},
            "headers": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}, "value": {"type": "string"}},
                },
            },
            "auth": {
                "type": "object",
                "properties": {
                    "basic": {
                        "type": "object",
                        "properties": {"password": {"type": "string"}},
                    },
                    "query": {
                        "type": "array",
                        "items": {"type": "object", "properties": {"value": {"type": "string"}}},
                    },
                },
            },
        }
    },
    "ads": {
        "properties": {
            "accounts": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"value": {"type": "string"}, "label": {"type": "string"}},
                },
            },
            "oauth_refresh_token": {"type": "string", "sensitive": True},
            "connected_user": {"type": "string"},
        }
    },
}


def stored(name: str, value: Json) -> Json:
    return mask_object({name: value})[name]


@pytest.mark.parametrize(
    "name",
    [
        "host",
        "ssh_host",
        "database",
        "dbname",
        "region",
        "s3_bucket_name",
        "warehouse",
        "username",
        "account",
        "bulk_sync_staging_schema",
        "auth_method",
        "iam_role_arn",
        "serverHostname",
    ],
)
def test_the_text_of_a_safe_name_is_kept(name: str) -> None:
    assert stored(name, "acme-eu") == "acme-eu"


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "passwd",
        "api_key",
        "apikey",
        "oauth_token_expiry",
        "ssh_private_key",
        "dsn",
        "service_account",
        "client_id",
        "auth",
        "basic",
        "params",
        "connection_string",
        "api_key_name",
        "token_host",
        "password_database",
        "webhook_url",
        "AUTH-URL",
        "x-api-key",
    ],
)
def test_a_secret_word_anywhere_in_a_name_masks_it(name: str) -> None:
    assert stored(name, "hunter2") == "(set)"


@pytest.mark.parametrize("name", ["pin", "password", "api_id", "secretKey", "client_id"])
def test_a_number_under_a_secret_name_is_masked(name: str) -> None:
    assert stored(name, 1234) == "(set)"
    assert stored(name, 12.5) == "(set)"


@pytest.mark.parametrize(
    "name", ["body", "pairing", "x9", "new_setting", "", "h\u043est", "!", "описание"]
)
def test_the_text_of_an_unknown_name_is_masked(name: str) -> None:
    """Fault D16: a field that the API adds in clear is masked by default; so is a look-alike."""
    assert stored(name, "hunter2") == "(set)"


@pytest.mark.parametrize("value", [None, True, False, 0, 12, 1.5])
def test_numbers_booleans_and_null_of_an_unknown_name_are_kept(value: object) -> None:
    assert stored("new_setting", value) == value


def test_booleans_and_null_are_kept_even_under_a_secret_name() -> None:
    assert mask_object({"client_certs": False, "private_key": None}) == {
        "client_certs": False,
        "private_key": None,
    }


@pytest.mark.parametrize(
    "names",
    [
        ("accessKey", "access_key", "ACCESS_KEY", "access-key"),
        ("sshHost", "ssh_host", "SSH_HOST"),
        ("orgId", "org_id", "OrgID"),
        ("newThing", "new_thing", "NEW THING"),
    ],
)
def test_the_spelling_of_a_name_does_not_matter(names: tuple[str, ...]) -> None:
    assert len({rule_of(name) for name in names}) == 1


@pytest.mark.parametrize("length", [1, 6, 8, 25])
def test_a_mask_says_set_empty_or_already_masked_and_never_the_length(length: int) -> None:
    assert stored("password", "x" * length) == "(set)"
    assert stored("password", "*" * length) == "(masked)"
    assert stored("host", "*" * length) == "(masked)"
    assert stored("password", "") == "(empty)"
    assert stored("password", "[REDACTED]") == "(masked)"
    assert stored("host", "") == ""


def test_structural_paths_are_masked_whatever_their_names() -> None:
    """The secrets that the vendor's schemas do not flag (polytomic-api 4.5)."""
    configuration = {
        "auth": {
            "basic": {"username": "hunter2", "password": "hunter2"},
            "header": {"name": "hunter2", "value": "hunter2"},
            "query": [{"name": "hunter2", "value": "hunter2"}],
            "oauth": {"client_secret": "hunter2", "scopes": ["hunter2"], "auth_style": 2},
        },
        "basic": {"username": "hunter2", "password": "hunter2"},
        "header": {"name": "X-Key", "value": "hunter2"},
        "headers": [{"name": "X-Key", "value": "hunter2"}, {"host": "hunter2"}, "hunter2"],
        "parameters": [{"name": "id", "value": "hunter2"}, {"name": "n", "value": 4711}],
        "oauth": {"client_secret": "hunter2", "host": "hunter2"},
        "query": {"host": "hunter2"},
    }
    masked = mask_object(configuration)
    assert "hunter2" not in repr(masked)
    assert "4711" not in repr(masked)
    assert masked["headers"][0] == {"name": "X-Key", "value": "(set)"}


def test_picked_remote_objects_follow_the_name_around_them() -> None:
    picked = [{"value": "123-456-7890", "label": "Acme EMEA"}]
    assert stored("accounts", picked) == picked
    assert stored("spreadsheet_id", picked[0]) == picked[0]
    assert stored("mystery", picked) == [{"value": "(set)", "label": "(set)"}]
    assert stored("accounts", [{"name": "pin", "value": "hunter2"}]) == [
        {"name": "pin", "value": "(set)"}
    ]


def test_what_is_inside_a_safe_name_is_judged_by_its_own_name() -> None:
    assert stored("host", {"password": "hunter2", "mystery": "hunter2", "port": 1}) == {
        "password": "(set)",
        "mystery": "(set)",
        "port": 1,
    }


@pytest.mark.parametrize(
    ("given_url", "kept"),
    [
        (
            "https://user:hunter2@h.example.com:8443/a/b?key=hunter2#hunter2",
            "https://h.example.com:8443/a/b",
        ),
        ("postgres://user:hun/ter2@h/db", "postgres://(set)"),
        ("redis://user:hun?ter2@h", "redis://(set)"),
        ("redis://user:hunter2", "redis://(set)"),
        ("redis://user:12/hunter2@h", "redis://(set)"),
        ("https://hunter2%40h.example.com/", "https://(set)"),
        ("mongodb+srv://u:hunter2@a.b,d.e:27017/db?x=hunter2", "mongodb+srv://a.b,d.e:27017/db"),
        ("jdbc:sqlserver://h:1433;user=x;password=hunter2", "jdbc:sqlserver://h:1433"),
        (
            "https://h.example.com/services/aBcD3fGh1jKlMn0pQrStUvWx",
            "https://h.example.com/services/(set)",
        ),
        (
            "https://h.example.com/8e5dcfdd-d23d-4e6f-a136-119e1254847b/x",
            "https://h.example.com/(set)/x",
        ),
        ("https://[2001:db8::1]:443/a", "https://[2001:db8::1]:443/a"),
        ("/health?api_key=hunter2", "/health"),
        ("s3://acme-exports/daily", "s3://acme-exports/daily"),
    ],
)
def test_a_url_loses_user_info_query_and_secret_parts(given_url: str, kept: str) -> None:
    assert stored("url", given_url) == kept


@pytest.mark.parametrize(
    "value",
    [
        "user:hunter2@host:5432/db",
        "host=db password=hunter2",
        '{"private_key": "hunter2"}',
        "-----BEGIN PRIVATE KEY----- hunter2",
        "two\nlines",
        "https%3A%2F%2Fuser%3Ahunter2%40h",
        "Bearer hunter2hunter2",
        "AKIAIOSFODNN7EXAMPLE",
        "sk_live_4eC39HqLyjWD",
        "sk-abcdefgh",
        "ghp_abcdefgh1234",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "8e5dcfdd-d23d-4e6f-a136-119e1254847b",
        "d41d8cd98f00b204e9800998ecf8427e",
        "ay8d5hdepz62px8lqeoakuea2ccl4rxm",
        "x" * 5_000,
    ],
)
def test_a_safe_name_does_not_save_what_looks_like_a_secret(value: str) -> None:
    assert stored("host", value) == "(set)"


@pytest.mark.parametrize(
    "value",
    [
        "db-7.c9akciq32rgd.us-east-1.rds.amazonaws.com",
        "FRXJLEC-UJA94780",
        "user@example.com",
        "arn:aws:iam::123456789012:role/MyRole",
        "git@github.com:org/repo.git",
        "h1:27017,h2:27017",
        "CustomerAnalyticsWarehouse",
        "my-very-long-database-name-2024-production",
        "Ünïcode ✓",
        "2001:db8::1",
        "1234567890123456",
        "/sql/1.0/warehouses/main",
        "Acme Test",
        "LOAD_WH",
        "US1-FED",
        "*.csv",
    ],
)
def test_ordinary_hosts_accounts_and_names_pass_the_tripwire(value: str) -> None:
    assert stored("host", value) == value


def test_a_uuid_is_kept_only_under_a_name_that_holds_ids() -> None:
    """A Polytomic key is a UUID (fault T16)."""
    uuid = "248df4b7-aa70-47b8-a036-33ac447e668d"
    assert stored("tenant_id", uuid) == uuid
    assert stored("tenant", uuid) == "(set)"


def test_random_tokens_trip_the_wire() -> None:
    alphabet = string.ascii_letters + string.digits
    source = random.Random(7)  # noqa: S311 -- test data, the same in each run
    tokens = ["".join(source.choices(alphabet, k=32)) for _ in range(1_000)]
    tokens += [base64.b64encode(source.randbytes(30)).decode() for _ in range(1_000)]
    tokens += [source.randbytes(20).hex() for _ in range(1_000)]
    slipped = [token for token in tokens if mask_value(token, may_be_uuid=True) != "(set)"]
    assert len(slipped) <= 3


def test_a_name_that_looks_like_a_value_is_masked_with_its_value() -> None:
    token = "sk_live_4eC39HqLyjWDarjtT1zdp7dc"
    assert mask_object({token: True}) == {"(set)": "(set)"}
    assert mask_object({"host": {token: 1, "n" * 500: 2}}) == {"host": {"(set)": "(set)"}}


def test_integers_beyond_64_bits_become_text() -> None:
    """Fault C13."""
    assert mask([2**63 - 1, 2**63, -(2**63) - 1], Rule.SAFE) == [
        9223372036854775807,
        "9223372036854775808",
        "-9223372036854775809",
    ]


def test_deep_nesting_ends_in_a_note() -> None:
    """Fault C15."""
    nested: Any = "bottom"
    for _ in range(1_000):
        nested = {"host": [nested]}
    masked = repr(mask(nested, Rule.OTHER))
    assert "(too deep)" in masked
    assert "bottom" not in masked


def test_masking_changes_nothing_that_it_was_given() -> None:
    configuration = {"password": "hunter2", "accounts": [{"value": "1", "label": "a"}]}
    mask_object(configuration)
    assert configuration == {"password": "hunter2", "accounts": [{"value": "1", "label": "a"}]}


def test_20000_canaries_under_secret_and_unknown_names_are_not_stored() -> None:
    """Threat S4, fault D16."""
    source = random.Random(4)  # noqa: S311 -- test data, the same in each run
    secret = ["password", "token", "apiKey", "client_secret", "auth", "credentials", "headers"]
    letters = string.ascii_lowercase

    def name() -> str:
        unknown = "x" + "".join(source.choices(letters, k=source.randint(3, 9))) + "q"
        return source.choice([unknown, source.choice(secret), f"{unknown}_{source.choice(secret)}"])

    def nested(canary: str) -> Json:
        inner = {name(): canary}
        return source.choice([canary, [canary], inner, [inner], {"host": inner}])

    for number in range(20_000):
        assert f"canary{number}" not in repr(mask_object({name(): nested(f"canary{number}")}))


def test_of_whole_connections_no_secret_is_stored_and_most_other_texts_are() -> None:
    figures = measure(SCHEMAS)
    assert figures.secrets == 7
    assert figures.stored_secrets == []
    assert figures.kept_fraction == 1.0


def test_the_measurement_sees_a_secret_that_is_stored() -> None:
    leaky = {"leaky": {"properties": {"host": {"type": "string", "sensitive": True}}}}
    assert measure(leaky, with_schemas=False).stored_secrets == ["leaky.host"]
    assert measure(leaky).stored_secrets == []


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (
            'password authentication failed for user "x" host db.example.com port 5432',
            'password authentication failed for user "x" host db.example.com port 5432',
        ),
        (
            "basic authentication is off for ops@example.com",
            "basic authentication is off for ops@example.com",
        ),
        (
            'Get "https://u:hunter2@h.example.com/v1?t=hunter2": EOF',
            'Get "https://h.example.com/v1": EOF',
        ),
        ("see https://h.example.com/a, then retry", "see https://h.example.com/a, then retry"),
        ("pq: password=hunter2 host=x", "pq: password=(set) host=x"),
        ('{"client_secret": "hunter 2", "a": 1}', '{"client_secret": (set), "a": 1}'),
        ("Incorrect API key provided: hunter2", "Incorrect API key provided: (set)"),
        ("Invalid token 'hunter2'", "Invalid token (set)"),
        ("sent Bearer hunter2hunter2", "sent Bearer (set)"),
        ("sent Basic dXNlcjpodW50ZXIy", "sent Basic (set)"),
        ("dial user:hunter2@db:5432", "dial (set)@db:5432"),
        ("request 8e5dcfdd-d23d-4e6f-a136-119e1254847b failed", "request (set) failed"),
        ("key is sk_live_4eC39HqLyjWD", "key is (set)"),
        ("-----BEGIN RSA KEY-----\nhunter2\n-----END RSA KEY----- bad", "(set) bad"),
        ("-----BEGIN RSA KEY-----\nhunter2", "(set)"),
        ("bad ay8d5hdepz62px8lqeoakuea2ccl4rxm", "bad (set)"),
    ],
)
def test_an_error_text_stays_useful_and_loses_its_secrets(text: str, masked: str) -> None:
    assert mask_text(text) == masked


def test_a_secret_cut_in_half_at_the_end_of_a_long_error_is_dropped() -> None:
    half = mask_text("x " * 4_090 + "ay8d5hdepz62px8lqeoakuea2ccl4rxm")
    assert "ay8d5" not in half
    assert mask_text("ay8d5." * 2_000) == "(set)"


@pytest.mark.parametrize(
    "text",
    [
        "key" * 3_000,
        "a:" * 4_000 + "@",
        "://" * 3_000,
        "-----BEGIN" * 800,
        "a-" * 4_000,
        "https://" + "a," * 4_000,
        "pat" + "." * 8_000,
        "basic " + "a" * 8_000,
        "eyJ" * 2_700,
        "eyJ-" * 2_000,
        "eyJaaaaaaaa-" * 650,
        "token " * 1_300,
        '"' * 8_000,
        "A" * 8_000,
    ],
)
def test_no_text_takes_long_to_mask(text: str) -> None:
    """Threat S7: every pattern is linear."""
    started = time.process_time()
    mask_text(text)
    mask_value(text[:1_000], may_be_uuid=False)
    assert time.process_time() - started < 0.05


@given(st.text(max_size=300))
def test_masking_an_error_text_twice_changes_nothing_more(text: str) -> None:
    masked = mask_text(text)
    assert mask_text(masked).count("(set)") >= masked.count("(set)") - 1


def test_a_name_that_looks_like_a_value_is_not_remembered() -> None:
    token = "sk_live_" + "face" * 6
    assert mask_object({"host": "a.example.com", token: 1, "port": 5}) == {
        "host": "a.example.com",
        "(set)": "(set)",
        "port": 5,
    }
    mask_object({"host": "a.example.com", "port": 5, "user": "reader"})
    assert ("host", "port", "user") in _plans
    assert not any(token in names for names in _plans)


def test_plans_are_bounded_in_number_and_size() -> None:
    for number in range(_MOST_PLANS + 1):
        mask_object({"host": "a", "port": 1, f"name {number}": 1})
    mask_object({f"name {number}": 1 for number in range(1000)})
    assert len(_plans) <= _MOST_PLANS
    assert max(map(len, _plans)) < 1000
