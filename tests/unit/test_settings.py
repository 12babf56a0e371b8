from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from aggregator.errors import ConfigurationError
from aggregator.files import MAX_LINE_CHARACTERS
from aggregator.settings import Settings, load_settings
from tests.leaks import everything_in

CANARY = "canary-5up3r-53cr3t"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in os.environ:
        if variable.upper().startswith("AGGREGATOR_"):
            monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)


def problems() -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    return caught.value.problems


def keys_of(settings: Settings) -> dict[str, str]:
    return {name: key.get_secret_value() for name, key in settings.api_keys.items()}


def test_without_any_variable_every_setting_has_the_default_of_the_contract() -> None:
    assert load_settings().model_dump() == {
        "database_url": None,
        "data_dir": Path(".aggregator"),
        "base_url": "https://app.polytomic.com",
        "api_version": "2025-09-18",
        "api_keys": {},
        "keys_dir": None,
        "organizations_file": None,
        "partner_key": None,
        "max_concurrency": 64,
        "max_concurrency_per_organization": 2,
        "requests_per_second": 50,
        "requests_per_second_per_organization": 5,
        "request_timeout_seconds": 30,
        "max_attempts": 4,
        "run_deadline_seconds": 3600,
        "max_response_bytes": 33554432,
        "resources": (),
        "removal_limit_fraction": 0.10,
        "removal_limit_rows": 10,
        "auto_migrate": True,
        "metrics_file": None,
        "pushgateway_url": None,
        "metrics_organization_labels": False,
        "log_format": "console",
        "log_level": "info",
    }


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGGREGATOR_MAX_CONCURRENCY", "7")
    monkeypatch.setenv("AGGREGATOR_AUTO_MIGRATE", "false")
    monkeypatch.setenv("AGGREGATOR_LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("AGGREGATOR_RESOURCES", "connections, policies,connections,")
    monkeypatch.setenv("AGGREGATOR_KEYS_DIR", "/run/secrets/polytomic")
    settings = load_settings()
    assert settings.max_concurrency == 7
    assert settings.auto_migrate is False
    assert settings.log_level == "debug"
    assert settings.resources == ("connections", "policies")
    assert settings.keys_dir == Path("/run/secrets/polytomic")


def test_settings_come_from_dotenv_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_text(
        "\ufeffAGGREGATOR_MAX_CONCURRENCY=8\nexport AGGREGATOR_MAX_ATTEMPTS=2 # few\n"
        "AGGREGATOR_LOG_FORMAT='json'\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("AGGREGATOR_LOG_FORMAT", "console")
    settings = load_settings()
    assert settings.max_concurrency == 8
    assert settings.max_attempts == 2
    assert settings.log_format == "console"


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.setenv(f"AGGREGATOR_{name.upper()}", "")
    assert load_settings() == Settings.model_construct()


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:12/{CANARY}@localhost/x",
        f"postgresql://me:1?{CANARY}@localhost/x",
        f"postgresql://me:1#{CANARY}@localhost/x",
        f"postgresql://me:{CANARY}/{CANARY}@localhost/x",
        f"postgresql://me:{CANARY}@localhost:no-port/x",
        f"postgresql://[::1/{CANARY}",
    ],
)
def test_a_password_that_would_pass_for_another_part_of_the_url_is_refused_unseen(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("AGGREGATOR_DATABASE_URL", url)
    (problem,) = problems()
    assert problem.startswith("AGGREGATOR_DATABASE_URL: cannot be understood")
    assert CANARY not in problem


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:1%2F2%3F3%23@localhost:5432/x?sslmode=require",
        "postgresql://one:5432,two:5433/x",
        "postgresql:///x?host=/run/postgresql&user=me@server",
        "postgresql://me@server:secret@localhost/x",
    ],
)
def test_other_forms_of_a_database_url_are_left_to_the_driver(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("AGGREGATOR_DATABASE_URL", url)
    settings = load_settings()
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == url


def test_settings_cannot_be_changed() -> None:
    settings = load_settings()
    with pytest.raises(ValidationError):
        settings.max_attempts = 9


def test_names_of_organizations_keep_their_case_in_the_environment_and_in_dotenv(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_text("AGGREGATOR_API_KEYS__Acme-EU.2=k-env-file\n", encoding="utf-8")
    monkeypatch.setenv("AGGREGATOR_API_KEYS__Acme", "k-upper")
    monkeypatch.setenv("AGGREGATOR_API_KEYS__acme", "k-lower")
    monkeypatch.setenv("AGGREGATOR_API_KEYS__two__parts", "k-parts")
    assert keys_of(load_settings()) == {
        "Acme": "k-upper",
        "acme": "k-lower",
        "two__parts": "k-parts",
        "Acme-EU.2": "k-env-file",
    }


def test_both_forms_of_api_keys_are_combined(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text('AGGREGATOR_API_KEYS={"Acme": "k1", "b": ""}\n', encoding="utf-8")
    monkeypatch.setenv("AGGREGATOR_API_KEYS__c", "k3")
    monkeypatch.setenv("AGGREGATOR_API_KEYS__blank", "")
    assert keys_of(load_settings()) == {"Acme": "k1", "b": "", "c": "k3", "blank": ""}


def test_a_key_is_taken_literally_from_dotenv() -> None:
    Path(".env").write_text("AGGREGATOR_API_KEYS__a=x${HOME}y\n", encoding="utf-8")
    assert keys_of(load_settings()) == {"a": "x${HOME}y"}


def test_an_organization_in_both_forms_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGGREGATOR_API_KEYS", '{"acme": "k1"}')
    monkeypatch.setenv("AGGREGATOR_API_KEYS__acme", "k2")
    assert problems() == (
        "AGGREGATOR_API_KEYS__acme: names an organization that is in AGGREGATOR_API_KEYS too",
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (f'{{"acme": "{CANARY}"', "is not JSON (character"),
        (CANARY, "is not JSON (character 1)"),
        (f'["{CANARY}"]', "must be a JSON object"),
        (f'"{CANARY}"', "must be a JSON object"),
        (f'{{"acme": ["{CANARY}"]}}', "must have a text as the key of acme"),
        (f'{{"acme": {{"key": "{CANARY}"}}}}', "must have a text as the key of acme"),
        (f'{{"acme": "{CANARY}", "acme": "x"}}', "names an organization twice: acme"),
        ("[" * 100_000, "is not JSON"),
    ],
    ids=["cut", "bare key", "array", "text", "array as key", "object as key", "twice", "deep"],
)
def test_broken_api_keys_are_refused_without_showing_them(text: str, complaint: str) -> None:
    """Fault A8: half-written."""
    Path(".env").write_text(f"AGGREGATOR_API_KEYS='{text}'\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    (problem,) = caught.value.problems
    assert problem.startswith(f"AGGREGATOR_API_KEYS: {complaint}")
    assert CANARY not in everything_in(caught.value)


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("MAX_CONCURRENCY", "0", "a whole number from 1 to 1000"),
        ("MAX_CONCURRENCY", "1000000000", "a whole number from 1 to 1000"),
        ("MAX_CONCURRENCY", "many", "a whole number from 1 to 1000"),
        ("MAX_CONCURRENCY", "1.5", "a whole number from 1 to 1000"),
        ("MAX_CONCURRENCY_PER_ORGANIZATION", "-1", "a whole number from 1 to 100"),
        ("REQUESTS_PER_SECOND", "nan", "0 (no ceiling) or a number from 0.01 to 10000"),
        ("REQUESTS_PER_SECOND", "1e-300", "0 (no ceiling) or a number from 0.01 to 10000"),
        ("REQUESTS_PER_SECOND_PER_ORGANIZATION", "-1", "0 (no ceiling) or a number from 0.01"),
        ("REQUEST_TIMEOUT_SECONDS", "-1", "a number from 0.1 to 3600"),
        ("REQUEST_TIMEOUT_SECONDS", "NaN", "a number from 0.1 to 3600"),
        ("REQUEST_TIMEOUT_SECONDS", "inf", "a number from 0.1 to 3600"),
        ("MAX_ATTEMPTS", "0", "a whole number from 1 to 20"),
        ("RUN_DEADLINE_SECONDS", "1e9", "a number from 0.1 to 604800"),
        ("MAX_RESPONSE_BYTES", "1", "a whole number from 1024 to 1073741824"),
        ("REMOVAL_LIMIT_FRACTION", "10", "a number from 0 to 1"),
        ("REMOVAL_LIMIT_ROWS", "-1", "a whole number from 0 to 1000000"),
        ("AUTO_MIGRATE", "maybe", "true or false"),
        ("LOG_FORMAT", "xml", "console or json"),
        ("LOG_LEVEL", "loud", "debug, info, warning or error"),
        ("API_VERSION", "latest", "a date as YYYY-MM-DD"),
        ("API_VERSION", "2025-9-18", "a date as YYYY-MM-DD"),
        ("API_VERSION", "2025-02-30", "a date of the calendar, as YYYY-MM-DD"),
    ],
)
def test_absurd_values_are_refused_with_the_allowed_range(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, allowed: str
) -> None:
    """Fault A14."""
    monkeypatch.setenv(f"AGGREGATOR_{variable}", value)
    (problem,) = problems()
    assert problem.startswith(f"AGGREGATOR_{variable}: must be {allowed}")


def test_zero_requests_per_second_means_no_ceiling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGGREGATOR_REQUESTS_PER_SECOND", "0")
    assert load_settings().requests_per_second == 0


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("https://app.polytomic.com", "https://app.polytomic.com"),
        ("https://app.polytomic.com///", "https://app.polytomic.com"),
        ("HTTPS://App.Polytomic.COM:443/", "https://app.polytomic.com"),
        ("https://polytomic.acme.internal:8443", "https://polytomic.acme.internal:8443"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.8.9.10/", "http://127.8.9.10"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_a_base_url_is_kept_as_an_origin(
    monkeypatch: pytest.MonkeyPatch, given: str, stored: str
) -> None:
    """Fault A13."""
    monkeypatch.setenv("AGGREGATOR_BASE_URL", given)
    assert load_settings().base_url == stored


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("http://app.polytomic.com", "must begin with https://"),
        ("http://localhost.evil.example", "must begin with https://"),
        ("http://127.evil.example", "must begin with https://"),
        ("http://10.0.0.1", "must begin with https://"),
        ("ftp://localhost", "must begin with https://"),
        ("app.polytomic.com", "must not have a path"),
        (f"https://user:{CANARY}@app.polytomic.com", "must not hold a user or a password"),
        ("https://@app.polytomic.com", "must not hold a user or a password"),
        ("https://app.polytomic.com/api", "must not have a path"),
        (f"https://app.polytomic.com?key={CANARY}", "must not have a query or a fragment"),
        ("https://app.polytomic.com/#", "must not have a query or a fragment"),
        ("https://app.polytomic.com:0", "is not a URL"),
        ("https://app.polytomic.com:99999", "is not a URL"),
        ("https://[::1", "is not a URL"),
        ("https://", "is not a URL"),
        ("https://app\\polytomic.com", "is not a URL"),
        ("https://app.polytomic.com ", "must be one ASCII word"),
        ("https://app.polyt\tomic.com", "must be one ASCII word"),
        ("https://\u0430pp.polytomic.com", "must be one ASCII word"),
    ],
)
def test_a_base_url_that_could_send_keys_astray_is_refused(
    monkeypatch: pytest.MonkeyPatch, given: str, complaint: str
) -> None:
    """Fault A13."""
    monkeypatch.setenv("AGGREGATOR_BASE_URL", given)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    (problem,) = caught.value.problems
    assert problem.startswith(f"AGGREGATOR_BASE_URL: {complaint}")
    assert CANARY not in everything_in(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://pushgateway:9091",
        "https://metrics.example/push/",
        f"https://me:{CANARY}@metrics.example",
        f"http://me:{CANARY}@127.0.0.1:9091",
    ],
)
def test_a_pushgateway_may_speak_plain_http_where_no_password_travels(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("AGGREGATOR_PUSHGATEWAY_URL", url)
    settings = load_settings()
    assert settings.pushgateway_url
    assert settings.pushgateway_url.get_secret_value() == url
    assert CANARY not in repr(settings)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        (f"http://me:{CANARY}@pushgateway:9091", "must begin with https://"),
        (f"https://me:pa/{CANARY}@pushgateway", "is not a URL"),
        (f"https://me/{CANARY}@pushgateway", "must not have a query or a fragment"),
        (f"https://m%3Ae:{CANARY}@pushgateway", "a user has no colon"),
        (f"https://pushgateway?key={CANARY}", "must not have a query or a fragment"),
        ("pushgateway:9091", "is not a URL"),
        ("http://", "is not a URL"),
        ("http://pushgateway:0", "is not a URL"),
        ("http://pushgateway:port", "is not a URL"),
        ("ftp://pushgateway", "is not a URL"),
        ("http://push gateway", "is not a URL"),
    ],
)
def test_a_pushgateway_that_is_none_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, url: str, complaint: str
) -> None:
    monkeypatch.setenv("AGGREGATOR_PUSHGATEWAY_URL", url)
    (problem,) = problems()
    assert problem.startswith(f"AGGREGATOR_PUSHGATEWAY_URL: {complaint}")
    assert CANARY not in problem


