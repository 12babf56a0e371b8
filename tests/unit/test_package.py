from __future__ import annotations

import tomllib

from tests.command import ROOT


def test_every_package_folder_is_shipped() -> None:
    """An editable installation works without; the image would not."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        shipped = tomllib.load(file)["tool"]["setuptools"]["packages"]
    folders = {path.parent.relative_to(ROOT) for path in ROOT.glob("aggregator/**/*.py")}

    assert set(shipped) == {".".join(folder.parts) for folder in folders} | {
        "aggregator.migrations"
    }
