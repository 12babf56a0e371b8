from __future__ import annotations

import re
from pathlib import Path

from aggregator.settings import Settings, variable_of

EXAMPLE = Path(__file__).parents[2] / ".env.example"
ONE_KEY = "AGGREGATOR_API_KEYS__initech"


def blocks() -> list[str]:
    return EXAMPLE.read_text(encoding="utf-8").split("\n\n")


def assignments() -> list[tuple[str, str]]:
    """Names and values of the lines that are assignments once their # is gone."""
    text = EXAMPLE.read_text(encoding="utf-8")
    return re.findall(r"^#?([A-Za-z_]+)=(.*)$", text, re.MULTILINE)


def as_text(default: object) -> str:
    match default:
        case bool():
            return str(default).lower()
        case tuple():
            return ",".join(default)
        case float() | int():
            return f"{default:.15g}"
        case _:
            return str(default)


def test_every_setting_is_documented_once_and_nothing_else_is() -> None:
    names = [name for name, _ in assignments()]
    expected = [variable_of(field) for field in Settings.model_fields]
    assert sorted(names) == sorted([*expected, ONE_KEY])


def test_every_default_is_the_one_of_the_settings() -> None:
    shown = dict(assignments())
    for field, info in Settings.model_fields.items():
        if info.default is not None and field != "api_keys":
            assert shown[variable_of(field)] == as_text(info.default), field


def test_a_setting_without_a_default_says_so_and_shows_a_value() -> None:
    without = {
        variable_of(name)
        for name, info in Settings.model_fields.items()
        if not info.default and info.default is not False
    }
    without -= {variable_of("resources")}
    for name in (*without, ONE_KEY):
        (block,) = (block for block in blocks() if f"#{name}=" in block)
        assert "# No default." in block
        assert re.search(rf"^#{name}=.+$", block, re.MULTILINE)


def test_everything_is_commented_out_and_explained() -> None:
    for block in blocks():
        lines = block.strip().splitlines()
        assert all(line.startswith("#") for line in lines), block
        assert lines[0].startswith("# "), block