@pytest.mark.parametrize("value", [f"mysql://u:{CANARY}@h/d", CANARY, f"{CANARY}\udcff"])
def test_a_bad_database_url_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("AGGREGATOR_DATABASE_URL", value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    (problem,) = caught.value.problems
    assert problem.startswith("AGGREGATOR_DATABASE_URL: must be")
    assert CANARY not in everything_in(caught.value)


def test_secrets_do_not_appear_in_settings_that_are_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AGGREGATOR_DATABASE_URL", f"postgresql://u:{CANARY}@h/d")
    monkeypatch.setenv("AGGREGATOR_PARTNER_KEY", CANARY)
    monkeypatch.setenv("AGGREGATOR_API_KEYS__acme", CANARY)
    settings = load_settings()
    assert CANARY not in f"{settings} {settings!r} {settings.model_dump_json()}"


def test_a_refused_value_is_not_shown_by_the_settings_class_either() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(database_url=SecretStr(CANARY), log_level=CANARY)  # type: ignore[arg-type]  # the point
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("AGGREGATOR_BASEURL", "; did you mean AGGREGATOR_BASE_URL?"),
        ("aggregator_base_url", "; did you mean AGGREGATOR_BASE_URL?"),
        ("AGGREGATOR_API_KEY", "; did you mean AGGREGATOR_API_KEYS?"),
        ("AGGREGATOR_\u00e9\x07", ""),
    ],
)
@pytest.mark.parametrize("where", ["environment", "dotenv"])
def test_a_misspelt_variable_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, variable: str, hint: str, where: str
) -> None:
    if where == "environment":
        monkeypatch.setenv(variable, CANARY)
    else:
        Path(".env").write_text(f"{variable}={CANARY}\n", encoding="utf-8")
    assert problems() == (f"{ascii(variable)[1:-1]}: is not a setting{hint}",)


