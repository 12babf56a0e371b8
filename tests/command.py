"""Runs ``python -m aggregator`` as a person would, with nothing of this process's surroundings."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Finished:
    exit_code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:  # noqa: ANN401 - JSON
        """Standard output, which must be exactly one JSON document."""
        return json.loads(self.stdout)

    def failed_with(self, code: int) -> bool:
        """Whether it ended so, and with ``--json`` said so, and said nothing else."""
        said = json.loads(self.stdout) if self.stdout else {"exit_code": code, "status": "failed"}
        return (self.exit_code, said["exit_code"], said["status"]) == (code, code, "failed")


class RunCommand(Protocol):
    """``env`` holds the ``AGGREGATOR_*`` variables to set; ``cwd`` is the test's own folder."""

    async def __call__(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout_seconds: float = 30,
    ) -> Finished: ...


async def run_in(
    folder: Path,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout_seconds: float = 30,
) -> Finished:
    """The finished command; killed and a failure of the test after ``timeout_seconds``."""
    async with started_in(cwd or folder, *arguments, env=env) as process:
        return await finished(process, timeout_seconds)


@asynccontextmanager
async def started_in(
    folder: Path,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    wrapper: Sequence[str] = (),
    stderr: int = PIPE,
) -> AsyncIterator[Process]:
    """The running command, killed in the end if it still runs; ``wrapper`` comes before it."""
    process = await asyncio.create_subprocess_exec(
        *(*wrapper, sys.executable, "-m", "aggregator", *arguments),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=stderr,
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            **(env or {}),
        },
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def finished(process: Process, timeout_seconds: float = 30) -> Finished:
    """What it came to; a failure of the test if it does not end in ``timeout_seconds``."""
    try:
        async with asyncio.timeout(timeout_seconds):
            stdout, stderr = await process.communicate()
    except TimeoutError:
        raise AssertionError(f"it did not end in {timeout_seconds} seconds") from None
    assert process.returncode is not None
    return Finished(process.returncode, stdout.decode(), (stderr or b"").decode())
