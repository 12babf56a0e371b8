"""Fault G10: which servers must prove who they are, before any is asked."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from aggregator.dsn import address, verification
from aggregator.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _homeless(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://u:p@localhost/d",
        "postgresql://u:p@127.0.0.1:5432/d",
        "postgresql://u:p@127.1.2.3/d",
        "postgresql://u@[::1]:5432/d",
        "postgresql://u@/d?host=/run/postgresql",
        "postgresql://u@%2Frun%2Fpostgresql/d",
        "postgresql:///d",
        "postgresql://u@localhost:1,127.0.0.1:2/d",
        "postgresql://u@db.example/d?sslmode=disable",
        "postgresql://u@db.example/d?sslmode=require",
        "postgresql://u@db.example/d?sslmode=verify-ca&sslrootcert=/any",
    ],
)
def test_this_machine_and_who_chose_otherwise_are_left_to_the_driver(dsn: str) -> None:
    assert verification(dsn, {}) is None


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://u:p@db.example/d",
        "postgres://u:p@192.0.2.7:5432/d",
        "postgresql://u@[2001:db8::1]/d",
        "postgresql://u@/d?host=db.example",
        "postgresql://u@localhost,db.example/d",
        "postgresql://u@localhost.example/d",
        "postgresql://u@db.example/d?sslmode=",
        "postgresql:///d?service=production",
        "postgresql://u@localhost/d?sslmode=verify-full",
        "postgresql://u@db.example/d?sslrootcert=system",
    ],
)
def test_any_other_machine_must_prove_who_it_is(dsn: str) -> None:
    context = verification(dsn, {})
    assert isinstance(context, ssl.SSLContext)
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_the_environment_names_hosts_and_modes_as_for_every_client_of_postgres() -> None:
    assert verification("postgresql:///d", {"PGHOST": "/run/postgresql"}) is None
    assert verification("postgresql:///d", {"PGHOST": "db.example"}) is not None
    assert verification("postgresql:///d", {"PGSERVICE": "production"}) is not None
    assert verification("postgresql://db.example/d", {"PGSSLMODE": "require"}) is None
    asked = {"PGSSLMODE": "disable"}
    assert verification("postgresql://db.example/d?sslmode=verify-full", asked) is not None


def test_a_named_authority_is_left_to_the_driver_and_must_be_readable(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    dsn = f"postgresql://db.example/d?sslrootcert={authority}"
    with pytest.raises(ConfigurationError, match=r"no certificate can be read from .*ca\.pem"):
        verification(dsn, {})
    authority.touch()
    assert verification(dsn, {}) == "verify-full"
    assert verification("postgresql://db.example/d", {"PGSSLROOTCERT": str(authority)})


def test_the_authority_of_the_home_folder_counts_as_for_every_client_of_postgres(
    tmp_path: Path,
) -> None:
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql" / "root.crt").touch()
    assert verification("postgresql://db.example/d", {}) == "verify-full"


def test_an_address_holds_no_user_and_no_password() -> None:
    assert address("postgresql://me:hunter2@db.example:5433/d") == "db.example:5433"
    assert address("postgresql:///d") == "local socket"
