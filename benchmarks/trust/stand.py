"""What the cases run against: a throw-away server, and databases that are gone in the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.databases import Databases, Run


@dataclass(frozen=True, slots=True)
class Stand:
    """Borrowed by every case; nothing here is opened or closed by them."""

    databases: Databases
    folder: Path
    """For files of a case; gone in the end."""
    seed: int


@contextmanager
def standing(seed: int) -> Iterator[Stand]:
    run = Run()
    try:
        databases = Databases.of_run(run.folder)
        databases.migrate_template()
        files = run.folder / "files"
        files.mkdir()
        yield Stand(databases, files, seed)
    finally:
        run.close()
