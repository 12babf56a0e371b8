"""What the schema of compose files does not check; no Docker engine is needed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.command import ROOT

COMPOSE = ROOT / "docker-compose.yml"
Compose = dict[str, Any]
KINDS = ("volumes", "secrets", "configs", "networks")


@pytest.fixture(scope="module")
def compose() -> Compose:
    loaded: Compose = YAML(typ="safe").load(COMPOSE)
    return loaded


def named(references: Iterable[str | Compose] | None) -> Iterator[str]:
    """The names in any of compose's forms: texts or mappings in a list, or keys."""
    for reference in references or ():
        name = reference.get("source", "") if isinstance(reference, dict) else reference
        name = name.partition(":")[0]
        if name and not name.startswith((".", "/")):
            yield name


def test_every_volume_secret_config_and_network_that_a_service_uses_is_defined(
    compose: Compose,
) -> None:
    used = {
        (kind, name)
        for service in compose["services"].values()
        for kind in KINDS
        for name in named(service.get(kind))
    }
    defined = {(kind, name) for kind in KINDS for name in compose.get(kind) or ()}

    assert used == defined


def test_a_service_depends_only_on_services_that_exist(compose: Compose) -> None:
    for service in compose["services"].values():
        assert set(service.get("depends_on", ())) <= set(compose["services"])


def test_every_file_that_is_mounted_exists(compose: Compose) -> None:
    mounted = [
        volume.partition(":")[0]
        for service in compose["services"].values()
        for volume in service.get("volumes", ())
        if volume.startswith(".")
    ]

    assert mounted
    assert not [path for path in mounted if not (ROOT / path).is_file()]


def test_no_password_has_a_default() -> None:
    variables = re.findall(r"\$\{(\w*PASSWORD\w*)([^}]*)\}", COMPOSE.read_text())

    assert {name for name, _ in variables} == {"POSTGRES_PASSWORD", "REPORTING_PASSWORD"}
    assert not [name for name, rest in variables if not rest.startswith(":?")]


def test_the_data_of_postgres_18_is_kept_where_its_image_puts_it(compose: Compose) -> None:
    assert compose["services"]["database"]["image"].startswith("postgres:18")
    assert "database:/var/lib/postgresql" in compose["services"]["database"]["volumes"]


def test_make_up_starts_services_that_exist(compose: Compose) -> None:
    makefile = (ROOT / "Makefile").read_text()
    started = re.findall(r"docker compose (?:up|run) .*?(\w+)$", makefile, re.MULTILINE)

    assert set(started) == set(compose["services"])


def test_the_job_says_how_it_trusts_the_server_beside_it(compose: Compose) -> None:
    """Fault G10: the host is another machine's to the job, and the image has no certificate."""
    url = compose["services"]["sync"]["environment"]["AGGREGATOR_DATABASE_URL"]
    assert url.endswith("@database:5432/aggregator?sslmode=disable")
