"""One run of the main job, ``aggregator sync --json``, as a measured process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.measure import Measured, run


def sync(keys: Path, base_url: str, database_url: str, **settings: str) -> Measured:
    """A run that must end complete; ``settings`` override the ones here, which lift all rates."""
    environment = {
        "KEYS_DIR": str(keys),
        "BASE_URL": base_url,
        "RESOURCES": "connections",
        "DATABASE_URL": database_url,
        "REQUESTS_PER_SECOND": "0",
        "REQUESTS_PER_SECOND_PER_ORGANIZATION": "0",
        "LOG_LEVEL": "warning",
        **settings,
    }
    prefixed = {f"AGGREGATOR_{name}": value for name, value in environment.items()}
    return run(["-m", "aggregator", "sync", "--json"], prefixed)


def expect(measured: Measured, **counts: int) -> None:
    """Ends the benchmark when a run did other work than it should: its time would mean nothing."""
    actual: dict[str, Any] = measured.printed["resources"]["connections"]
    if any(actual[name] != count for name, count in counts.items()):
        raise SystemExit(f"the run counted {actual}, expected were {counts}")
