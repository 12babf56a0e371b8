"""One process measured from outside: wall time, CPU, peak memory, and what it printed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_SECONDS = 900.0
_LAUNCHER = Path(__file__).with_name("launcher.py")


@dataclass(frozen=True, slots=True)
class Measured:
    """What one process cost; times are seconds, the clock is ``time.monotonic``."""

    started_at: float
    ended_at: float
    process_cpu_seconds: float
    """User and system, of this process alone; not of Postgres or the API server."""
    peak_bytes: int
    printed: dict[str, Any]
    """The JSON document on its standard output; empty where it printed something else."""

    @property
    def wall_seconds(self) -> float:
        """From start to end, less what the process says it spent on preparing its input."""
        preparation: float = self.printed.get("preparation_seconds", 0.0)
        return self.ended_at - self.started_at - preparation

    @property
    def cpu_seconds(self) -> float:
        """As ``wall_seconds``: without the preparation."""
        preparation: float = self.printed.get("preparation_cpu_seconds", 0.0)
        return self.process_cpu_seconds - preparation

    @property
    def own_seconds(self) -> float | None:
        """What the process itself says that its work took."""
        return self.printed.get("duration_seconds")


def run(
    arguments: Sequence[str],
    environment: Mapping[str, str] | None = None,
    *,
    exit_codes: Collection[int] = (0,),
) -> Measured:
    """Run Python with these arguments to its end, away from any ``.env`` and our own variables.

    Ends this program with the process's own words when it ends with another than these
    ``exit_codes`` or takes longer than ``TIMEOUT_SECONDS``.
    """
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("AGGREGATOR_")}
    full = inherited | {"PYTHONPATH": str(ROOT)} | dict(environment or {})
    with tempfile.TemporaryDirectory(prefix="benchmark-run-") as name:
        folder = Path(name)
        report, stdout, stderr = (folder / part for part in ("report", "stdout", "stderr"))
        launcher = [sys.executable, "-I", "-S", str(_LAUNCHER)]
        files = [str(report), str(stdout), str(stderr)]
        _wait([*launcher, *files, sys.executable, *arguments], full, folder)
        cost = orjson.loads(report.read_bytes()) if report.exists() else {"exit_code": "timeout"}
        if cost.pop("exit_code") not in exit_codes:
            complaint = stderr.read_text(errors="replace")[-4000:]
            raise SystemExit(f"{' '.join(arguments)} failed:\n{stdout.read_text()}\n{complaint}")
        return Measured(**cost, printed=_json(stdout.read_bytes()))


def _wait(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
    process = subprocess.Popen(command, env=environment, cwd=folder, start_new_session=True)
    try:
        process.wait(TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"gave up after {TIMEOUT_SECONDS:.0f} s", file=sys.stderr)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _json(output: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(output)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}