def test_variables_of_others_and_of_tests_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("ACME_POLYTOMIC_KEY=k\nAGGREGATOR_TEST_X=1\n", encoding="utf-8")
    monkeypatch.setenv("AGGREGATOR_TEST_DATABASE_URL", "postgresql://localhost/test")
    assert load_settings() == Settings.model_construct()


def test_all_problems_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text(
        f"AGGREGATOR_MAX_ATTEMPTS=0\n'{CANARY}\nAGGREGATOR_BASEURL=x\n"
        f"AGGREGATOR_LOG_FORMAT\nAGGREGATOR_DATA_DIR=a\nAGGREGATOR_DATA_DIR=b\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("AGGREGATOR_REQUEST_TIMEOUT_SECONDS", "nan")
    monkeypatch.setenv("AGGREGATOR_API_KEYS", CANARY)
    monkeypatch.setenv("AGGREGATOR_DATABASE_URL", CANARY)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert sorted(problem.partition(":")[0] for problem in caught.value.problems) == [
        ".env line 2",
        ".env line 4",
        ".env line 6",
        "AGGREGATOR_API_KEYS",
        "AGGREGATOR_BASEURL",
        "AGGREGATOR_DATABASE_URL",
        "AGGREGATOR_MAX_ATTEMPTS",
        "AGGREGATOR_REQUEST_TIMEOUT_SECONDS",
    ]
    assert CANARY not in everything_in(caught.value)


def test_a_dotenv_that_is_a_folder_is_a_problem() -> None:
    """Fault A8."""
    Path(".env").mkdir()
    assert problems() == (".env: cannot be read: Is a directory",)


def test_a_dotenv_that_leads_nowhere_is_a_problem() -> None:
    """Fault A8."""
    Path(".env").symlink_to("gone")
    assert problems() == (".env: cannot be read: No such file or directory",)


@pytest.mark.parametrize("content", [b"AGGREGATOR_X=\0", b"AGGREGATOR_X=\xff\xfe"])
def test_a_binary_dotenv_is_a_problem(content: bytes) -> None:
    """Fault A8."""
    Path(".env").write_bytes(content)
    assert problems() == (".env: is not UTF-8 text",)


def test_an_empty_dotenv_is_no_problem() -> None:
    Path(".env").touch()
    assert load_settings() == Settings.model_construct()


def test_an_endless_line_is_refused_with_its_number() -> None:
    """Fault A10."""
    Path(".env").write_text(f"A=1\nB={'x' * MAX_LINE_CHARACTERS}\n", encoding="utf-8")
    assert problems() == (f".env: line 2 is longer than {MAX_LINE_CHARACTERS} characters",)


def test_fifty_thousand_keys_are_read() -> None:
    """Fault A10."""
    keys = {f"organization-{number}": f"made-up-key-{number}" for number in range(50_000)}
    Path(".env").write_text(f"AGGREGATOR_API_KEYS={json.dumps(keys)}\n", encoding="utf-8")
    assert keys_of(load_settings()) == keys
