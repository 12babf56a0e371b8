"""Statements: one file each, with a header that says what it takes and gives.

``{table}``, ``{columns}`` and the like stand for a resource's constant names; values are always
parameters.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from aggregator.resource import Resource

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")


@cache
def statement(name: str) -> str:
    return (Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8")


@cache
def resource_statement(name: str, resource: Resource) -> str:
    """The statement for this resource's tables."""
    for identifier in (resource.name, *resource.columns, *resource.readings):
        if not _IDENTIFIER.fullmatch(identifier):
            raise ValueError(f"not an identifier: {identifier}")
    names = {
        "{table}": resource.name,
        "{columns}": ", ".join(resource.columns),
        "{excluded_columns}": ", ".join(f"excluded.{name}" for name in resource.columns),
        "{readings}": ", ".join(resource.readings),
        "{excluded_readings}": ", ".join(f"excluded.{name}" for name in resource.readings),
        "{staged_readings}": ", ".join(f"s.{name}" for name in resource.readings),
        "{stored_readings}": ", ".join(f"r.{name}" for name in resource.readings),
    }
    text = statement(name)
    for placeholder, replacement in names.items():
        text = text.replace(placeholder, replacement)
    return text
