"""``python -m tools.contract``: records what a release promises to those who read ``reporting``.

Called when a release is made, and at no other time: what is recorded cannot be taken back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from aggregator.migrate import load_migrations
from tools.catalogue import Relation, read_catalogue
from tools.database import migrated

RECORD = Path(__file__).parent.parent / "tests/contract/reporting.txt"

Promise = dict[str, list[str]]
"""Columns as ``name type``, in order, by view, or by function with its arguments."""


def promise_of(relations: Iterable[Relation]) -> Promise:
    return {
        relation.label: [f"{column.name} {column.type}" for column in relation.columns]
        for relation in relations
    }


def render(promise: Promise, release: str) -> str:
    lines = [f"# Schema reporting as released with migration {release}: lines are only added."]
    for name, columns in promise.items():
        lines += [name, *(f"    {column}" for column in columns)]
    return "\n".join(lines) + "\n"


def parse(text: str) -> Promise:
    """What ``render`` made text of."""
    found: Promise = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("    "):
            found[name].append(line.strip())
        elif not line.startswith("#"):
            name = line
            found[name] = []
    return found


def breaches(promise: Promise, present: Promise) -> list[str]:
    """What was promised and is not so now: a view or column that is gone, another type or place."""
    found = []
    for name, columns in promise.items():
        if name not in present:
            found.append(f"{name} is gone")
            continue
        for number, column in enumerate(columns):
            now = present[name][number : number + 1]
            if now != [column]:
                found.append(f"{name}: {column} is now {now[0] if now else 'gone'}")
                break  # what follows has moved with it
    return found


async def main() -> None:
    async with migrated() as connection:
        promise = promise_of(await read_catalogue(connection, "reporting"))
    RECORD.write_text(render(promise, load_migrations()[-1].label), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
