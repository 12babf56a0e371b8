from __future__ import annotations

import re
import subprocess

from tests.command import ROOT

CONTRACT = "help setup demo sync check-keys status test lint bench up down"


def make_help(*arguments: str) -> str:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_help_is_the_default_and_lists_every_target_with_its_purpose() -> None:
    text = make_help()
    listed = re.findall(r"^ +([a-z-]+)  +\S", text, re.MULTILINE)
    targets = re.findall(r"^\.PHONY: ([a-z-]+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert text == make_help("help")
    assert listed == targets
    assert set(CONTRACT.split()) <= set(listed)
